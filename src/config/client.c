#include "config/client.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool has_control(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7F)
			return true;
	return false;
}

static void check_basic_auth(void *object, const struct pl_check *c)
{
	const struct pl_basic_auth *auth = object;
	if (auth->username != NULL && strchr(auth->username, ':') != NULL)
		pl_check_fail(c, "username", "must not hold a colon, which ends the name in HTTP");
	if (has_control(auth->username))
		pl_check_fail(c, "username", "must not hold control characters");
}

static const struct pl_field basic_auth_fields[] = {
    {.key = "username",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_basic_auth, username),
     .flags = PL_FIELD_REQUIRED,
     .fallback = "",
     .help = "user's name"},
    {.key = "password", .type = PL_FIELD_SECRET, .offset = offsetof(struct pl_basic_auth, password), .help = "user's password"},
    {.key = "username_file",
     .type = PL_FIELD_REFUSED,
     .help = "not supported; write username: ${NAME} and set it in the environment"},
    {.key = "username_ref", .type = PL_FIELD_REFUSED, .help = "secret managers are not supported; use username"},
    {.key = "password_ref", .type = PL_FIELD_REFUSED, .help = "secret managers are not supported; use password_file"},
    {0},
};

const struct pl_schema pl_basic_auth_schema = {
    .name = "basic_auth", .size = sizeof(struct pl_basic_auth), .fields = basic_auth_fields, .check = check_basic_auth};

/* RFC 9110, 5.6.2. */
static bool is_token(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("!#$%&'*+-.^_`|~", *p) == NULL)
			return false;
	return *s != '\0';
}

static void check_authorization(void *object, const struct pl_check *c)
{
	const struct pl_authorization *a = object;
	if (strcasecmp(a->type, "basic") == 0)
		pl_check_fail(c, "type", "for Basic use basic_auth with username and password");
	else if (!is_token(a->type))
		pl_check_fail(c, "type", "expected one word like Bearer");
	if (has_control(a->credentials.value))
		pl_check_fail(c, "credentials", "must not hold control characters");
}

static const struct pl_field authorization_fields[] = {
    {.key = "type",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_authorization, type),
     .fallback = "Bearer",
     .help = "first word of the Authorization header"},
    {.key = "credentials",
     .type = PL_FIELD_SECRET,
     .offset = offsetof(struct pl_authorization, credentials),
     .flags = PL_FIELD_REQUIRED,
     .help = "what follows the type"},
    {.key = "credentials_ref", .type = PL_FIELD_REFUSED, .help = "secret managers are not supported; use credentials_file"},
    {0},
};

const struct pl_schema pl_authorization_schema = {.name = "authorization",
						  .size = sizeof(struct pl_authorization),
						  .fields = authorization_fields,
						  .check = check_authorization};

static const char *const tls_versions[] = {"TLS10", "TLS11", "TLS12", "TLS13", NULL};

static void check_tls_config(void *object, const struct pl_check *c)
{
	const struct pl_tls_config *tls = object;
	if ((tls->cert_file != NULL) != (tls->key_file != NULL))
		pl_check_fail(c, tls->cert_file != NULL ? "cert_file" : "key_file",
			      "cert_file and key_file go together; %s is missing",
			      tls->cert_file != NULL ? "key_file" : "cert_file");
	if (tls->max_version < tls->min_version)
		pl_check_fail(c, "max_version", "it is below min_version, which is %s", tls_versions[tls->min_version]);
}

#define TLS_PATH(KEY, HELP)                                                                                                      \
	{                                                                                                                        \
		.key = #KEY, .type = PL_FIELD_PATH, .offset = offsetof(struct pl_tls_config, KEY), .flags = PL_FIELD_NONEMPTY,   \
		.help = HELP                                                                                                     \
	}
static const struct pl_field tls_config_fields[] = {
    TLS_PATH(ca_file, "certificates of the authorities to trust, instead of the system's"),
    TLS_PATH(cert_file, "certificate to show to the server"),
    TLS_PATH(key_file, "its private key"),
    {.key = "server_name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_tls_config, server_name),
     .flags = PL_FIELD_NONEMPTY,
     .help = "name that the server's certificate must have, instead of the URL's"},
    {.key = "insecure_skip_verify",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct pl_tls_config, insecure_skip_verify),
     .fallback = "false",
     .help = "accept any certificate"},
    {.key = "min_version",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct pl_tls_config, min_version),
     .fallback = "TLS12",
     .choices = tls_versions,
     .help = "the oldest version of TLS to accept"},
    {.key = "max_version",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct pl_tls_config, max_version),
     .fallback = "TLS13",
     .choices = tls_versions,
     .help = "the newest version of TLS to offer"},
    PL_REFUSED("ca", "certificates in place are not supported; use ca_file"),
    PL_REFUSED("cert", "certificates in place are not supported; use cert_file"),
    PL_REFUSED("key", "keys in place are not supported; use key_file"),
    PL_REFUSED("ca_ref", "secret managers are not supported; use ca_file"),
    PL_REFUSED("cert_ref", "secret managers are not supported; use cert_file"),
    PL_REFUSED("key_ref", "secret managers are not supported; use key_file"),
    {0},
};

const struct pl_schema pl_tls_config_schema = {
    .name = "tls_config", .size = sizeof(struct pl_tls_config), .fields = tls_config_fields, .check = check_tls_config};

static void check_oauth2(void *object, const struct pl_check *c)
{
	const struct pl_oauth2_config *o = object;
	if (has_control(o->client_secret.value))
		pl_check_fail(c, "client_secret", "must not hold control characters");
	if (o->no_proxy != NULL && o->proxy_url == NULL)
		pl_check_fail(c, "no_proxy", "there is no proxy_url beside it");
}

#define OAUTH2(MEMBER) .offset = offsetof(struct pl_oauth2_config, MEMBER)

static const struct pl_field oauth2_fields[] = {
    {.key = "client_id",
     .type = PL_FIELD_STRING,
     OAUTH2(client_id),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .fallback = "",
     .help = "who asks for the token"},
    {.key = "client_secret",
     .type = PL_FIELD_SECRET,
     OAUTH2(client_secret),
     .flags = PL_FIELD_REQUIRED,
     .help = "its password at the token endpoint"},
    {.key = "token_url", .type = PL_FIELD_URL, OAUTH2(token_url), .flags = PL_FIELD_REQUIRED, .help = "the token endpoint"},
    {.key = "scopes", .type = PL_FIELD_STRINGS, OAUTH2(scopes), .help = "what the token is to be good for"},
    {.key = "endpoint_params",
     .type = PL_FIELD_LABELS,
     OAUTH2(endpoint_params),
     .flags = PL_FIELD_HIDDEN,
     .help = "more parameters of the request"},
    {.key = "tls_config",
     .type = PL_FIELD_OBJECT,
     OAUTH2(tls_config),
     .schema = &pl_tls_config_schema,
     .help = "TLS with the token endpoint"},
    {.key = "proxy_url",
     .type = PL_FIELD_PROXY,
     OAUTH2(proxy_url),
     .flags = PL_FIELD_NONEMPTY,
     .help = "proxy to the token endpoint"},
    {.key = "no_proxy", .type = PL_FIELD_STRING, OAUTH2(no_proxy), .help = "as beside the job's proxy_url"},
    PL_REFUSED("client_secret_ref", "secret managers are not supported; use client_secret_file"),
    PL_REFUSED_BUT("proxy_from_environment", "false",
		   "not supported; write proxy_url: ${HTTP_PROXY} and no_proxy: ${NO_PROXY:-}"),
    PL_REFUSED("proxy_connect_header", "not supported; put user and password for the proxy into proxy_url"),
    PL_REFUSED("grant_type", "only client credentials are supported; leave the key out"),
    PL_REFUSED("client_certificate_key_file", "only client_secret is supported"),
    {0},
};

const struct pl_schema pl_oauth2_schema = {
    .name = "oauth2", .size = sizeof(struct pl_oauth2_config), .fields = oauth2_fields, .check = check_oauth2};

static const struct pl_field header_fields[] = {
    {.key = "values",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_header, values),
     .help = "what the header says; a line for each of them"},
    {.key = "secrets",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_header, secrets),
     .flags = PL_FIELD_HIDDEN,
     .help = "the same, shown as <secret>"},
    {.key = "files",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_header, files),
     .flags = PL_FIELD_PATHS,
     .help = "files that hold such a text, read again when they change"},
    {0},
};

const struct pl_schema pl_header_schema = {.name = "http_header", .size = sizeof(struct pl_header), .fields = header_fields};

/* Those that Prometheus refuses, and two more that would change how the request is framed. */
static const struct {
	const char *name, *instead;
} reserved_headers[] = {
    {"Authorization", "use authorization, basic_auth or oauth2"},
    {"Host", "it is the target's address"},
    {"Content-Encoding", "a scrape sends no content"},
    {"Content-Length", "a scrape sends no content"},
    {"Content-Type", "a scrape sends no content"},
    {"User-Agent", "it is the daemon's own"},
    {"Connection", "connections are the daemon's own"},
    {"Keep-Alive", "connections are the daemon's own"},
    {"Transfer-Encoding", "connections are the daemon's own"},
    {"Expect", "connections are the daemon's own"},
    {"Proxy-Authenticate", "use user and password in proxy_url"},
    {"Proxy-Authorization", "use user and password in proxy_url"},
    {"Www-Authenticate", "it belongs into answers"},
    {"Accept-Encoding", "use enable_compression"},
    {"X-Prometheus-Remote-Write-Version", "it belongs to remote write"},
    {"X-Prometheus-Remote-Read-Version", "it belongs to remote read"},
    {"X-Prometheus-Scrape-Timeout-Seconds", "use scrape_timeout"},
    {"X-Amz-Date", "it belongs to AWS' signatures"},
    {"X-Amz-Security-Token", "it belongs to AWS' signatures"},
    {"X-Amz-Content-Sha256", "it belongs to AWS' signatures"},
};

static void check_lines(const struct pl_header *h, const struct pl_check *c)
{
	const struct {
		const char *key;
		const struct pl_strings *lines;
	} all[] = {{"values", &h->values}, {"secrets", &h->secrets}};
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < all[k].lines->n; i++)
			if (has_control(all[k].lines->v[i])) {
				pl_check_fail(c, all[k].key, "must not hold control characters");
				break;
			}
	for (size_t i = 0; i < h->files.n; i++)
		if (h->files.v[i][0] == '\0')
			pl_check_fail(c, "files", "a file's name must not be empty");
}

static void check_headers(const struct pl_client_config *client, const struct pl_check *c)
{
	const struct pl_header *headers = client->http_headers.v;
	const struct pl_node *all = pl_node_get(c->node, "http_headers");
	size_t lines = 0;
	struct pl_buf path = {0};
	for (size_t i = 0; i < client->http_headers.n; i++) {
		const struct pl_header *h = &headers[i];
		struct pl_check here = *c;
		lines += h->values.n + h->secrets.n + h->files.n;
		pl_buf_clear(&path);
		pl_buf_addf(&path, "%s%shttp_headers", c->path, c->path[0] != '\0' ? "." : "");
		here.path = pl_buf_cstr(&path);
		here.node = all;
		if (!is_token(h->name))
			pl_check_fail(&here, h->name, "no name of a header; it takes letters, digits and signs such as -");
		for (size_t k = 0; k < sizeof reserved_headers / sizeof *reserved_headers; k++)
			if (strcasecmp(h->name, reserved_headers[k].name) == 0)
				pl_check_fail(&here, h->name, "this header cannot be set; %s", reserved_headers[k].instead);
		here.node = pl_node_get(all, h->name);
		pl_buf_addf(&path, ".%.64s", h->name);
		here.path = pl_buf_cstr(&path);
		check_lines(h, &here);
	}
	if (lines > PL_CLIENT_MOST_HEADER_LINES)
		pl_check_fail(c, "http_headers", "%zu lines of headers, the limit is %d", lines, PL_CLIENT_MOST_HEADER_LINES);
	pl_buf_finish(&path);
}

void pl_client_config_check(const struct pl_client_config *client, const struct pl_check *c)
{
	const char *first = NULL;
	const struct {
		const char *key;
		bool given;
	} kinds[] = {
	    {"basic_auth", client->basic_auth != NULL},
	    {"authorization", client->authorization != NULL},
	    {"oauth2", client->oauth2 != NULL},
	    {client->bearer_token.value != NULL ? "bearer_token" : "bearer_token_file", pl_secret_given(&client->bearer_token)},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].given && first != NULL)
			pl_check_fail(c, kinds[i].key, "only one of %s and %s may be given", first,
				      i == 3 ? "bearer_token" : kinds[i].key);
		else if (kinds[i].given)
			first = kinds[i].key;
	}
	check_headers(client, c);
	if (has_control(client->bearer_token.value))
		pl_check_fail(c, "bearer_token", "must not hold control characters");
	if (client->no_proxy != NULL && client->proxy_url == NULL)
		pl_check_fail(c, "no_proxy", "there is no proxy_url beside it");
}
