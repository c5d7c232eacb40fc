#include "pipeline/oauth2.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "pipeline/client.h"
#include "pipeline/oauth2_answer.h"

enum { MARGIN_S = 10, PAUSE_S = 2 };

struct pl_oauth2 {
	struct pl_transfer_pool *pool;
	const struct pl_oauth2_config *config;
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_buf id, secret, form, answer, token;
	struct pl_str form_piece;
	long status;
	uint64_t serial;
	int64_t expires_mono_ns; /* 0: as long as it is taken */
	int64_t pause_mono_ns;   /* after a failure nothing is fetched until then */
	int64_t deadline_mono_ns;
	bool in_form; /* who asks stands in the form: this server does not know the Authorization header */
	bool second;  /* the other of the two ways is being tried */
	char reason[256];
	TAILQ_HEAD(, pl_oauth2_waiter) waiters;
	bool closing, answering;
	void (*closed)(void *data);
	void *closed_data;
};

static void wipe(struct pl_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	pl_buf_finish(b);
}

static enum pl_err on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct pl_oauth2 *o = pl_container_of(t, struct pl_oauth2, transfer);
	o->status = head->status;
	return PL_OK;
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct pl_oauth2 *o = pl_container_of(t, struct pl_oauth2, transfer);
	if (o->answer.cap == 0) /* once, so that no copy of a token is left behind by growing */
		pl_buf_reserve(&o->answer, PL_OAUTH2_MAX_ANSWER + 1);
	pl_buf_add(&o->answer, p, n);
	return PL_OK;
}

/* application/x-www-form-urlencoded, which is also what RFC 6749, 2.3.1 wants within the Authorization header. */
static void add_encoded(struct pl_buf *out, struct pl_str s)
{
	static const char hex[] = "0123456789ABCDEF", plain[] = "-._~";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (letter || (c != '\0' && strchr(plain, c) != NULL)) {
			pl_buf_add_char(out, (char)c);
		} else {
			pl_buf_add_char(out, '%');
			pl_buf_add_char(out, hex[c >> 4]);
			pl_buf_add_char(out, hex[c & 15]);
		}
	}
}

static void add_param(struct pl_buf *out, struct pl_str name, struct pl_str value)
{
	if (out->n > 0)
		pl_buf_add_char(out, '&');
	add_encoded(out, name);
	pl_buf_add_char(out, '=');
	add_encoded(out, value);
}

static void make_form(struct pl_oauth2 *o, struct pl_str secret)
{
	const struct pl_oauth2_config *c = o->config;
	struct pl_buf scope = {0};
	wipe(&o->form);
	/* Room for all at once: growing would leave copies of the secret behind. */
	if (o->in_form)
		pl_buf_reserve(&o->form, 4096 + 3 * (strlen(c->client_id) + secret.n));
	add_param(&o->form, PL_STR("grant_type"), PL_STR("client_credentials"));
	if (o->in_form) {
		add_param(&o->form, PL_STR("client_id"), pl_str_of(c->client_id));
		add_param(&o->form, PL_STR("client_secret"), secret);
	}
	for (size_t i = 0; i < c->scopes.n; i++)
		pl_buf_addf(&scope, "%s%s", i > 0 ? " " : "", c->scopes.v[i]);
	if (scope.n > 0)
		add_param(&o->form, PL_STR("scope"), pl_buf_str(&scope));
	pl_buf_finish(&scope);
	for (size_t i = 0; i < c->endpoint_params.n; i++)
		add_param(&o->form, c->endpoint_params.v[i].name, c->endpoint_params.v[i].value);
	o->form_piece = pl_buf_str(&o->form);
}

/* The secret is read anew each time. */
static enum pl_err prepare(struct pl_oauth2 *o)
{
	const struct pl_oauth2_config *c = o->config;
	const struct pl_client_config endpoint = {
	    .tls_config = c->tls_config, .proxy_url = c->proxy_url, .no_proxy = c->no_proxy, .enable_compression = true};
	struct pl_buf secret = {0};
	enum pl_err err = pl_secret_read(&c->client_secret, &secret, o->reason, sizeof o->reason);
	if (err == PL_OK)
		err = pl_client_load(&o->client, &endpoint, o->reason, sizeof o->reason);
	if (err == PL_OK) {
		make_form(o, pl_buf_str(&secret));
		wipe(&o->id);
		wipe(&o->secret);
		pl_buf_reserve(&o->secret, 3 * secret.n + 1);
		add_encoded(&o->id, pl_str_of(c->client_id));
		add_encoded(&o->secret, pl_buf_str(&secret));
		o->client.transfer.username = o->in_form ? NULL : pl_buf_cstr(&o->id);
		o->client.transfer.password = o->in_form ? NULL : pl_buf_cstr(&o->secret);
	}
	wipe(&secret);
	return err;
}

static enum pl_err start(struct pl_oauth2 *o)
{
	enum pl_err err = prepare(o);
	if (err != PL_OK)
		return err;
	int64_t left = o->deadline_mono_ns - pl_clock_mono_ns();
	const struct pl_transfer_request request = {
	    .url = o->config->token_url,
	    .method = "POST",
	    .client = &o->client.transfer,
	    .body = &o->form_piece,
	    .n_body = 1,
	    .content_type = "application/x-www-form-urlencoded",
	    .accept = "application/json",
	    .affinity = UINT32_MAX,
	    .timeout_ns = left > PL_NS_PER_MS ? left : PL_NS_PER_MS,
	    .max_body_bytes = PL_OAUTH2_MAX_ANSWER,
	};
	o->status = 0;
	wipe(&o->answer);
	pl_transfer_start(o->pool, &o->transfer, &request);
	return PL_OK;
}

static void take_token(struct pl_oauth2 *o, struct pl_oauth2_answer *a)
{
	int64_t margin = a->expires_in / 4 < MARGIN_S ? a->expires_in * PL_NS_PER_S / 4 : MARGIN_S * PL_NS_PER_S;
	wipe(&o->token);
	o->token = a->token;
	pl_buf_cstr(&o->token);
	o->serial++;
	o->expires_mono_ns = a->expires_in > 0 ? pl_clock_mono_ns() + a->expires_in * PL_NS_PER_S - margin : 0;
	o->pause_mono_ns = 0;
	o->reason[0] = '\0';
}

static void note_failure(struct pl_oauth2 *o)
{
	o->pause_mono_ns = pl_clock_mono_ns() + PAUSE_S * PL_NS_PER_S;
	o->second = false;
}

static void finish(struct pl_oauth2 *o)
{
	void (*closed)(void *) = o->closed;
	void *data = o->closed_data;
	struct pl_buf *all[] = {&o->id, &o->secret, &o->form, &o->answer, &o->token};
	for (size_t i = 0; i < PL_COUNT_OF(all); i++)
		wipe(all[i]);
	pl_client_finish(&o->client);
	free(o);
	closed(data);
}

static void answer_all(struct pl_oauth2 *o, enum pl_oauth2_state state)
{
	o->answering = true;
	/* One that asks again from within may begin to fetch anew: then the others wait for that. */
	for (struct pl_oauth2_waiter *w; o->transfer.flight == NULL && (w = TAILQ_FIRST(&o->waiters)) != NULL;) {
		pl_oauth2_leave(o, w);
		w->on_answer(w, state);
	}
	o->answering = false;
	if (o->closing && o->transfer.flight == NULL)
		finish(o);
}

static void tell_transfer(struct pl_oauth2 *o, const char *reason)
{
	struct pl_buf url = {0};
	pl_redact_url(&url, pl_str_of(o->config->token_url));
	snprintf(o->reason, sizeof o->reason, "no token from %.80s: %.150s", pl_buf_cstr(&url), reason);
	pl_buf_finish(&url);
}

/* The server may say again what it was told. */
static void redact(struct pl_oauth2 *o)
{
	const struct pl_labels params = o->config->endpoint_params;
	pl_redact_echo(o->reason, pl_buf_str(&o->secret));
	for (size_t i = 0; i < params.n; i++)
		if (pl_redact_is_name(params.v[i].name))
			pl_redact_echo(o->reason, params.v[i].value);
	pl_client_redact(&o->client, o->config->token_url, o->reason);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct pl_oauth2 *o = pl_container_of(t, struct pl_oauth2, transfer);
	struct pl_oauth2_answer answer;
	if (o->closing) {
		finish(o);
		return;
	}
	enum pl_err err = result->err;
	if (err == PL_OK)
		err = pl_oauth2_answer_read(o->status, pl_buf_str(&o->answer), &answer, o->reason, sizeof o->reason);
	else
		tell_transfer(o, result->reason);
	redact(o);
	wipe(&o->form);
	wipe(&o->secret);
	wipe(&o->answer);
	/* There are servers that take the client's name and secret in the form only. */
	if (err == PL_EACCES && !o->second) {
		o->second = true;
		o->in_form = !o->in_form;
		if (start(o) == PL_OK)
			return;
	}
	if (err == PL_OK) {
		take_token(o, &answer);
		o->second = false;
	} else {
		if (o->second)
			o->in_form = !o->in_form;
		note_failure(o);
	}
	answer_all(o, err == PL_OK ? PL_OAUTH2_READY : PL_OAUTH2_FAILED);
}

static const struct pl_transfer_events events = {.on_head = on_head, .on_data = on_data, .on_done = on_done};

struct pl_oauth2 *pl_oauth2_create(struct pl_transfer_pool *pool, const struct pl_oauth2_config *config)
{
	struct pl_oauth2 *o = pl_calloc(1, sizeof *o);
	o->pool = pool;
	o->config = config;
	o->transfer.events = &events;
	TAILQ_INIT(&o->waiters);
	return o;
}

void pl_oauth2_close(struct pl_oauth2 *o, void (*closed)(void *data), void *data)
{
	assert(TAILQ_EMPTY(&o->waiters));
	o->closing = true;
	o->closed = closed;
	o->closed_data = data;
	if (o->transfer.flight != NULL)
		pl_transfer_cancel(&o->transfer);
	else if (!o->answering) /* else when the last one has got his answer */
		finish(o);
}

enum pl_oauth2_state pl_oauth2_ask(struct pl_oauth2 *o, struct pl_oauth2_waiter *w, int64_t timeout_ns)
{
	int64_t now = pl_clock_mono_ns();
	if (o->token.n > 0 && (o->expires_mono_ns == 0 || now < o->expires_mono_ns))
		return PL_OAUTH2_READY;
	if (o->transfer.flight == NULL) {
		if (now < o->pause_mono_ns)
			return PL_OAUTH2_FAILED;
		o->deadline_mono_ns = now + timeout_ns;
		if (start(o) != PL_OK) {
			note_failure(o);
			return PL_OAUTH2_FAILED;
		}
	}
	assert(!w->waiting);
	w->waiting = true;
	TAILQ_INSERT_TAIL(&o->waiters, w, of_oauth2);
	return PL_OAUTH2_WAITING;
}

void pl_oauth2_leave(struct pl_oauth2 *o, struct pl_oauth2_waiter *w)
{
	if (w->waiting)
		TAILQ_REMOVE(&o->waiters, w, of_oauth2);
	w->waiting = false;
}

const char *pl_oauth2_token(const struct pl_oauth2 *o, uint64_t *serial)
{
	*serial = o->serial;
	return o->token.p;
}

const char *pl_oauth2_reason(const struct pl_oauth2 *o)
{
	return o->reason;
}

void pl_oauth2_refused(struct pl_oauth2 *o, uint64_t serial)
{
	if (o->serial == serial)
		wipe(&o->token);
}
