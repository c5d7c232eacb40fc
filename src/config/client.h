/* How to talk to an HTTP server, as Prometheus' configuration says it (the common HTTP client keys). */
#ifndef PL_CONFIG_CLIENT_H
#define PL_CONFIG_CLIENT_H

#include "config/foreign.h"
#include "config/schema.h"

struct pl_basic_auth {
	const char *username;
	struct pl_secret password;
};

struct pl_authorization {
	const char *type; /* "Bearer" */
	struct pl_secret credentials;
};

struct pl_tls_config {
	const char *ca_file, *cert_file, *key_file, *server_name; /* NULL: not given */
	int min_version, max_version;                             /* enum pl_tls_config_version */
	bool insecure_skip_verify;
};

enum pl_tls_config_version { PL_TLS_CONFIG_1_0, PL_TLS_CONFIG_1_1, PL_TLS_CONFIG_1_2, PL_TLS_CONFIG_1_3 };

struct pl_oauth2_config {
	const char *client_id;
	struct pl_secret client_secret;
	const char *token_url;
	struct pl_strings scopes;
	struct pl_labels endpoint_params; /* more of the request's form */
	struct pl_tls_config tls_config;  /* of the token endpoint, as the next two */
	const char *proxy_url, *no_proxy;
};

/* A header of one's own; a line of it for each of its values, secrets and files. */
struct pl_header {
	const char *name;
	struct pl_strings values, secrets, files;
};

enum { PL_CLIENT_MOST_HEADER_LINES = 32 };

struct pl_client_config {
	struct pl_basic_auth *basic_auth;       /* NULL: none */
	struct pl_authorization *authorization; /* NULL: none */
	struct pl_secret bearer_token;
	struct pl_oauth2_config *oauth2; /* NULL: none */
	struct pl_tls_config tls_config;
	const char *proxy_url;       /* NULL: none */
	const char *no_proxy;        /* NULL: everything goes through the proxy */
	struct pl_list http_headers; /* struct pl_header */
	bool follow_redirects;       /* default true */
	bool enable_compression;     /* default true */
};

extern const struct pl_schema pl_basic_auth_schema, pl_authorization_schema, pl_tls_config_schema, pl_oauth2_schema,
    pl_header_schema;

/* Rows for a struct that embeds a pl_client_config as member `client`: basic_auth, authorization, bearer_token(_file), oauth2,
 * tls_config, proxy_url, no_proxy, http_headers, follow_redirects, enable_compression; and what else Prometheus has, refused by
 * name. The schema's check calls pl_client_config_check. */
#define PL_CLIENT_FIELDS(STRUCT) PL_CLIENT_FIELDS_FOLLOWING(STRUCT, "true")

/* The same, with the default of follow_redirects. */
#define PL_CLIENT_FIELDS_FOLLOWING(STRUCT, FOLLOW)                                                                               \
	{.key = "basic_auth",                                                                                                    \
	 .type = PL_FIELD_OPTIONAL,                                                                                              \
	 .offset = offsetof(STRUCT, client.basic_auth),                                                                          \
	 .schema = &pl_basic_auth_schema,                                                                                        \
	 .help = "username and password (or password_file)"},                                                                    \
	    {.key = "authorization",                                                                                             \
	     .type = PL_FIELD_OPTIONAL,                                                                                          \
	     .offset = offsetof(STRUCT, client.authorization),                                                                   \
	     .schema = &pl_authorization_schema,                                                                                 \
	     .help = "type and credentials (or credentials_file)"},                                                              \
	    {.key = "bearer_token",                                                                                              \
	     .type = PL_FIELD_SECRET,                                                                                            \
	     .offset = offsetof(STRUCT, client.bearer_token),                                                                    \
	     .help = "short for authorization with type Bearer"},                                                                \
	    {.key = "tls_config",                                                                                                \
	     .type = PL_FIELD_OBJECT,                                                                                            \
	     .offset = offsetof(STRUCT, client.tls_config),                                                                      \
	     .schema = &pl_tls_config_schema,                                                                                    \
	     .help = "ca_file, cert_file, key_file, server_name, min_version, max_version ..."},                                 \
	    {.key = "follow_redirects",                                                                                          \
	     .type = PL_FIELD_BOOL,                                                                                              \
	     .offset = offsetof(STRUCT, client.follow_redirects),                                                                \
	     .fallback = FOLLOW,                                                                                                 \
	     .help = "follow HTTP redirects"},                                                                                   \
	    {.key = "enable_compression",                                                                                        \
	     .type = PL_FIELD_BOOL,                                                                                              \
	     .offset = offsetof(STRUCT, client.enable_compression),                                                              \
	     .fallback = "true",                                                                                                 \
	     .help = "ask for gzip"},                                                                                            \
	    {.key = "enable_http2",                                                                                              \
	     .type = PL_FIELD_IGNORED,                                                                                           \
	     .choices = pl_foreign_bools,                                                                                        \
	     .fallback = "false",                                                                                                \
	     .help = "has no effect: HTTP/2 is not supported, 1.1 is used"},                                                     \
	    {.key = "oauth2",                                                                                                    \
	     .type = PL_FIELD_OPTIONAL,                                                                                          \
	     .offset = offsetof(STRUCT, client.oauth2),                                                                          \
	     .schema = &pl_oauth2_schema,                                                                                        \
	     .help = "bearer tokens by OAuth 2's client credentials"},                                                           \
	    {.key = "proxy_url",                                                                                                 \
	     .type = PL_FIELD_PROXY,                                                                                             \
	     .offset = offsetof(STRUCT, client.proxy_url),                                                                       \
	     .flags = PL_FIELD_NONEMPTY,                                                                                         \
	     .help = "http, https or socks5 proxy"},                                                                             \
	    {.key = "no_proxy",                                                                                                  \
	     .type = PL_FIELD_STRING,                                                                                            \
	     .offset = offsetof(STRUCT, client.no_proxy),                                                                        \
	     .help = "hosts, domains and networks to be asked without the proxy, between commas"},                               \
	    {.key = "http_headers",                                                                                              \
	     .type = PL_FIELD_MAP,                                                                                               \
	     .offset = offsetof(STRUCT, client.http_headers),                                                                    \
	     .schema = &pl_header_schema,                                                                                        \
	     .help = "more headers of every request: name: {values: [...], secrets: [...], files: [...]}"},                      \
	    {.key = "proxy_from_environment",                                                                                    \
	     .type = PL_FIELD_REFUSED,                                                                                           \
	     .fallback = "false",                                                                                                \
	     .help = "not supported; write proxy_url: ${HTTP_PROXY} and no_proxy: ${NO_PROXY:-}"},                               \
	{                                                                                                                        \
		.key = "proxy_connect_header", .type = PL_FIELD_REFUSED,                                                         \
		.help = "not supported; put user and password for the proxy into proxy_url"                                      \
	}

/* For a schema's check: at most one kind of credentials, certificate and key together. */
void pl_client_config_check(const struct pl_client_config *client, const struct pl_check *c);

#endif
