/* The link to one Kapacitor: its client and its reconciler, which live as long as their settings stay. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/alerts_private.h"
#include "base/mem.h"

static const char *prefix_of(const struct pl_alerts_link *l)
{
	return l->config->kapacitor->prefix;
}

static void task_id(const struct pl_alerts_link *l, const char *id, char out[PL_TASK_ID_BYTES])
{
	snprintf(out, PL_TASK_ID_BYTES, "%s%s", prefix_of(l), id);
}

/* ---- what restarts are told ---- */

static void remember(struct pl_alerts *a, struct pl_str id, uint64_t fingerprint, uint64_t created)
{
	struct pl_alerts_known *k;
	HASH_FIND(hh, a->known, id.p, id.n, k);
	if (k == NULL) {
		k = pl_calloc(1, sizeof *k + id.n + 1);
		memcpy(k->id, id.p, id.n);
		HASH_ADD_KEYPTR(hh, a->known, k->id, id.n, k);
	}
	k->fingerprint = fingerprint;
	k->created = created;
}

void pl_alerts_load_known(struct pl_alerts *a, struct pl_str id, struct pl_str body)
{
	struct pl_str created = body, fingerprint = pl_str_cut(&created, ' ');
	uint64_t f, c;
	if (pl_str_u64(fingerprint, &f) && pl_str_u64(created, &c))
		remember(a, id, f, c);
}

static void save_known(struct pl_alerts *a, struct pl_str id, const struct pl_task_status *s)
{
	char body[64];
	struct pl_alerts_known *k;
	HASH_FIND(hh, a->known, id.p, id.n, k);
	if (s->known_fingerprint == 0 || (k != NULL && k->fingerprint == s->known_fingerprint && k->created == s->known_created))
		return;
	remember(a, id, s->known_fingerprint, s->known_created);
	int n = snprintf(body, sizeof body, "%" PRIu64 " %" PRIu64, s->known_fingerprint, s->known_created);
	/* Without it a later drift counts as our own change, which mends it as well. */
	(void)!pl_state_put(a->env.state, PL_ALERTS_TASK_DOC, id, (struct pl_str){body, (size_t)n}, NULL, NULL);
}

static void forget(struct pl_alerts *a, struct pl_str id)
{
	struct pl_alerts_known *k;
	HASH_FIND(hh, a->known, id.p, id.n, k);
	if (k == NULL)
		return;
	HASH_DEL(a->known, k);
	free(k);
	(void)!pl_state_remove(a->env.state, PL_ALERTS_TASK_DOC, id, NULL, NULL);
}

/* ---- tasks ---- */

enum pl_err pl_alerts_render(const struct pl_alerts *a, const struct pl_alert *alert, const char *token, struct pl_tick_task *out,
			     char *reason, size_t reason_size)
{
	const struct pl_tick_options options = {.defaults = a->defaults, .webhook = a->webhook, .token = token};
	return pl_tick_render(alert, &options, out, reason, reason_size);
}

enum pl_err pl_alerts_provision(struct pl_alerts *a, const struct pl_alert_entry *e, char *reason, size_t reason_size)
{
	char id[PL_TASK_ID_BYTES];
	struct pl_tick_task t = {0};
	if (a->link == NULL)
		return PL_OK;
	enum pl_err err = pl_alerts_render(a, &e->alert, a->token, &t, reason, reason_size);
	if (err == PL_OK) {
		struct pl_alerts_known *k;
		HASH_FIND_STR(a->known, e->alert.id, k);
		task_id(a->link, e->alert.id, id);
		const struct pl_reconciler_task task = {
		    .script = pl_buf_str(&t.script),
		    .vars = pl_buf_str(&t.vars),
		    .dbrps = pl_buf_str(&t.dbrps),
		    .enabled = e->alert.enabled,
		    .known_fingerprint = k != NULL ? k->fingerprint : 0,
		    .known_created = k != NULL ? k->created : 0,
		};
		err = pl_reconciler_set(a->link->reconciler, id, &task, reason, reason_size);
	}
	pl_tick_task_finish(&t);
	return err;
}

void pl_alerts_unprovision(struct pl_alerts *a, const char *id)
{
	char task[PL_TASK_ID_BYTES];
	forget(a, pl_str_of(id));
	if (a->link == NULL)
		return;
	task_id(a->link, id, task);
	pl_reconciler_remove(a->link->reconciler, task);
}

bool pl_alerts_task_status(const struct pl_alerts *a, const char *id, struct pl_task_status *out)
{
	char task[PL_TASK_ID_BYTES];
	if (a->link == NULL)
		return false;
	task_id(a->link, id, task);
	return pl_reconciler_status(a->link->reconciler, task, out);
}

static void on_status_changed(void *data, const char *task)
{
	struct pl_alerts_link *l = data;
	struct pl_alerts *a = l->alerts;
	struct pl_str id = pl_str_of(task), prefix = pl_str_of(prefix_of(l));
	struct pl_task_status s;
	if (l != a->link || !pl_str_starts(id, prefix))
		return;
	id = (struct pl_str){id.p + prefix.n, id.n - prefix.n};
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	if (e != NULL && pl_reconciler_status(l->reconciler, task, &s)) {
		save_known(a, id, &s);
		pl_alerts_proofs_status(a, e, &s);
	}
	pl_alerts_change_status(a, id);
}

/* ---- opening and closing ---- */

static void on_kapacitor_closed(void *data)
{
	struct pl_alerts_link *l = data;
	struct pl_alerts *a = l->alerts;
	pl_config_release(l->config);
	free(l);
	a->n_links--;
	pl_alerts_end_if_closed(a);
}

static void on_reconciler_closed(void *data)
{
	struct pl_alerts_link *l = data;
	pl_kapacitor_close(l->kapacitor, on_kapacitor_closed, l);
}

static void add_past(struct pl_reconciler_info *past, const struct pl_reconciler_info *i)
{
	past->gets += i->gets;
	past->posts += i->posts;
	past->patches += i->patches;
	past->deletes += i->deletes;
	past->passes += i->passes;
	past->looks += i->looks;
	past->failures += i->failures;
	past->created += i->created;
	past->changed += i->changed;
	past->deleted += i->deleted;
	past->repaired += i->repaired;
}

void pl_alerts_link_close(struct pl_alerts *a)
{
	struct pl_alerts_link *l = a->link;
	struct pl_reconciler_info info;
	if (l == NULL)
		return;
	pl_reconciler_info(l->reconciler, &info);
	add_past(&a->past, &info);
	a->link = NULL;
	pl_reconciler_close(l->reconciler, on_reconciler_closed, l);
}

static void open_link(struct pl_alerts *a, uint64_t fingerprint)
{
	struct pl_alerts_link *l = pl_calloc(1, sizeof *l);
	const struct pl_kapacitor_config *k = a->config->kapacitor;
	const struct pl_kapacitor_options options = {
	    .url = k->url, .client = &k->client, .timeout_ns = k->timeout, .secret = a->token};
	l->alerts = a;
	l->fingerprint = fingerprint;
	if (pl_kapacitor_create(&l->kapacitor, a->env.loop, &options) != PL_OK) {
		pl_error(a->env.log, "alerts cannot be provisioned: no client for Kapacitor", PL_KVC("url", k->url));
		free(l);
		return;
	}
	l->config = pl_config_share(a->config);
	const struct pl_reconciler_options reconciler = {
	    .loop = a->env.loop,
	    .log = a->env.log,
	    .kapacitor = l->kapacitor,
	    .prefix = k->prefix,
	    .interval_ns = k->interval,
	    .drift = k->drift,
	    .on_status_changed = on_status_changed,
	    .data = l,
	};
	l->reconciler = pl_reconciler_create(&reconciler);
	a->link = l;
	a->n_links++;
}

void pl_alerts_link_apply(struct pl_alerts *a)
{
	char reason[256] = "";
	const struct pl_kapacitor_config *k = a->config->kapacitor;
	uint64_t fingerprint = k != NULL ? pl_schema_fingerprint(&pl_kapacitor_schema, k) : 0;
	bool fresh = k != NULL && (a->link == NULL || a->link->fingerprint != fingerprint);
	if (fresh || k == NULL)
		pl_alerts_link_close(a);
	if (fresh)
		open_link(a, fingerprint);
	if (a->link == NULL)
		return;
	struct pl_alert_entry *const *v = pl_alert_set_sorted(&a->set);
	pl_reconciler_replace_begin(a->link->reconciler);
	for (size_t i = 0; i < a->set.n; i++)
		if (pl_alerts_provision(a, v[i], reason, sizeof reason) != PL_OK)
			pl_error(a->env.log, "an alert cannot be provisioned", PL_KVC("alert", v[i]->alert.id),
				 PL_KVC("reason", reason));
	pl_reconciler_replace_end(a->link->reconciler);
	if (fresh)
		pl_reconciler_start(a->link->reconciler);
}

bool pl_alerts_link_info(const struct pl_alerts *a, struct pl_reconciler_info *out)
{
	if (a->link == NULL)
		return false;
	pl_reconciler_info(a->link->reconciler, out);
	add_past(out, &a->past);
	return true;
}

/* ---- synthetic points ---- */

struct proof_write {
	struct pl_kapacitor_call call;
	struct pl_alerts *alerts;
	struct pl_buf lines;
};

static void on_written(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *answer)
{
	struct proof_write *w = pl_container_of(call, struct proof_write, call);
	if (answer->err != PL_OK && answer->err != PL_ECANCELED)
		pl_debug(w->alerts->env.log, "a synthetic point was not taken by Kapacitor", PL_KVC("reason", answer->reason));
	pl_kapacitor_call_finish(&w->call);
	pl_buf_finish(&w->lines);
	free(w);
}

static void write_to_kapacitor(struct pl_alerts *a, struct pl_str lines)
{
	struct proof_write *w = pl_calloc(1, sizeof *w);
	w->alerts = a;
	w->call.on_done = on_written;
	pl_buf_add_str(&w->lines, lines);
	pl_kapacitor_write(a->link->kapacitor, &w->call, a->defaults.proof_database, "autogen", pl_buf_str(&w->lines));
}

static void write_to_influxdb(struct pl_alerts *a, struct pl_str lines)
{
	const struct pl_outputs *outputs = a->env.outputs(a->env.daemon);
	for (size_t i = 0; i < outputs->n; i++) {
		if (strcmp(pl_output_section(outputs->v[i])->kind, "influxdb") != 0)
			continue;
		struct pl_buf copy = {0};
		struct pl_route *route = pl_route_create(a->defaults.proof_database, "");
		uint32_t points = 1;
		for (size_t k = 0; k < lines.n; k++)
			points += lines.p[k] == '\n';
		pl_buf_add_str(&copy, lines);
		pl_buf_add_char(&copy, '\n');
		struct pl_batch *b = pl_batch_create(route, &copy, points);
		pl_output_put(outputs->v[i], b);
		pl_batch_release(b);
		pl_route_release(route);
		return;
	}
}

void pl_alerts_write_proof(struct pl_alerts *a, enum pl_proof_path path, struct pl_str lines)
{
	if (path == PL_PROOF_PATH_INFLUXDB)
		write_to_influxdb(a, lines);
	else if (a->link != NULL)
		write_to_kapacitor(a, lines);
}
