#include "alerts/alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alerts/alerts_private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

/* `SECRET_DOC` holds what Kapacitor shows us, so that its tasks stay as they are over our restarts. */
#define SECRET_DOC "secret"
#define WEBHOOK_ID "webhook"

enum { TICK_MS = 1000 };

/* Of the point that waits longest. (An output's lag_ns is no help: where points come once a minute, it is a minute while one is
 * sent.) */
static int64_t lag(const struct pl_alerts *a)
{
	int64_t most = 0;
	const struct pl_outputs *outputs = a->env.outputs(a->env.daemon);
	for (size_t i = 0; i < outputs->n; i++) {
		struct pl_output_status s;
		const char *kind = pl_output_section(outputs->v[i])->kind;
		if (strcmp(kind, "influxdb") != 0 && strcmp(kind, "kapacitor") != 0)
			continue;
		pl_output_status(outputs->v[i], &s);
		most = s.oldest_age_ns > most ? s.oldest_age_ns : most;
	}
	return most;
}

static void on_tick(uv_timer_t *timer)
{
	struct pl_alerts *a = timer->data;
	const struct pl_kapacitor_config *k = a->config != NULL ? a->config->kapacitor : NULL;
	bool behind = k != NULL && lag(a) > k->lag;
	if (behind != a->behind) {
		a->behind = behind;
		pl_notices_pipeline(a->notices, behind);
		pl_info(a->env.log,
			behind ? "alerts of silence are held: our own points are late" : "alerts of silence count again",
			PL_KVT("lag_seconds", lag(a)));
	}
	pl_alerts_change_expire(a);
	if (a->config != NULL)
		pl_alerts_proofs_tick(a);
}

/* ---- opening ---- */

struct loading {
	struct pl_alerts *alerts;
	size_t unreadable;
};

static void load_alert(void *data, struct pl_str id, struct pl_str body)
{
	struct loading *l = data;
	char reason[256] = "";
	if (pl_alert_set_load(&l->alerts->set, id, body, reason, sizeof reason) == PL_OK)
		return;
	l->unreadable++;
	pl_error(l->alerts->env.log, "a stored alert cannot be read: it stays stored, but is not provisioned",
		 PL_KVS("alert", id), PL_KVC("reason", reason));
}

static void load_known(void *data, struct pl_str id, struct pl_str body)
{
	pl_alerts_load_known(((struct loading *)data)->alerts, id, body);
}

static void load_proof(void *data, struct pl_str id, struct pl_str body)
{
	pl_alerts_load_proof(((struct loading *)data)->alerts, id, body);
}

static void load_secret(void *data, struct pl_str id, struct pl_str body)
{
	struct pl_alerts *a = ((struct loading *)data)->alerts;
	if (!pl_str_is(id, WEBHOOK_ID) || body.n < 32)
		return;
	free(a->token);
	a->token = pl_strndup(body.p, body.n);
}

static enum pl_err make_token(struct pl_alerts *a)
{
	unsigned char b[24];
	char text[2 * sizeof b + 1];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		return PL_EIO;
	for (size_t i = 0; i < sizeof b; i++)
		snprintf(text + 2 * i, 3, "%02x", b[i]);
	a->token = pl_strdup(text);
	return pl_state_put(a->env.state, SECRET_DOC, PL_STR(WEBHOOK_ID), pl_str_of(text), NULL, NULL);
}

static enum pl_err load(struct pl_alerts *a, char *reason, size_t reason_size)
{
	struct loading l = {.alerts = a};
	struct pl_state *s = a->env.state;
	enum pl_err err = pl_state_load(s, PL_ALERTS_DOC, load_alert, &l, reason, reason_size);
	if (err == PL_OK)
		err = pl_state_load(s, PL_ALERTS_TASK_DOC, load_known, &l, reason, reason_size);
	if (err == PL_OK)
		err = pl_state_load(s, SECRET_DOC, load_secret, &l, reason, reason_size);
	if (err == PL_OK && a->token == NULL)
		err = make_token(a);
	return err;
}

static void free_alerts(struct pl_alerts *a)
{
	struct pl_alerts_known *k, *next;
	HASH_ITER(hh, a->known, k, next)
	{
		HASH_DEL(a->known, k);
		free(k);
	}
	pl_alert_set_finish(&a->set);
	if (a->config != NULL)
		pl_config_release(a->config);
	free(a->webhook);
	free(a->token);
	free(a);
}

static const struct pl_alert *find(void *data, struct pl_str id)
{
	const struct pl_alert_entry *e = pl_alert_set_find(&((struct pl_alerts *)data)->set, id);
	return e != NULL ? &e->alert : NULL;
}

static enum pl_err open_notices(struct pl_alerts *a, char *reason, size_t reason_size)
{
	const struct pl_notices_options options = {
	    .loop = a->env.loop, .log = a->env.log, .state = a->env.state, .find = find, .data = a};
	enum pl_err err = pl_notices_open(&a->notices, &options, reason, reason_size);
	if (err == PL_OK)
		a->outbox = pl_notices_outbox(a->notices);
	return err;
}

enum pl_err pl_alerts_create(struct pl_alerts **out, const struct pl_alerts_env *env, char *reason, size_t reason_size)
{
	struct pl_alerts *a = pl_calloc(1, sizeof *a);
	a->env = *env;
	enum pl_err err = load(a, reason, reason_size);
	if (err == PL_OK)
		err = open_notices(a, reason, reason_size);
	if (err != PL_OK) {
		free_alerts(a);
		return err;
	}
	pl_notifiers_init(&a->notifiers, env->loop, env->log, env->webhook);
	pl_alerts_proofs_open(a);
	uv_timer_init(&env->loop->uv, &a->timer);
	a->timer.data = a;
	uv_timer_start(&a->timer, on_tick, TICK_MS, TICK_MS);
	*out = a;
	return PL_OK;
}

/* ---- taking on a configuration ---- */

enum pl_err pl_alerts_prepare(struct pl_alerts *a, struct pl_config *config, struct pl_buf *problems)
{
	enum pl_err err = pl_notifiers_prepare(&a->notifiers, config, problems);
	if (err == PL_OK)
		a->fresh = pl_config_share(config);
	return err;
}

void pl_alerts_discard(struct pl_alerts *a)
{
	if (a->fresh == NULL)
		return;
	pl_notifiers_discard(&a->notifiers);
	pl_config_release(a->fresh);
	a->fresh = NULL;
}

static bool same(const struct pl_alert *x, const struct pl_alert *y)
{
	struct pl_buf a = {0}, b = {0};
	struct pl_json ja = {.out = &a}, jb = {.out = &b};
	pl_alert_json(&ja, x, false);
	pl_alert_json(&jb, y, false);
	bool equal = pl_str_eq(pl_buf_str(&a), pl_buf_str(&b));
	pl_buf_finish(&a);
	pl_buf_finish(&b);
	return equal;
}

bool pl_alerts_is_another(const struct pl_alert *before, const struct pl_alert *now)
{
	bool another =
	    before->kind != now->kind || strcmp(before->metric, now->metric) != 0 || before->group_by.n != now->group_by.n;
	for (size_t i = 0; !another && i < now->group_by.n; i++)
		another = strcmp(before->group_by.v[i], now->group_by.v[i]) != 0;
	return another;
}

static void declare(struct pl_alerts *a, const struct pl_alert *alert)
{
	struct pl_alert_entry *old = pl_alert_set_find(&a->set, pl_str_of(alert->id));
	bool unchanged = old != NULL && old->declared && same(&old->alert, alert);
	int64_t modified = unchanged ? old->modified_wall_ns : pl_clock_wall_ns();
	if (old != NULL && !old->declared)
		pl_warn(a->env.log, "an alert of the API is declared by the configuration now, which counts",
			PL_KVC("alert", alert->id));
	if (old != NULL && pl_alerts_is_another(&old->alert, alert))
		pl_notices_end(a->notices, pl_str_of(alert->id), "changed");
	struct pl_alert_entry *e = pl_alert_set_declare(&a->set, alert, pl_clock_wall_ns());
	e->modified_wall_ns = modified;
	e->kept = true;
}

static void declare_all(struct pl_alerts *a)
{
	struct pl_alert_entry *e, *next;
	const struct pl_alert *v = a->config->alerts.v;
	for (size_t i = 0; i < a->config->alerts.n; i++)
		declare(a, &v[i]);
	HASH_ITER(hh, a->set.by_id, e, next)
	{
		if (e->declared && !e->kept) {
			pl_proofs_forget(a->proofs, pl_str_of(e->alert.id));
			pl_notices_end(a->notices, pl_str_of(e->alert.id), "deleted");
			pl_alert_set_remove(&a->set, e);
			continue;
		}
		e->kept = false;
	}
}

static void switch_receivers(struct pl_alerts *a)
{
	struct pl_outbox_receiver *v = pl_calloc(a->notifiers.n + 1, sizeof *v);
	for (size_t i = 0; i < a->notifiers.n; i++)
		v[i] = (struct pl_outbox_receiver){a->notifiers.v[i]->name, a->notifiers.v[i]->ops, a->notifiers.v[i]->self};
	pl_outbox_receivers(a->outbox, v, a->notifiers.n);
	free(v);
	pl_notifiers_retire(&a->notifiers);
}

static void load_proofs(struct pl_alerts *a)
{
	struct loading l = {.alerts = a};
	char reason[256] = "";
	if (pl_state_load(a->env.state, PL_ALERTS_PROOF_DOC, load_proof, &l, reason, sizeof reason) != PL_OK)
		pl_warn(a->env.log, "what was proven is not known any more", PL_KVC("reason", reason));
}

void pl_alerts_apply(struct pl_alerts *a, const char *http)
{
	struct pl_config *old = a->config;
	struct pl_buf webhook = {0};
	a->config = a->fresh;
	a->fresh = NULL;
	const struct pl_kapacitor_config *k = a->config->kapacitor;
	a->defaults = (struct pl_alert_defaults){0};
	if (k != NULL) {
		a->defaults = pl_alert_defaults_of(a->config);
		pl_alert_webhook_url(a->config, http, &webhook);
		free(a->webhook);
		a->webhook = pl_buf_take(&webhook);
		pl_outbox_limits(a->outbox, (size_t)k->keep.outbox, k->keep.outbox_age);
	}
	pl_notifiers_commit(&a->notifiers);
	switch_receivers(a);
	if (k != NULL)
		pl_notices_notify(a->notices, k->notify);
	declare_all(a);
	if (old == NULL) {
		load_proofs(a);
		pl_notices_start(a->notices);
	} else {
		pl_notices_reload(a->notices);
	}
	pl_alerts_proofs_apply(a);
	pl_alerts_link_apply(a);
	if (old != NULL)
		pl_config_release(old);
}

bool pl_alerts_enabled(const struct pl_alerts *a)
{
	return a->link != NULL && !a->closing;
}

/* ---- closing ---- */

void pl_alerts_end_if_closed(struct pl_alerts *a)
{
	if (!a->closing || a->n_open > 0 || a->n_links > 0)
		return;
	void (*closed)(void *) = a->closed;
	void *closed_data = a->closed_data;
	free_alerts(a);
	closed(closed_data);
}

static void part_closed(void *data)
{
	struct pl_alerts *a = data;
	a->n_open--;
	pl_alerts_end_if_closed(a);
}

static void on_timer_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

static void on_notifiers_closed(void *data)
{
	struct pl_alerts *a = data;
	pl_notices_close(a->notices, part_closed, a);
}

void pl_alerts_close(struct pl_alerts *a, void (*closed)(void *data), void *data)
{
	a->closing = true;
	a->closed = closed;
	a->closed_data = data;
	pl_alerts_change_expire(a);
	pl_alerts_link_close(a);
	a->n_open = 3;
	uv_close((uv_handle_t *)&a->timer, on_timer_closed);
	pl_proofs_close(a->proofs, part_closed, a);
	pl_notifiers_close(&a->notifiers, on_notifiers_closed, a);
}
