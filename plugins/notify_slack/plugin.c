/* notifiers: slack. One message for a notice, to an incoming webhook, whose URL is all the secret there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/scalar.h"
#include "notify_slack/message.h"
#include "pipeline/plugin.h"

struct slack_config {
	struct pl_notifier_config base;
	struct pl_secret url;
	const char *channel, *username, *icon_emoji;
	int64_t timeout;
	struct pl_tls_config tls_config;
	const char *proxy_url, *no_proxy;
};

struct slack {
	const struct slack_config *config;
	struct pl_client_config client_config;
	struct pl_notice_post post;
	struct pl_notice_delivery *delivery;
	struct pl_buf url, body;
	void (*closed)(void *data);
	void *closed_data;
};

static void give(struct slack *s, const struct pl_notice_verdict *v)
{
	struct pl_notice_delivery *d = s->delivery;
	s->delivery = NULL;
	d->done(d, v);
}

static void fail(struct slack *s, const char *reason)
{
	struct pl_notice_verdict v = {.result = PL_NOTICE_RETRY};
	pl_notice_verdict_say(&v, pl_str_of(reason));
	give(s, &v);
}

static void on_verdict(struct pl_notice_post *p, const struct pl_notice_verdict *v)
{
	give(p->data, v);
}

/* What is secret of it: all behind the first part of the path (services, hooks), which is the same for everybody. */
static const char *secret_part(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
	const char *rest = path != NULL ? strchr(path + 1, '/') : NULL;
	return rest != NULL ? rest + 1 : path != NULL ? path + 1 : NULL;
}

static void send_notice(void *self, struct pl_notice_delivery *d)
{
	struct slack *s = self;
	const struct slack_config *c = s->config;
	char reason[256];
	s->delivery = d;
	pl_buf_clear(&s->url);
	pl_buf_clear(&s->body);
	if (pl_secret_read(&c->url, &s->url, reason, sizeof reason) != PL_OK) {
		fail(s, reason);
		return;
	}
	if (pl_url_flaw(pl_buf_str(&s->url)) != NULL) { /* of a file, which is read only now */
		snprintf(reason, sizeof reason, "%s holds no URL: %s", c->url.file != NULL ? c->url.file : "url",
			 pl_url_flaw(pl_buf_str(&s->url)));
		fail(s, reason);
		return;
	}
	const char *url = pl_buf_cstr(&s->url);
	const struct pl_slack_look look = {c->channel, c->username, c->icon_emoji};
	pl_slack_message_add(&s->body, d->notice, &look);
	const struct pl_notice_post_request request = {
	    .url = url,
	    .method = "POST",
	    .content_type = "application/json",
	    .body = pl_buf_str(&s->body),
	    .secret = secret_part(url),
	    .timeout_ns = c->timeout,
	};
	pl_notice_post_send(&s->post, &request);
}

static enum pl_err open_slack(const struct pl_notifier_env *env, const void *config, void **self, char *reason,
			      size_t reason_size)
{
	struct slack *s = pl_calloc(1, sizeof *s);
	s->config = config;
	s->client_config.tls_config = s->config->tls_config;
	s->client_config.proxy_url = s->config->proxy_url;
	s->client_config.no_proxy = s->config->no_proxy;
	s->post.on_verdict = on_verdict;
	s->post.data = s;
	enum pl_err err = pl_notice_post_open(&s->post, env->loop, &s->client_config);
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot set up HTTP: %s", pl_err_text(err));
		free(s);
		return err;
	}
	*self = s;
	return PL_OK;
}

static void on_closed(void *data)
{
	struct slack *s = data;
	void (*closed)(void *) = s->closed;
	void *closed_data = s->closed_data;
	if (s->url.p != NULL)
		explicit_bzero(s->url.p, s->url.cap);
	pl_buf_finish(&s->url);
	pl_buf_finish(&s->body);
	free(s);
	closed(closed_data);
}

static void close_slack(void *self, void (*closed)(void *data), void *data)
{
	struct slack *s = self;
	s->closed = closed;
	s->closed_data = data;
	pl_notice_post_close(&s->post, on_closed, s);
}

static void check(void *object, const struct pl_check *c)
{
	const struct slack_config *config = object;
	/* As a printed configuration shows it: to be filled in. */
	bool hidden = config->url.value == NULL || strcmp(config->url.value, "<secret>") == 0;
	const char *flaw = hidden ? NULL : pl_url_flaw(pl_str_of(config->url.value));
	if (flaw != NULL)
		pl_check_fail(c, "url", "%s", flaw);
}

#define TEXT(KEY, HELP)                                                                                                          \
	{                                                                                                                        \
		.key = #KEY, .type = PL_FIELD_STRING, .offset = offsetof(struct slack_config, KEY), .fallback = "", .help = HELP \
	}

static const struct pl_field fields[] = {
    {.key = "name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct slack_config, base.name),
     .fallback = "",
     .help = "what alerts call it by; slack when empty"},
    {.key = "url",
     .type = PL_FIELD_SECRET,
     .offset = offsetof(struct slack_config, url),
     .flags = PL_FIELD_REQUIRED,
     .help = "of the incoming webhook (or url_file); who knows it can write there"},
    TEXT(channel, "another channel than the webhook's own, where it may"),
    TEXT(username, "another name than the webhook's own, where it may"),
    TEXT(icon_emoji, "such as :rotating_light:"),
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct slack_config, timeout),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = 300 * PL_NS_PER_S,
     .help = "of one request"},
    {.key = "tls_config",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct slack_config, tls_config),
     .schema = &pl_tls_config_schema,
     .help = "ca_file, cert_file, key_file, server_name, min_version, max_version ..."},
    {.key = "proxy_url",
     .type = PL_FIELD_PROXY,
     .offset = offsetof(struct slack_config, proxy_url),
     .flags = PL_FIELD_NONEMPTY,
     .help = "http, https or socks5 proxy"},
    {.key = "no_proxy",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct slack_config, no_proxy),
     .help = "hosts to be asked without it"},
    {0},
};

static const struct pl_schema schema = {.name = "slack", .size = sizeof(struct slack_config), .fields = fields, .check = check};

static const struct pl_notifier_ops ops = {.open = open_slack, .send = send_notice, .close = close_slack};

extern const struct pl_plugin pl_plugin_notify_slack;
const struct pl_plugin pl_plugin_notify_slack = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_NOTIFIER, .name = "slack", .help = "tells of alerts in Slack and its like",
    .schema = &schema, .ops.notifier = &ops,
};
