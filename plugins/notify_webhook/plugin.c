/* notifiers: webhook. A request for every event: Kapacitor's own JSON, as pulse's receivers know it, or a text of one's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/printable.h"
#include "net/hmac.h"
#include "pipeline/plugin.h"

struct webhook_config {
	struct pl_notifier_config base;
	const char *url; /* NULL: none, only what alerts name */
	int method;
	const char *body, *content_type;
	struct pl_secret secret;
	int64_t timeout;
	struct pl_client_config client;
};

static const char *const methods[] = {"POST", "PUT", NULL};

struct webhook {
	const struct webhook_config *config;
	struct pl_notice_post post;
	struct pl_notice_progress progress;
	struct pl_notice_delivery *delivery; /* NULL: none */
	size_t at;                           /* the event that is being sent */
	bool refused;                        /* some event was, in this attempt or before */
	struct pl_notice_verdict refusal;
	struct pl_buf url, body, secret, lines[3];
	const char *headers[4];
	void (*closed)(void *data);
	void *closed_data;
};

/* Of what progress keeps of a notice; the rest is how many events are settled. */
#define REFUSED_BIT (UINT64_C(1) << 63)

static bool is_native(const struct webhook_config *c)
{
	return strcmp(c->body, "pulse") == 0 || strcmp(c->body, "kapacitor") == 0;
}

/* ---- one event ---- */

static void give(struct webhook *w, const struct pl_notice_verdict *v)
{
	struct pl_notice_delivery *d = w->delivery;
	uint64_t done = w->at | (w->refused ? REFUSED_BIT : 0);
	pl_notice_progress_set(&w->progress, d->notice->key, v->result == PL_NOTICE_RETRY ? done : 0);
	w->delivery = NULL;
	d->done(d, v);
}

static void fail(struct webhook *w, enum pl_notice_result result, const char *reason)
{
	struct pl_notice_verdict v = {.result = result};
	pl_notice_verdict_say(&v, pl_str_of(reason));
	give(w, &v);
}

static void make_body(struct webhook *w, const struct pl_notice_event *e)
{
	const struct pl_notice one = {.key = w->delivery->notice->key, .events = e, .n = 1, .post = w->delivery->notice->post};
	pl_buf_clear(&w->body);
	if (is_native(w->config))
		pl_buf_add_str(&w->body, e->body);
	else
		pl_notice_template_add(&w->body, w->config->body, &one, pl_notice_escape_of(w->config->content_type));
}

/* Of several events each has a number: by the key alone a receiver would take them for doubles of the first. */
static void make_key(struct webhook *w)
{
	struct pl_buf *line = &w->lines[0];
	const struct pl_notice *n = w->delivery->notice;
	pl_buf_clear(line);
	pl_buf_add_cstr(line, "X-Pulseline-Notice: ");
	pl_buf_add_printable(line, n->key);
	if (n->n > 1)
		pl_buf_addf(line, "/%zu", w->at + 1);
	w->headers[0] = pl_buf_cstr(line);
	w->headers[1] = NULL;
}

static enum pl_err make_signature(struct webhook *w, char *reason, size_t reason_size)
{
	int64_t now_s = pl_clock_wall_ns() / PL_NS_PER_S;
	if (!pl_secret_given(&w->config->secret))
		return PL_OK;
	pl_buf_clear(&w->secret);
	pl_buf_clear(&w->lines[1]);
	pl_buf_clear(&w->lines[2]);
	enum pl_err err = pl_secret_read(&w->config->secret, &w->secret, reason, reason_size);
	if (err != PL_OK)
		return err;
	struct pl_buf text = {0};
	pl_buf_addf(&text, "%lld.", (long long)now_s);
	pl_buf_add_str(&text, pl_buf_str(&w->body));
	pl_buf_addf(&w->lines[1], "X-Pulseline-Timestamp: %lld", (long long)now_s);
	pl_buf_add_cstr(&w->lines[2], "X-Pulseline-Signature: sha256=");
	err = pl_hmac_sha256(&w->lines[2], pl_buf_str(&w->secret), pl_buf_str(&text));
	pl_buf_finish(&text);
	if (err != PL_OK)
		snprintf(reason, reason_size, "the request could not be signed");
	w->headers[1] = pl_buf_cstr(&w->lines[1]);
	w->headers[2] = pl_buf_cstr(&w->lines[2]);
	w->headers[3] = NULL;
	if (w->secret.p != NULL)
		explicit_bzero(w->secret.p, w->secret.cap);
	return err;
}

static void send_next(struct webhook *w)
{
	const struct pl_notice *n = w->delivery->notice;
	char reason[256];
	if (w->at >= n->n) {
		const struct pl_notice_verdict sent = {.result = PL_NOTICE_SENT};
		give(w, w->refused ? &w->refusal : &sent);
		return;
	}
	make_body(w, &n->events[w->at]);
	make_key(w);
	if (make_signature(w, reason, sizeof reason) != PL_OK) {
		fail(w, PL_NOTICE_RETRY, reason);
		return;
	}
	/* Who may write an alert names any URL: what is secret of this notifier goes nowhere but to its own server. One without
	 * a URL of its own was given its credentials for just those. */
	const char *own = w->config->url, *url = pl_buf_cstr(&w->url);
	const struct pl_notice_post_request request = {
	    .url = url,
	    .foreign = own != NULL && !pl_notice_post_same_origin(own, url),
	    .method = methods[w->config->method],
	    .content_type = is_native(w->config) ? "application/json" : w->config->content_type,
	    .body = pl_buf_str(&w->body),
	    .headers = w->headers,
	    .timeout_ns = w->config->timeout,
	};
	pl_notice_post_send(&w->post, &request);
}

static void on_verdict(struct pl_notice_post *p, const struct pl_notice_verdict *v)
{
	struct webhook *w = p->data;
	if (v->result == PL_NOTICE_RETRY) {
		give(w, v);
		return;
	}
	/* What is refused must not keep the others back. */
	if (v->result == PL_NOTICE_REFUSED && (!w->refused || w->refusal.reason[0] == '\0')) {
		w->refused = true;
		w->refusal = *v;
	}
	w->at++;
	send_next(w);
}

static void send_notice(void *self, struct pl_notice_delivery *d)
{
	struct webhook *w = self;
	const struct pl_notice *n = d->notice;
	uint64_t done = pl_notice_progress_get(&w->progress, n->key);
	w->delivery = d;
	w->at = (size_t)(done & ~REFUSED_BIT);
	w->refused = (done & REFUSED_BIT) != 0;
	w->refusal = (struct pl_notice_verdict){.result = PL_NOTICE_REFUSED, .reason = "some events were refused before"};
	pl_buf_clear(&w->url);
	if (n->post.n > 0)
		pl_buf_add_str(&w->url, n->post);
	else if (w->config->url != NULL)
		pl_buf_add_cstr(&w->url, w->config->url);
	if (w->url.n == 0)
		fail(w, PL_NOTICE_REFUSED, "neither the alert (post) nor this notifier (url) has a URL");
	else if (memchr(w->url.p, '\0', w->url.n) != NULL)
		fail(w, PL_NOTICE_REFUSED, "the alert's URL is not valid");
	else
		send_next(w);
}

/* ---- life ---- */

static enum pl_err open_webhook(const struct pl_notifier_env *env, const void *config, void **self, char *reason,
				size_t reason_size)
{
	struct webhook *w = pl_calloc(1, sizeof *w);
	w->config = config;
	w->post.on_verdict = on_verdict;
	w->post.data = w;
	enum pl_err err = pl_notice_post_open(&w->post, env->loop, &w->config->client);
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot set up HTTP: %s", pl_err_text(err));
		free(w);
		return err;
	}
	*self = w;
	return PL_OK;
}

static void on_closed(void *data)
{
	struct webhook *w = data;
	void (*closed)(void *) = w->closed;
	void *closed_data = w->closed_data;
	pl_notice_progress_finish(&w->progress);
	pl_buf_finish(&w->url);
	pl_buf_finish(&w->body);
	pl_buf_finish(&w->secret);
	for (size_t i = 0; i < PL_COUNT_OF(w->lines); i++)
		pl_buf_finish(&w->lines[i]);
	free(w);
	closed(closed_data);
}

static void close_webhook(void *self, void (*closed)(void *data), void *data)
{
	struct webhook *w = self;
	w->closed = closed;
	w->closed_data = data;
	pl_notice_post_close(&w->post, on_closed, w);
}

/* ---- the configuration ---- */

static void check(void *object, const struct pl_check *c)
{
	const struct webhook_config *config = object;
	char reason[400];
	pl_client_config_check(&config->client, c);
	if (config->client.oauth2 != NULL)
		pl_check_fail(c, "oauth2", "not supported here; use authorization or basic_auth");
	if (config->body != NULL && !is_native(config) && pl_notice_template_check(config->body, reason, sizeof reason) != PL_OK)
		pl_check_fail(c, "body", "%s", reason);
	if (config->content_type != NULL && strpbrk(config->content_type, "\r\n") != NULL)
		pl_check_fail(c, "content_type", "a header has one line");
}

static const struct pl_field fields[] = {
    {.key = "name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct webhook_config, base.name),
     .fallback = "",
     .help = "what alerts call it by; webhook when empty"},
    {.key = "url",
     .type = PL_FIELD_URL,
     .offset = offsetof(struct webhook_config, url),
     .help = "where to; an alert's own `post` goes first; without it the notifier serves only these"},
    {.key = "method",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct webhook_config, method),
     .fallback = "POST",
     .choices = methods,
     .help = "POST or PUT"},
    {.key = "body",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct webhook_config, body),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulse",
     .help = "pulse or kapacitor (the same: Kapacitor's own JSON), or a text with {id} {level} {message} and so on"},
    {.key = "content_type",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct webhook_config, content_type),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "application/json",
     .help = "of a body of one's own; says how its values are escaped (JSON, a form, XML, HTML, or not at all)"},
    {.key = "secret",
     .type = PL_FIELD_SECRET,
     .offset = offsetof(struct webhook_config, secret),
     .help = "signs every request: X-Pulseline-Signature is the HMAC-SHA256 of X-Pulseline-Timestamp, a dot, and the body"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct webhook_config, timeout),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = 300 * PL_NS_PER_S,
     .help = "of one request"},
    PL_CLIENT_FIELDS_FOLLOWING(struct webhook_config, "false"),
    {0},
};

static const struct pl_schema schema = {
    .name = "webhook", .size = sizeof(struct webhook_config), .fields = fields, .check = check};

static const struct pl_notifier_ops ops = {.open = open_webhook, .send = send_notice, .close = close_webhook};

extern const struct pl_plugin pl_plugin_notify_webhook;
const struct pl_plugin pl_plugin_notify_webhook = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_NOTIFIER, .name = "webhook", .help = "tells of alerts by HTTP",
    .schema = &schema, .ops.notifier = &ops,
};
