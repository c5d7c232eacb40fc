#include "out_redis/config.h"

#include <string.h>

#include "base/clock.h"
#include "out_redis/url.h"

#define AT(MEMBER)          .offset = offsetof(struct pl_redis_config, MEMBER)
#define SENTINEL_AT(MEMBER) .offset = offsetof(struct pl_redis_sentinel_config, MEMBER)

static void check_sentinel(void *object, const struct pl_check *c)
{
	const struct pl_redis_sentinel_config *s = object;
	char host[PL_REDIS_MAX_HOST + 1], reason[128];
	for (size_t i = 0; i < s->addresses.n; i++) {
		uint16_t port = 26379;
		if (pl_redis_host_parse(pl_str_of(s->addresses.v[i]), host, &port, reason, sizeof reason) != PL_OK)
			pl_check_fail(c, "addresses", "%s", reason);
	}
}

static const struct pl_field sentinel_fields[] = {
    {.key = "master",
     .type = PL_FIELD_STRING,
     SENTINEL_AT(master),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "name of the master that the Sentinels watch"},
    {.key = "addresses",
     .type = PL_FIELD_STRINGS,
     SENTINEL_AT(addresses),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "host:port of the Sentinels, asked one after the other; port 26379 unless given"},
    {.key = "username", .type = PL_FIELD_STRING, SENTINEL_AT(username), .help = "user at the Sentinels, if they ask for one"},
    {.key = "password", .type = PL_FIELD_SECRET, SENTINEL_AT(password), .help = "password at the Sentinels"},
    {0},
};

static const struct pl_schema sentinel_schema = {
    .name = "sentinel", .size = sizeof(struct pl_redis_sentinel_config), .fields = sentinel_fields, .check = check_sentinel};

static void check_redis(void *object, const struct pl_check *c)
{
	const struct pl_redis_config *r = object;
	struct pl_redis_url url;
	char reason[192];
	if (r->url == NULL)
		return;
	if (pl_redis_url_parse(pl_str_of(r->url), &url, reason, sizeof reason) != PL_OK) {
		pl_check_fail(c, "url", "%s", reason);
		return;
	}
	if (url.password[0] != '\0' && pl_secret_given(&r->password))
		pl_check_fail(c, "url", "the password stands here and in password or password_file; keep one");
	if (url.user[0] != '\0' && r->username != NULL)
		pl_check_fail(c, "username", "the URL names a user too; keep one");
	if (r->username != NULL && !pl_secret_given(&r->password) && url.password[0] == '\0')
		pl_check_fail(c, "username", "a user needs a password or password_file");
	const struct pl_tls_config *tls = &r->tls_config;
	if (!url.tls && (tls->ca_file != NULL || tls->cert_file != NULL || tls->server_name != NULL || tls->insecure_skip_verify))
		pl_check_fail(c, "tls_config", "has no effect without TLS; write the URL as rediss://");
	if (r->prefix != NULL && strpbrk(r->prefix, "*?[]^\\|") != NULL)
		pl_check_fail(c, "prefix", "must not hold any of * ? [ ] ^ \\ |, which mean something in patterns of channels");
	if (r->last_values_ttl > 0 && r->last_values_ttl < PL_NS_PER_S)
		pl_check_fail(c, "last_values_ttl", "must be at least 1s, or 0 to keep none");
}

static bool url_is_secret(const void *object)
{
	const struct pl_redis_config *r = object;
	return r->url != NULL && strchr(r->url, '@') != NULL;
}

static const struct pl_field fields[] = {
    {.key = "url",
     .type = PL_FIELD_STRING,
     AT(url),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY | PL_FIELD_HIDDEN,
     .help = "redis://[user:password@]host[:port][/database], or rediss:// for TLS"},
    {.key = "username", .type = PL_FIELD_STRING, AT(username), .help = "ACL user; default: the default user"},
    {.key = "password", .type = PL_FIELD_SECRET, AT(password), .help = "password for AUTH; the file is read at each connection"},
    {.key = "prefix", .type = PL_FIELD_STRING, AT(prefix), .fallback = "pulse:", .help = "what channels and keys begin with"},
    {.key = "last_values_ttl",
     .type = PL_FIELD_DURATION,
     AT(last_values_ttl),
     .fallback = "1h",
     .max = 365 * 24 * 3600 * PL_NS_PER_S,
     .help = "how long the last value of each set of tags is kept in a hash; 0: not at all"},
    {.key = "connect_timeout",
     .type = PL_FIELD_DURATION,
     AT(connect_timeout),
     .fallback = "5s",
     .min = PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "when to give a connection up"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     AT(timeout),
     .fallback = "5s",
     .min = PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "a server that answers nothing for so long is left, and connected to again"},
    {.key = "tls_config",
     .type = PL_FIELD_OBJECT,
     AT(tls_config),
     .schema = &pl_tls_config_schema,
     .help = "for rediss://: ca_file, cert_file, key_file, server_name ..."},
    {.key = "sentinel",
     .type = PL_FIELD_OPTIONAL,
     AT(sentinel),
     .schema = &sentinel_schema,
     .help = "ask Redis Sentinel for the server; of the URL all but host and port still counts"},
    {0},
};

const struct pl_schema pl_redis_schema = {
    .name = "redis", .size = sizeof(struct pl_redis_config), .fields = fields, .check = check_redis, .is_secret = url_is_secret};
