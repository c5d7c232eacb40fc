#include "notify_mail/config.h"

#include <string.h>

#include "base/clock.h"

enum { PORT_SUBMISSION = 587, PORT_SUBMISSIONS = 465 };

static const char *const starttls_words[] = {"required", "when_offered", "none", NULL};

const char *pl_smtp_url_parse(struct pl_str url, struct pl_str *host, unsigned *port, bool *tls)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	uint64_t number;
	*tls = pl_str_starts(url, PL_STR("smtps://"));
	if (!*tls && !pl_str_starts(url, PL_STR("smtp://")))
		return "it must begin with smtp:// or smtps://";
	size_t skip = *tls ? 8 : 7;
	struct pl_str rest = {url.p + skip, url.n - skip};
	if (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	const char *close = rest.n > 0 && rest.p[0] == '[' ? memchr(rest.p, ']', rest.n) : NULL;
	host->p = rest.p;
	host->n = 0;
	if (close != NULL) {
		host->n = (size_t)(close - rest.p) + 1;
		for (size_t i = 1; i + 1 < host->n; i++)
			if (rest.p[i] == '\0' || strchr("0123456789abcdefABCDEF:.", rest.p[i]) == NULL)
				return "between [ and ] an IPv6 address is expected";
	} else {
		while (host->n < rest.n && strchr(letters, rest.p[host->n]) != NULL && rest.p[host->n] != '\0')
			host->n++;
	}
	rest = (struct pl_str){rest.p + host->n, rest.n - host->n};
	if (host->n == 0)
		return "it has no host";
	*port = *tls ? PORT_SUBMISSIONS : PORT_SUBMISSION;
	if (rest.n == 0)
		return NULL;
	if (rest.p[0] != ':' || !pl_str_u64((struct pl_str){rest.p + 1, rest.n - 1}, &number) || number == 0 || number > 65535)
		return "expected only a host and perhaps a port behind it; user and password have keys of their own";
	*port = (unsigned)number;
	return NULL;
}

/* Would a password cross a network in the clear, or could it be made to? */
static bool is_exposed(const struct pl_smtp_config *s)
{
	bool here = strcmp(s->host, "localhost") == 0 || strncmp(s->host, "127.", 4) == 0 || strcmp(s->host, "[::1]") == 0;
	return s->username != NULL && s->username[0] != '\0' && !s->tls && s->starttls != PL_SMTP_REQUIRED && !here;
}

static void check_smtp(void *object, const struct pl_check *c)
{
	struct pl_smtp_config *s = object;
	struct pl_str host;
	if (s->url == NULL)
		return;
	const char *flaw = pl_smtp_url_parse(pl_str_of(s->url), &host, &s->port, &s->tls);
	if (flaw != NULL) {
		pl_check_fail(c, "url", "%s", flaw);
		return;
	}
	s->host = pl_arena_strndup(c->arena, host.p, host.n);
	bool named = s->username != NULL && s->username[0] != '\0';
	if (named != pl_secret_given(&s->password))
		pl_check_fail(c, named ? "username" : "password", "username and password go together");
	if (is_exposed(s))
		pl_check_fail(c, "starttls", "with a username it must be required: others could read the password, or the mail");
	if (s->hello[0] != '\0' &&
	    strspn(s->hello, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-[]:") != strlen(s->hello))
		pl_check_fail(c, "hello", "expected a host name");
}

static void check_addresses(struct pl_mail_config *m, const char *key, const struct pl_strings *list, size_t at,
			    const struct pl_check *c)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *flaw = pl_mail_address_parse(pl_str_of(list->v[i]), &m->recipients[at + i]);
		if (flaw != NULL)
			pl_check_fail(c, key, "[%zu]: %s", i, flaw);
	}
}

static void check_mail(void *object, const struct pl_check *c)
{
	struct pl_mail_config *m = object;
	char reason[400];
	if ((m->smtp != NULL) == (m->resend != NULL))
		pl_check_fail(c, m->smtp != NULL ? "resend" : "smtp", "expected one of smtp and resend");
	if (m->to.n + m->cc.n > PL_NOTIFY_MAIL_MOST_TO) {
		pl_check_fail(c, "to", "at most %d addresses, cc included; let a list at your mail server take more",
			      PL_NOTIFY_MAIL_MOST_TO);
		return;
	}
	m->recipients = pl_arena_alloc(c->arena, (m->to.n + m->cc.n + 1) * sizeof *m->recipients);
	check_addresses(m, "to", &m->to, 0, c);
	check_addresses(m, "cc", &m->cc, m->to.n, c);
	const char *flaw = m->from != NULL ? pl_mail_address_parse(pl_str_of(m->from), &m->sender) : NULL;
	if (flaw != NULL)
		pl_check_fail(c, "from", "%s", flaw);
	if (pl_notice_template_check(m->subject, reason, sizeof reason) != PL_OK)
		pl_check_fail(c, "subject", "%s", reason);
	if (pl_notice_template_check(m->text, reason, sizeof reason) != PL_OK)
		pl_check_fail(c, "text", "%s", reason);
}

static const struct pl_field smtp_fields[] = {
    {.key = "url",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_smtp_config, url),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "smtp://host[:587] or, with TLS from the first byte, smtps://host[:465]"},
    {.key = "starttls",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct pl_smtp_config, starttls),
     .fallback = "required",
     .choices = starttls_words,
     .help = "of smtp://: required, when_offered or none"},
    {.key = "username",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_smtp_config, username),
     .fallback = "",
     .help = "empty: the server is not told one"},
    {.key = "password", .type = PL_FIELD_SECRET, .offset = offsetof(struct pl_smtp_config, password), .help = "or password_file"},
    {.key = "hello",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_smtp_config, hello),
     .fallback = "",
     .help = "what this host calls itself to the server; its host name when empty"},
    {.key = "tls_config",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_smtp_config, tls_config),
     .schema = &pl_tls_config_schema,
     .help = "ca_file, cert_file, key_file, server_name, min_version, max_version ..."},
    {0},
};

static const struct pl_schema smtp_schema = {
    .name = "smtp", .size = sizeof(struct pl_smtp_config), .fields = smtp_fields, .check = check_smtp};

static const struct pl_field resend_fields[] = {
    {.key = "api_key",
     .type = PL_FIELD_SECRET,
     .offset = offsetof(struct pl_resend_config, api_key),
     .flags = PL_FIELD_REQUIRED,
     .help = "or api_key_file"},
    {.key = "url",
     .type = PL_FIELD_URL,
     .offset = offsetof(struct pl_resend_config, url),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "https://api.resend.com/emails",
     .help = "where the service takes mails"},
    {.key = "tls_config",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_resend_config, tls_config),
     .schema = &pl_tls_config_schema,
     .help = "as above"},
    {.key = "proxy_url",
     .type = PL_FIELD_PROXY,
     .offset = offsetof(struct pl_resend_config, proxy_url),
     .flags = PL_FIELD_NONEMPTY,
     .help = "http, https or socks5 proxy"},
    {.key = "no_proxy",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_resend_config, no_proxy),
     .help = "hosts to be asked without it"},
    {0},
};

static const struct pl_schema resend_schema = {
    .name = "resend", .size = sizeof(struct pl_resend_config), .fields = resend_fields};

static const struct pl_field fields[] = {
    {.key = "name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_mail_config, base.name),
     .fallback = "",
     .help = "what alerts call it by; mail when empty"},
    {.key = "from",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_mail_config, from),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "alarms@example.org, or with a name: Alarms <alarms@example.org>"},
    {.key = "to",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_mail_config, to),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "who is told; 32 with those of cc at most"},
    {.key = "cc", .type = PL_FIELD_STRINGS, .offset = offsetof(struct pl_mail_config, cc), .help = "who else"},
    {.key = "subject",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_mail_config, subject),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "{title}",
     .help = "as the body of a webhook: {title} is \"[CRITICAL] [host2] cpu_used\", or a summary of several"},
    {.key = "text",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_mail_config, text),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "{text}",
     .help = "{text} says all there is to say of each event"},
    {.key = "smtp",
     .type = PL_FIELD_OPTIONAL,
     .offset = offsetof(struct pl_mail_config, smtp),
     .schema = &smtp_schema,
     .help = "a mail server that takes our mail"},
    {.key = "resend",
     .type = PL_FIELD_OPTIONAL,
     .offset = offsetof(struct pl_mail_config, resend),
     .schema = &resend_schema,
     .help = "or the HTTP API of resend.com"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_mail_config, timeout),
     .fallback = "30s",
     .min = PL_NS_PER_S,
     .max = 300 * PL_NS_PER_S,
     .help = "of one mail"},
    {0},
};

const struct pl_schema pl_mail_schema = {
    .name = "mail", .size = sizeof(struct pl_mail_config), .fields = fields, .check = check_mail};
