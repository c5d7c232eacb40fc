/* What the API and /metrics show of the alerts. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/alerts_private.h"
#include "alerts/event.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_json_key(j, key);
	if (wall_ns != 0)
		pl_json_cstr(j, pl_clock_text(wall_ns, text));
	else
		pl_json_null(j);
}

static void add_text(struct pl_json *j, const char *key, const char *text)
{
	pl_json_key(j, key);
	pl_json_cstr(j, text);
}

/* As pulse shows Kapacitor's task. */
static void add_task(const struct pl_alerts *a, struct pl_json *j, const struct pl_alert_entry *e)
{
	char reason[256] = "";
	struct pl_buf href = {0};
	struct pl_tick_task t = {0};
	bool rendered = pl_alerts_render(a, &e->alert, "<secret>", &t, reason, sizeof reason) == PL_OK;
	pl_buf_addf(&href, "/kapacitor/v1/tasks/%s%s", a->config->kapacitor->prefix, e->alert.id);
	pl_json_key(j, "link");
	pl_json_object_begin(j);
	add_text(j, "rel", "self");
	add_text(j, "href", pl_buf_cstr(&href));
	pl_json_object_end(j);
	add_text(j, "type", "stream");
	pl_json_key(j, "dbrps");
	pl_json_raw(j, rendered ? pl_buf_str(&t.dbrps) : PL_STR("[]"));
	pl_json_key(j, "script");
	pl_json_str(j, rendered ? pl_buf_str(&t.script) : PL_STR(""));
	pl_json_key(j, "vars");
	pl_json_raw(j, rendered ? pl_buf_str(&t.vars) : PL_STR("{}"));
	pl_tick_task_finish(&t);
	pl_buf_finish(&href);
}

static void add_status(const struct pl_alerts *a, struct pl_json *j, const struct pl_alert_entry *e)
{
	struct pl_task_status s = {.error = ""};
	bool known = pl_alerts_task_status(a, e->alert.id, &s);
	add_text(j, "status", e->alert.enabled ? "enabled" : "disabled");
	pl_json_key(j, "executing");
	pl_json_bool(j, s.executing);
	add_text(j, "error", s.error);
	add_text(j, "state", known ? pl_task_state_text(s.state) : "pending");
	add_time(j, "since", s.since_wall_ns);
	add_time(j, "checked", s.checked_wall_ns);
	pl_json_key(j, "errorsGrowing");
	pl_json_bool(j, s.errors_growing);
	pl_json_key(j, "proof");
	pl_json_object_begin(j);
	add_time(j, "lastProven", e->proof.proven_wall_ns);
	pl_json_key(j, "tookSeconds");
	if (e->proof.proven_wall_ns != 0)
		pl_json_double(j, (double)e->proof.took_ns / 1e9);
	else
		pl_json_null(j);
	add_time(j, "lastTried", e->proof.tried_wall_ns);
	add_text(j, "error", e->proof.reason);
	pl_json_object_end(j);
}

static void add_entry(const struct pl_alerts *a, struct pl_json *j, const struct pl_alert_entry *e)
{
	pl_alert_json(j, &e->alert, true);
	add_task(a, j, e);
	add_status(a, j, e);
	if (e->declared) {
		struct pl_buf at = {0};
		const struct pl_mark *m = &e->alert.mark;
		pl_buf_addf(&at, "%s:%u:%u", m->file != NULL ? m->file : "", m->line, m->column);
		add_text(j, "declared", pl_buf_cstr(&at));
		pl_buf_finish(&at);
	}
	add_time(j, "created", e->created_wall_ns);
	add_time(j, "modified", e->modified_wall_ns);
	pl_json_object_end(j);
}

static struct pl_alert_entry *match(struct pl_alerts *a, struct pl_str id)
{
	char pattern[256];
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	if (e != NULL || id.n >= sizeof pattern || id.n == 0)
		return e;
	if (memchr(id.p, '*', id.n) == NULL && memchr(id.p, '?', id.n) == NULL && memchr(id.p, '[', id.n) == NULL)
		return NULL;
	memcpy(pattern, id.p, id.n);
	pattern[id.n] = '\0';
	struct pl_alert_entry *const *v = pl_alert_set_sorted(&a->set);
	for (size_t i = 0; i < a->set.n; i++)
		if (fnmatch(pattern, v[i]->alert.id, 0) == 0)
			return v[i];
	return NULL;
}

bool pl_alerts_show(struct pl_alerts *a, struct pl_str id, struct pl_buf *json)
{
	struct pl_json j = {.out = json};
	const struct pl_alert_entry *e = match(a, id);
	if (e != NULL)
		add_entry(a, &j, e);
	return e != NULL;
}

size_t pl_alerts_show_all(struct pl_alerts *a, size_t offset, size_t limit, struct pl_buf *json)
{
	struct pl_json j = {.out = json};
	struct pl_alert_entry *const *v = pl_alert_set_sorted(&a->set);
	pl_json_array_begin(&j);
	for (size_t i = offset; i < a->set.n && i - offset < limit; i++)
		add_entry(a, &j, v[i]);
	pl_json_array_end(&j);
	return a->set.n;
}

void pl_alerts_export(struct pl_alerts *a, struct pl_buf *yaml)
{
	struct pl_alert_entry *const *v = pl_alert_set_sorted(&a->set);
	pl_buf_add_cstr(yaml, a->set.n_api > 0 ? "alerts:\n" : "alerts: []\n");
	for (size_t i = 0; i < a->set.n; i++)
		if (!v[i]->declared)
			pl_alert_yaml(yaml, &v[i]->alert, 2);
}

/* ---- events ---- */

struct events_question {
	void (*answer)(void *data, enum pl_err err, const char *reason, struct pl_str json);
	void *data;
	size_t most;
};

static void on_events(void *data, enum pl_err err, const struct pl_state_event *v, size_t n, const char *reason)
{
	struct events_question *q = data;
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	pl_json_object_begin(&j);
	pl_json_key(&j, "events");
	pl_json_array_begin(&j);
	for (size_t i = 0; err == PL_OK && i < n; i++) {
		struct pl_buf one = {0};
		pl_buf_addf(&one, "{\"number\":%llu,", (unsigned long long)v[i].id);
		pl_buf_add(&one, v[i].body.p + 1, v[i].body.n - 1);
		pl_json_raw(&j, pl_buf_str(&one));
		pl_buf_finish(&one);
	}
	pl_json_array_end(&j);
	pl_json_key(&j, "next");
	if (n == q->most && n > 0)
		pl_json_u64(&j, v[n - 1].id);
	else
		pl_json_null(&j);
	pl_json_object_end(&j);
	q->answer(q->data, err, reason, pl_buf_str(&b));
	pl_buf_finish(&b);
	free(q);
}

enum pl_err pl_alerts_events(struct pl_alerts *a, struct pl_str id, uint64_t before, size_t most,
			     void (*answer)(void *data, enum pl_err err, const char *reason, struct pl_str json), void *data)
{
	struct pl_alert_entry *e = match(a, id);
	if (e == NULL)
		return PL_ENOENT;
	struct events_question *q = pl_calloc(1, sizeof *q);
	*q = (struct events_question){answer, data, most};
	enum pl_err err = pl_state_events(a->env.state, pl_str_of(e->alert.id), before, most, on_events, q);
	if (err != PL_OK)
		free(q);
	return err;
}

/* ---- /metrics ---- */

struct metrics {
	pl_alerts_metric add;
	void *data;
	int which; /* of the outbox' families */
};

static const struct {
	const char *family, *help;
	bool gauge;
} outbox_families[] = {
    {"pulseline_notices_waiting", "Notices that wait for their receiver.", true},
    {"pulseline_notices_sent", "Notices that a receiver has taken.", false},
    {"pulseline_notices_retried", "Attempts that failed and were put off.", false},
    {"pulseline_notices_refused", "Notices that a receiver refused for good.", false},
    {"pulseline_notices_expired", "Notices that became too old.", false},
    {"pulseline_notices_dropped", "Notices that found no room.", false},
    {"pulseline_notices_void", "Recoveries whose alarm was given up.", false},
};

static void add_receiver(void *data, const struct pl_outbox_stats *s)
{
	const struct metrics *m = data;
	const uint64_t values[] = {s->waiting,
				   s->ended[PL_OUTBOX_SENT],
				   s->retried,
				   s->ended[PL_OUTBOX_REFUSED],
				   s->ended[PL_OUTBOX_EXPIRED],
				   s->ended[PL_OUTBOX_DROPPED],
				   s->ended[PL_OUTBOX_VOID]};
	m->add(m->data, outbox_families[m->which].family, outbox_families[m->which].help, outbox_families[m->which].gauge,
	       "receiver", s->receiver, values[m->which]);
}

static void add_link(const struct pl_alerts *a, pl_alerts_metric add, void *data)
{
	static const char requests[] = "pulseline_kapacitor_requests", requests_help[] = "Requests to Kapacitor.";
	struct pl_reconciler_info i;
	if (!pl_alerts_link_info(a, &i))
		return;
	add(data, "pulseline_kapacitor_up", "Did Kapacitor answer last?", true, NULL, NULL, i.reached);
	add(data, requests, requests_help, false, "method", "GET", i.gets);
	add(data, requests, requests_help, false, "method", "POST", i.posts);
	add(data, requests, requests_help, false, "method", "PATCH", i.patches);
	add(data, requests, requests_help, false, "method", "DELETE", i.deletes);
	add(data, "pulseline_kapacitor_passes", "Looks at all tasks.", false, NULL, NULL, i.passes);
	add(data, "pulseline_kapacitor_failures", "Looks that Kapacitor did not answer.", false, NULL, NULL, i.failures);
	add(data, "pulseline_kapacitor_repaired", "Tasks whose drift was undone, or that were started again.", false, NULL, NULL,
	    i.repaired);
	add(data, "pulseline_kapacitor_foreign", "Tasks with our prefix that are not ours.", true, NULL, NULL, i.foreign);
	for (int s = 0; s < PL_TASK_STATES; s++)
		add(data, "pulseline_kapacitor_tasks", "Tasks of our alerts.", true, "state", pl_task_state_text(s), i.tasks[s]);
}

void pl_alerts_metrics(const struct pl_alerts *a, pl_alerts_metric add, void *data)
{
	static const char events[] = "pulseline_alert_events",
			  events_help[] = "Events that Kapacitor posted, by what became of them.";
	const struct pl_alerts_counters *c = &a->counters;
	const struct pl_proofs_stats p = pl_proofs_stats(a->proofs);
	add(data, "pulseline_alerts", "Alerts that there are.", true, "source", "configuration", a->set.n - a->set.n_api);
	add(data, "pulseline_alerts", "Alerts that there are.", true, "source", "api", a->set.n_api);
	add_link(a, add, data);
	add(data, events, events_help, false, "result", "taken", c->events);
	add(data, events, events_help, false, "result", "double", c->doubles);
	add(data, events, events_help, false, "result", "not_stored", c->unstored);
	add(data, events, events_help, false, "result", "proof", c->proof_events);
	add(data, events, events_help, false, "result", "refused", c->refused);
	add(data, events, events_help, false, "result", "unauthorized", c->unauthorized);
	add(data, "pulseline_alert_proofs", "Proofs that ended.", false, "result", "proven", p.proven);
	add(data, "pulseline_alert_proofs", "Proofs that ended.", false, "result", "failed", p.failed);
	add(data, "pulseline_alert_proofs_waiting", "Proofs asked for or under way.", true, NULL, NULL, p.waiting + p.under_way);
	struct metrics m = {.add = add, .data = data};
	for (m.which = 0; m.which < (int)PL_COUNT_OF(outbox_families); m.which++)
		pl_outbox_each(a->outbox, add_receiver, &m);
}
