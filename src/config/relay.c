#include "config/relay.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define AT(MEMBER)          .offset = offsetof(struct pl_relay_config, MEMBER)
#define IN(SECTION, MEMBER) .offset = offsetof(struct pl_relay_config, SECTION.MEMBER) - offsetof(struct pl_relay_config, SECTION)
#define SIZE(SECTION)       sizeof(((struct pl_relay_config *)0)->SECTION)
#define DAY                 (24 * 3600 * PL_NS_PER_S)

/* Names other than localhost count as other machines' too: what they stand for may change behind our back. */
static bool is_loopback(const char *listen)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	const char *colon = strrchr(listen, ':');
	size_t n = colon != NULL ? (size_t)(colon - listen) : strlen(listen);
	if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
		listen++;
		n -= 2;
	}
	if (n >= sizeof host)
		return false;
	memcpy(host, listen, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

static void check_safety(const struct pl_relay_config *r, const struct pl_check *c)
{
	if (r->listen == NULL || is_loopback(r->listen) || r->allow_insecure)
		return;
	bool token = pl_secret_given(&r->token);
	if (!token && r->client_ca_file == NULL)
		pl_check_fail(
		    c, "listen",
		    "lets other machines in, any of which could speak for any host; set token_file, or client_ca_file with "
		    "cert_file and key_file, or allow_insecure: true if that is meant");
	else if (r->cert_file == NULL)
		pl_problems_warn(c->problems, c->node != NULL ? c->node->mark : (struct pl_mark){0}, c->path,
				 "the token goes over the network in the clear; cert_file and key_file would encrypt it");
}

static void check_relay(void *object, const struct pl_check *c)
{
	const struct pl_relay_config *r = object;
	if ((r->cert_file != NULL) != (r->key_file != NULL))
		pl_check_fail(c, r->cert_file != NULL ? "cert_file" : "key_file",
			      "cert_file and key_file go together; %s is missing",
			      r->cert_file != NULL ? "key_file" : "cert_file");
	if (r->client_ca_file != NULL && r->cert_file == NULL)
		pl_check_fail(c, "client_ca_file",
			      "needs cert_file and key_file, as certificates of relays are seen over TLS only");
	if (r->beat_interval % PL_NS_PER_S != 0)
		pl_check_fail(c, "beat_interval", "must be whole seconds: relays are told no others");
	if (r->token.value != NULL && r->token.value[0] == '\0')
		pl_check_fail(c, "token", "must not be empty; leave the key out to let everybody in");
	if (r->token.value != NULL && strpbrk(r->token.value, "\r\n") != NULL)
		pl_check_fail(c, "token", "must not hold a line break: a relay sends it on one line");
	if (r->limits.line_bytes < r->limits.name_bytes)
		pl_check_fail(c, "limits", "line_bytes must not be below name_bytes");
	for (size_t i = 0; i < r->overrides.n; i++) {
		const struct pl_relay_override *o = (const struct pl_relay_override *)r->overrides.v + i;
		if (strpbrk(o->collector, ":,-\r\n") != NULL)
			pl_check_fail(c, "overrides",
				      "no collector can be called \"%.64s\": `:`, `,`, `-` and line breaks end a name",
				      o->collector);
	}
	check_safety(r, c);
}

static void check_override(void *object, const struct pl_check *c)
{
	const struct pl_relay_override *o = object;
	if (o->interval % PL_NS_PER_S != 0)
		pl_check_fail(c, "interval", "must be whole seconds: relays are told no others");
}

static const struct pl_field override_fields[] = {
    {.key = "interval",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_relay_override, interval),
     .flags = PL_FIELD_REQUIRED,
     .min = PL_NS_PER_S,
     .max = DAY,
     .help = "how often the relay is to collect it, in whole seconds"},
    {0},
};

static const struct pl_schema override_schema = {
    .name = "override", .size = sizeof(struct pl_relay_override), .fields = override_fields, .check = check_override};

static const struct pl_field influx_fields[] = {
    {.key = "database", .type = PL_FIELD_STRING, IN(influx, database), .fallback = "", .help = "empty: the output's own"},
    {.key = "retention_policy",
     .type = PL_FIELD_STRING,
     IN(influx, retention_policy),
     .fallback = "",
     .help = "empty: the database's default"},
    {0},
};

static const struct pl_schema influx_schema = {.name = "influx", .size = SIZE(influx), .fields = influx_fields};

#define LIMIT(KEY, TYPE, DEFAULT, MIN, MAX, HELP)                                                                                \
	{                                                                                                                        \
		.key = #KEY, .type = TYPE, IN(limits, KEY), .fallback = DEFAULT, .min = MIN, .max = MAX, .help = HELP            \
	}

static const struct pl_field limit_fields[] = {
    LIMIT(clients, PL_FIELD_INT, "10000", 1, 1000000, "relays at a time; more are turned away"),
    LIMIT(handshakes, PL_FIELD_INT, "4096", 1, 1000000,
	  "connections at a time that have not said who they are; beyond, the oldest of them goes"),
    LIMIT(collectors, PL_FIELD_INT, "1000", 1, 100000, "collectors of a relay; more are not added"),
    LIMIT(tags, PL_FIELD_INT, "32", 0, 256, "tags of a collector; with more it is not added"),
    LIMIT(name_bytes, PL_FIELD_BYTES, "1KiB", 16, 16 * 1024, "an id, the name of a collector or stat, a tag, each"),
    LIMIT(line_bytes, PL_FIELD_BYTES, "256KiB", 256, 16 << 20, "a relay that sends a longer line is dropped"),
    LIMIT(unsent_bytes, PL_FIELD_BYTES, "256KiB", 4096, 16 << 20, "a relay that leaves more unread is dropped"),
    {0},
};

static const struct pl_schema limits_schema = {.name = "limits", .size = SIZE(limits), .fields = limit_fields};

static const struct pl_field relay_fields[] = {
    {.key = "listen",
     .type = PL_FIELD_LISTEN,
     AT(listen),
     .fallback = "127.0.0.1:3000",
     .help = "address that relays connect to"},
    {.key = "poll_interval",
     .type = PL_FIELD_DURATION,
     AT(poll_interval),
     .fallback = "60s",
     .min = 100 * PL_NS_PER_MS,
     .max = DAY,
     .help = "how often each relay is asked for its stats"},
    {.key = "beat_interval",
     .type = PL_FIELD_DURATION,
     AT(beat_interval),
     .fallback = "30s",
     .min = 2 * PL_NS_PER_S,
     .max = DAY,
     .help = "how often relays are told to give a sign of life; whole seconds"},
    {.key = "token",
     .type = PL_FIELD_SECRET,
     AT(token),
     .help = "what a relay must send as `auth TOKEN` before its id; not given: none"},
    {.key = "cert_file",
     .type = PL_FIELD_PATH,
     AT(cert_file),
     .flags = PL_FIELD_NONEMPTY,
     .help = "certificate; with it, TLS is spoken"},
    {.key = "key_file", .type = PL_FIELD_PATH, AT(key_file), .flags = PL_FIELD_NONEMPTY, .help = "its private key"},
    {.key = "client_ca_file",
     .type = PL_FIELD_PATH,
     AT(client_ca_file),
     .flags = PL_FIELD_NONEMPTY,
     .help = "authorities, one of which must have signed a relay's certificate"},
    {.key = "allow_insecure",
     .type = PL_FIELD_BOOL,
     AT(allow_insecure),
     .fallback = "false",
     .help = "listen for other machines without token and certificates of relays"},
    {.key = "collector_tag",
     .type = PL_FIELD_BOOL,
     AT(collector_tag),
     .fallback = "false",
     .help = "give every point the tag `collector`"},
    {.key = "handshake_timeout",
     .type = PL_FIELD_DURATION,
     AT(handshake_timeout),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "when a connection that has not said who it is goes"},
    {.key = "overrides",
     .type = PL_FIELD_MAP,
     AT(overrides),
     .schema = &override_schema,
     .help = "collectors that relays are told to collect at an interval of their own"},
    {.key = "influx",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_relay_config, influx),
     .schema = &influx_schema,
     .help = "where the points go"},
    {.key = "limits",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_relay_config, limits),
     .schema = &limits_schema,
     .help = "how much of relays is borne"},
    {0},
};

const struct pl_schema pl_relay_schema = {
    .name = "relay", .size = sizeof(struct pl_relay_config), .fields = relay_fields, .check = check_relay};
