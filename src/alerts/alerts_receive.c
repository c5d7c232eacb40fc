/* What Kapacitor posts: read, stored, shown live, and handed to the notices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/alerts_private.h"
#include "alerts/event.h"
#include "base/clock.h"
#include "base/mem.h"

struct received {
	struct pl_alerts *alerts;
	struct pl_arena arena; /* of all that is below */
	struct pl_alert_event event;
	struct pl_str alert, group;
	void (*answer)(void *data, enum pl_err err, const char *reason);
	void *data;
};

static void free_received(struct received *r)
{
	pl_arena_finish(&r->arena);
	free(r);
}

static bool is_proof(const struct received *r)
{
	char tag[160];
	snprintf(tag, sizeof tag, PL_TICK_PROOF_TAG "=%.*s", (int)r->alert.n, r->alert.p);
	struct pl_str rest = r->group;
	while (rest.p != NULL)
		if (pl_str_is(pl_str_cut(&rest, ','), tag))
			return true;
	return false;
}

static void publish(struct pl_alerts *a, const struct received *r, struct pl_str json)
{
	struct pl_str tags[3 + PL_ALERT_EVENT_TAGS];
	size_t n = 0;
	if (a->env.live == NULL || !a->env.live->wanted(a->env.live))
		return;
	struct pl_arena arena = {0};
	tags[n++] = PL_STR("alerts");
	tags[n++] = pl_str_of(pl_arena_printf(&arena, "alert:%.*s", (int)r->alert.n, r->alert.p));
	tags[n++] = pl_str_of(pl_arena_printf(&arena, "level:%s", pl_alert_level_kapacitor(r->event.level)));
	for (size_t i = 0; i < r->event.tags.n && i < PL_ALERT_EVENT_TAGS; i++) {
		const struct pl_label *l = &r->event.tags.v[i];
		tags[n++] =
		    pl_str_of(pl_arena_printf(&arena, "%.*s:%.*s", (int)l->name.n, l->name.p, (int)l->value.n, l->value.p));
	}
	const struct pl_live_value v = {.tags = tags, .n_tags = n, .data = json, .wall_ns = r->event.wall_ns};
	a->env.live->publish(a->env.live, &v, 1);
	pl_arena_finish(&arena);
}

/* A disk that fails costs the history, not the alarm. */
static void on_stored(void *data, enum pl_err err, const char *reason)
{
	struct received *r = data;
	struct pl_alerts *a = r->alerts;
	if (err != PL_OK && err != PL_EEXIST) {
		a->counters.unstored++;
		pl_warn(a->env.log, "an event of an alert was told, but is not stored", PL_KVS("alert", r->alert),
			PL_KVC("reason", reason));
	}
	r->answer(r->data, PL_OK, "");
	free_received(r);
}

/* Told first: a disk that fails must not keep an alarm back. The answer waits for the disk, for Kapacitor says nothing twice. */
static void hand_on(struct received *r, const struct pl_alert *alert)
{
	struct pl_alerts *a = r->alerts;
	const struct pl_kapacitor_config *k = a->config->kapacitor;
	struct pl_buf title = {0}, json = {0}, key = {0};
	pl_tick_title(alert, r->event.tags, &title);
	enum pl_notices_fate fate = pl_notices_event(a->notices, alert, r->group, pl_buf_str(&title), &r->event);
	if (fate == PL_NOTICES_DUPLICATE) {
		a->counters.doubles++;
		on_stored(r, PL_EEXIST, "");
	} else {
		a->counters.events++;
		pl_alert_event_json(&json, &r->event, r->alert, pl_buf_str(&title), pl_str_of(pl_notices_cause(fate)));
		pl_buf_add_str(&key, r->event.task_id);
		pl_buf_addf(&key, "\n%d\n%lld", r->event.level, (long long)r->event.wall_ns);
		publish(a, r, pl_buf_str(&json));
		enum pl_err err = pl_state_append(a->env.state, r->alert, pl_buf_str(&key), r->event.wall_ns, pl_buf_str(&json),
						  (size_t)k->keep.events, pl_clock_wall_ns() - k->keep.event_age, on_stored, r);
		if (err != PL_OK)
			on_stored(r, err, pl_err_text(err));
	}
	pl_buf_finish(&title);
	pl_buf_finish(&json);
	pl_buf_finish(&key);
}

static enum pl_err read_event(struct received *r, struct pl_str body, const struct pl_alert_entry **entry, char *reason,
			      size_t size)
{
	enum pl_err err = pl_alert_event_parse(&r->arena, body, &r->event, reason, size);
	if (err != PL_OK)
		return PL_EPARSE;
	if (!pl_tick_split_id(r->event.task_id, &r->alert, &r->group)) {
		snprintf(reason, size, "the event's id is none of ours");
		return PL_EPARSE;
	}
	*entry = pl_alert_set_find(&r->alerts->set, r->alert);
	if (*entry == NULL)
		snprintf(reason, size, "there is no such alert (any more)");
	return *entry != NULL ? PL_OK : PL_ENOENT;
}

void pl_alerts_receive(struct pl_alerts *a, struct pl_str token, struct pl_str body,
		       void (*answer)(void *data, enum pl_err err, const char *reason), void *data)
{
	char reason[256] = "";
	const struct pl_alert_entry *e;
	if (!pl_str_eq_secret(token, pl_str_of(a->token))) {
		a->counters.unauthorized++;
		answer(data, PL_EACCES, "");
		return;
	}
	struct received *r = pl_calloc(1, sizeof *r);
	*r = (struct received){.alerts = a, .answer = answer, .data = data};
	enum pl_err err = read_event(r, body, &e, reason, sizeof reason);
	if (err == PL_OK && !is_proof(r)) {
		hand_on(r, &e->alert);
		return;
	}
	if (err == PL_OK) {
		a->counters.proof_events++;
		pl_proofs_event(a->proofs, r->alert, r->event.level);
	} else {
		a->counters.refused++;
	}
	free_received(r);
	answer(data, err, reason);
}
