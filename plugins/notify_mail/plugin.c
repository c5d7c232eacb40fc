/* notifiers: mail. One mail for a notice, by SMTP or by Resend's HTTP API
 * (https://resend.com/docs/api-reference/emails/send-email). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "net/mail.h"
#include "notify_mail/config.h"

struct mailer {
	struct pl_notifier_env env;
	const struct pl_mail_config *config;
	struct pl_basic_auth credentials; /* what the client takes its secret from */
	struct pl_client_config client_config;
	struct pl_client client; /* of SMTP */
	struct pl_mail mail;
	struct pl_notice_post post;
	struct pl_notice_progress progress; /* of a recipient: taken in the low half, refused in the high one */
	struct pl_notice_delivery *delivery;
	uint64_t taken, refused;
	struct pl_buf subject, text, message, id, header;
	const char *headers[2];
	char *addresses[PL_NOTIFY_MAIL_MOST_TO], *sender; /* bare */
	const char *to[PL_NOTIFY_MAIL_MOST_TO];           /* of this attempt */
	size_t to_index[PL_NOTIFY_MAIL_MOST_TO], n_to;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

static void finish(struct mailer *m);

static void give(struct mailer *m, const struct pl_notice_verdict *v)
{
	struct pl_notice_delivery *d = m->delivery;
	bool again = v->result == PL_NOTICE_RETRY;
	pl_notice_progress_set(&m->progress, d->notice->key, again ? m->taken | m->refused << 32 : 0);
	m->delivery = NULL;
	d->done(d, v);
}

static void settle(struct mailer *m, enum pl_notice_result result, const char *reason)
{
	struct pl_notice_verdict v = {.result = result};
	if (result != PL_NOTICE_SENT)
		pl_notice_verdict_say(&v, pl_str_of(reason));
	give(m, &v);
}

/* ---- what is sent ---- */

/* The same at every attempt, so that mail programs know doubles. */
static void make_id(struct mailer *m)
{
	const struct pl_str key = m->delivery->notice->key;
	pl_buf_clear(&m->id);
	pl_buf_addf(&m->id, "pulseline.%016llx%016llx", (unsigned long long)pl_str_hash(key, 0),
		    (unsigned long long)pl_str_hash(key, 1));
	pl_buf_add_cstr(&m->id, strchr(m->sender, '@'));
}

static void make_texts(struct mailer *m)
{
	const struct pl_notice *n = m->delivery->notice;
	pl_buf_clear(&m->subject);
	pl_buf_clear(&m->text);
	pl_notice_template_add(&m->subject, m->config->subject, n, PL_NOTICE_RAW);
	pl_notice_template_add(&m->text, m->config->text, n, PL_NOTICE_RAW);
	make_id(m);
}

/* ---- SMTP ---- */

static void make_message(struct mailer *m)
{
	const struct pl_mail_config *c = m->config;
	const struct pl_mail_message message = {
	    .from = c->sender,
	    .to = c->recipients,
	    .n_to = c->to.n,
	    .cc = c->recipients + c->to.n,
	    .n_cc = c->cc.n,
	    .subject = pl_buf_str(&m->subject),
	    .text = pl_buf_str(&m->text),
	    .message_id = pl_buf_str(&m->id),
	    .wall_s = pl_clock_wall_ns() / PL_NS_PER_S,
	};
	pl_buf_clear(&m->message);
	pl_mail_message_add(&m->message, &message);
}

/* Those who were neither served nor refused before. */
static void choose_recipients(struct mailer *m)
{
	size_t n = m->config->to.n + m->config->cc.n;
	m->n_to = 0;
	for (size_t i = 0; i < n; i++) {
		if (((m->taken | m->refused) >> i & 1) != 0)
			continue;
		m->to_index[m->n_to] = i;
		m->to[m->n_to++] = m->addresses[i];
	}
}

/* Codes that are about credentials (RFC 4954, 6): those of this notifier are wrong, not the mail. */
static bool is_auth_code(long code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

/* Whether the whole of it is refused for good. */
static bool is_final(const struct pl_mail_result *r)
{
	return r->err == PL_EINVAL || (r->err == PL_ENET && r->status >= 500 && !is_auth_code(r->status) &&
				       (r->stage == PL_MAIL_SENDER || r->stage == PL_MAIL_MESSAGE));
}

static void on_mail_done(struct pl_mail *mail, const struct pl_mail_result *r)
{
	struct mailer *m = mail->data;
	for (size_t i = 0; i < m->n_to; i++) {
		m->taken |= (r->taken >> i & 1) << m->to_index[i];
		if (!is_auth_code(r->status))
			m->refused |= (r->refused >> i & 1) << m->to_index[i];
	}
	choose_recipients(m);
	if (m->n_to == 0 && m->taken != 0) {
		if (m->refused != 0)
			pl_warn(m->env.log, "a mail did not reach all its recipients", PL_KVC("notifier", m->env.name),
				PL_KVC("reason", r->reason));
		settle(m, PL_NOTICE_SENT, "");
	} else {
		settle(m, m->n_to == 0 || is_final(r) ? PL_NOTICE_REFUSED : PL_NOTICE_RETRY, r->reason);
	}
	if (m->closing)
		finish(m);
}

static void send_smtp(struct mailer *m)
{
	static const enum pl_mail_security security[] = {PL_MAIL_STARTTLS, PL_MAIL_WHEN_OFFERED, PL_MAIL_PLAIN};
	const struct pl_smtp_config *s = m->config->smtp;
	char reason[256];
	if (pl_client_refresh(&m->client, &m->client_config, reason, sizeof reason) != PL_OK) {
		settle(m, PL_NOTICE_RETRY, reason);
		return;
	}
	make_message(m);
	choose_recipients(m);
	const struct pl_mail_request request = {
	    .host = s->host,
	    .port = s->port,
	    .security = s->tls ? PL_MAIL_TLS : security[s->starttls],
	    .hello = s->hello[0] != '\0' ? s->hello : NULL,
	    .client = &m->client.transfer,
	    .from = m->sender,
	    .to = m->to,
	    .n_to = m->n_to,
	    .message = pl_buf_str(&m->message),
	    .timeout_ns = m->config->timeout,
	};
	pl_mail_start(&m->mail, m->env.loop, &request);
}

/* ---- Resend ---- */

static void add_list(struct pl_json *j, const char *key, const struct pl_strings *list)
{
	pl_json_key(j, key);
	pl_json_array_begin(j);
	for (size_t i = 0; i < list->n; i++)
		pl_json_cstr(j, list->v[i]);
	pl_json_array_end(j);
}

static void make_json(struct mailer *m)
{
	const struct pl_mail_config *c = m->config;
	struct pl_json j = {.out = &m->message};
	pl_buf_clear(&m->message);
	pl_json_object_begin(&j);
	pl_json_key(&j, "from");
	pl_json_cstr(&j, c->from);
	add_list(&j, "to", &c->to);
	if (c->cc.n > 0)
		add_list(&j, "cc", &c->cc);
	pl_json_key(&j, "subject");
	pl_json_str(&j, pl_buf_str(&m->subject));
	pl_json_key(&j, "text");
	pl_json_str(&j, pl_buf_str(&m->text));
	pl_json_object_end(&j);
}

static void send_resend(struct mailer *m)
{
	make_json(m);
	pl_buf_clear(&m->header);
	pl_buf_add_cstr(&m->header, "Idempotency-Key: ");
	pl_buf_add_str(&m->header, pl_buf_str(&m->id));
	m->headers[0] = pl_buf_cstr(&m->header);
	const struct pl_notice_post_request request = {
	    .url = m->config->resend->url,
	    .method = "POST",
	    .content_type = "application/json",
	    .body = pl_buf_str(&m->message),
	    .headers = m->headers,
	    .timeout_ns = m->config->timeout,
	};
	pl_notice_post_send(&m->post, &request);
}

static void on_verdict(struct pl_notice_post *p, const struct pl_notice_verdict *v)
{
	give(p->data, v);
}

/* ---- life ---- */

static void send_notice(void *self, struct pl_notice_delivery *d)
{
	struct mailer *m = self;
	uint64_t before = pl_notice_progress_get(&m->progress, d->notice->key);
	m->delivery = d;
	m->taken = before & UINT32_MAX;
	m->refused = before >> 32;
	make_texts(m);
	if (m->config->smtp != NULL)
		send_smtp(m);
	else
		send_resend(m);
}

static void set_client(struct mailer *m)
{
	const struct pl_smtp_config *s = m->config->smtp;
	const struct pl_resend_config *r = m->config->resend;
	m->client_config.tls_config = s != NULL ? s->tls_config : r->tls_config;
	if (s == NULL) {
		m->client_config.bearer_token = r->api_key;
		m->client_config.proxy_url = r->proxy_url;
		m->client_config.no_proxy = r->no_proxy;
	} else if (s->username[0] != '\0') {
		m->credentials = (struct pl_basic_auth){s->username, s->password};
		m->client_config.basic_auth = &m->credentials;
	}
}

static enum pl_err open_mail(const struct pl_notifier_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	struct mailer *m = pl_calloc(1, sizeof *m);
	m->env = *env;
	m->config = config;
	set_client(m);
	m->mail.on_done = on_mail_done;
	m->mail.data = m;
	m->post.on_verdict = on_verdict;
	m->post.data = m;
	enum pl_err err = m->config->smtp == NULL ? pl_notice_post_open(&m->post, env->loop, &m->client_config) : PL_OK;
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot set up HTTP: %s", pl_err_text(err));
		free(m);
		return err;
	}
	const struct pl_mail_address *to = m->config->recipients;
	for (size_t i = 0; i < m->config->to.n + m->config->cc.n; i++)
		m->addresses[i] = pl_strndup(to[i].address.p, to[i].address.n);
	m->sender = pl_strndup(m->config->sender.address.p, m->config->sender.address.n);
	*self = m;
	return PL_OK;
}

static void finish(struct mailer *m)
{
	void (*closed)(void *) = m->closed;
	void *closed_data = m->closed_data;
	pl_client_finish(&m->client);
	pl_notice_progress_finish(&m->progress);
	pl_buf_finish(&m->subject);
	pl_buf_finish(&m->text);
	pl_buf_finish(&m->message);
	pl_buf_finish(&m->id);
	pl_buf_finish(&m->header);
	for (size_t i = 0; i < PL_NOTIFY_MAIL_MOST_TO; i++)
		free(m->addresses[i]);
	free(m->sender);
	free(m);
	closed(closed_data);
}

static void on_post_closed(void *data)
{
	finish(data);
}

static void close_mail(void *self, void (*closed)(void *data), void *data)
{
	struct mailer *m = self;
	m->closed = closed;
	m->closed_data = data;
	m->closing = true;
	if (m->config->smtp == NULL)
		pl_notice_post_close(&m->post, on_post_closed, m);
	else if (m->mail.running)
		pl_mail_cancel(&m->mail);
	else
		finish(m);
}

static const struct pl_notifier_ops ops = {.open = open_mail, .send = send_notice, .close = close_mail};

extern const struct pl_plugin pl_plugin_notify_mail;
const struct pl_plugin pl_plugin_notify_mail = {
    PL_PLUGIN_HEADER,          .kind = PL_PLUGIN_NOTIFIER, .name = "mail", .help = "tells of alerts by mail",
    .schema = &pl_mail_schema, .ops.notifier = &ops,
};
