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

static void check_tls_config(void *object, const struct pl_check *c)
{
	const struct pl_tls_config *tls = object;
	if ((tls->cert_file != NULL) != (tls->key_file != NULL))
		pl_check_fail(c, tls->cert_file != NULL ? "cert_file" : "key_file",
			      "cert_file and key_file go together; %s is missing",
			      tls->cert_file != NULL ? "key_file" : "cert_file");
}

#define TLS_PATH(KEY, HELP)                                                                                                      \
	{                                                                                                                        \
		.key = #KEY, .type = PL_FIELD_PATH, .offset = offsetof(struct pl_tls_config, KEY), .flags = PL_FIELD_NONEMPTY,   \
		.help = HELP                                                                                                     \
	}
#define REFUSED(KEY, HELP)                                                                                                       \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_REFUSED, .help = HELP                                                               \
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
    REFUSED("ca", "certificates in place are not supported; use ca_file"),
    REFUSED("cert", "certificates in place are not supported; use cert_file"),
    REFUSED("key", "keys in place are not supported; use key_file"),
    REFUSED("ca_ref", "secret managers are not supported; use ca_file"),
    REFUSED("cert_ref", "secret managers are not supported; use cert_file"),
    REFUSED("key_ref", "secret managers are not supported; use key_file"),
    REFUSED("min_version", "not supported; the TLS library's own bounds hold"),
    REFUSED("max_version", "not supported; the TLS library's own bounds hold"),
    {0},
};

const struct pl_schema pl_tls_config_schema = {
    .name = "tls_config", .size = sizeof(struct pl_tls_config), .fields = tls_config_fields, .check = check_tls_config};

void pl_client_config_check(const struct pl_client_config *client, const struct pl_check *c)
{
	const char *first = client->basic_auth != NULL ? "basic_auth" : client->authorization != NULL ? "authorization" : NULL;
	if (client->basic_auth != NULL && client->authorization != NULL)
		pl_check_fail(c, "authorization", "only one of basic_auth and authorization may be given");
	if (first != NULL && pl_secret_given(&client->bearer_token))
		pl_check_fail(c, client->bearer_token.value != NULL ? "bearer_token" : "bearer_token_file",
			      "only one of %s and bearer_token may be given", first);
	if (has_control(client->bearer_token.value))
		pl_check_fail(c, "bearer_token", "must not hold control characters");
}
