/* The configuration of a mail notifier. */
#ifndef PL_NOTIFY_MAIL_CONFIG_H
#define PL_NOTIFY_MAIL_CONFIG_H

#include "config/client.h"
#include "format/mail_message.h"
#include "pipeline/plugin.h"

enum { PL_NOTIFY_MAIL_MOST_TO = 32 };

struct pl_smtp_config {
	const char *url;
	int starttls; /* enum pl_smtp_starttls */
	const char *username, *hello;
	struct pl_secret password;
	struct pl_tls_config tls_config;
	/* Derived of `url`. */
	const char *host;
	unsigned port;
	bool tls;
};

enum pl_smtp_starttls { PL_SMTP_REQUIRED, PL_SMTP_WHEN_OFFERED, PL_SMTP_NONE };

struct pl_resend_config {
	const char *url;
	struct pl_secret api_key;
	struct pl_tls_config tls_config;
	const char *proxy_url, *no_proxy;
};

struct pl_mail_config {
	struct pl_notifier_config base;
	struct pl_smtp_config *smtp;     /* NULL: none; one of the two is there */
	struct pl_resend_config *resend; /* NULL: none */
	const char *from;
	struct pl_strings to, cc;
	const char *subject, *text; /* templates */
	int64_t timeout;
	/* Derived: all of `to`, then all of `cc`. */
	struct pl_mail_address sender, *recipients;
};

extern const struct pl_schema pl_mail_schema;

/* NULL, or what is wrong with it (static). Host into `host` (brackets around IPv6 stay). */
const char *pl_smtp_url_parse(struct pl_str url, struct pl_str *host, unsigned *port, bool *tls);

#endif
