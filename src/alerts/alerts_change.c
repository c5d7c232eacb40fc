/* Alerts made, changed and taken away by the API: checked, stored, provisioned, and answered when Kapacitor has, or is away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cjson/cJSON.h>

#include "alerts/alerts_private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

/* How long an answer waits for Kapacitor to say yes or no. */
enum { PATIENCE_S = 4 };

struct change {
	struct pl_alerts *alerts;
	pl_alerts_answer answer;
	void *data;
	struct pl_arena arena; /* of `alert` */
	struct pl_alert alert;
	struct pl_buf before;   /* what was saved of it; empty: it is new */
	struct pl_buf warnings; /* lines */
};

struct pl_alerts_waiting {
	struct change *change;
	int64_t until_ns; /* monotonic */
	UT_hash_handle hh;
	char id[];
};

static void free_change(struct change *c)
{
	pl_arena_finish(&c->arena);
	pl_buf_finish(&c->before);
	pl_buf_finish(&c->warnings);
	free(c);
}

static void refuse(struct change *c, enum pl_alerts_outcome outcome, const char *reason)
{
	c->answer(c->data, outcome, reason, (struct pl_str){NULL, 0});
	free_change(c);
}

/* The alert's object, with a member `warnings` if there are any. */
static void tell(struct change *c, const char *id)
{
	struct pl_buf b = {0};
	pl_alerts_show(c->alerts, pl_str_of(id), &b);
	if (c->warnings.n > 0 && b.n > 0 && b.p[b.n - 1] == '}') {
		struct pl_str rest = pl_buf_str(&c->warnings);
		b.n--;
		pl_buf_add_cstr(&b, ",\"warnings\":");
		struct pl_json j = {.out = &b};
		pl_json_array_begin(&j);
		while (rest.n > 0)
			pl_json_str(&j, pl_str_cut(&rest, '\n'));
		pl_json_array_end(&j);
		pl_buf_add_char(&b, '}');
	}
	c->answer(c->data, PL_ALERTS_DONE, "", pl_buf_str(&b));
	pl_buf_finish(&b);
	free_change(c);
}

/* ---- after Kapacitor's word ---- */

/* Kapacitor has refused it: what was there before is there again. */
static void take_back(struct change *c, const char *id)
{
	struct pl_alerts *a = c->alerts;
	char reason[256] = "";
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, pl_str_of(id));
	struct pl_str key = pl_str_of(id);
	if (c->before.n == 0) {
		(void)!pl_state_remove(a->env.state, PL_ALERTS_DOC, key, NULL, NULL);
		pl_alerts_unprovision(a, id);
		if (e != NULL)
			pl_alert_set_remove(&a->set, e);
		return;
	}
	(void)!pl_state_put(a->env.state, PL_ALERTS_DOC, key, pl_buf_str(&c->before), NULL, NULL);
	if (pl_alert_set_load(&a->set, key, pl_buf_str(&c->before), reason, sizeof reason) != PL_OK)
		return;
	e = pl_alert_set_find(&a->set, key);
	if (e != NULL && pl_alerts_provision(a, e, reason, sizeof reason) != PL_OK)
		pl_error(a->env.log, "an alert cannot be provisioned", PL_KVC("alert", id), PL_KVC("reason", reason));
}

static void finish(struct pl_alerts_waiting *w, bool last_call)
{
	struct pl_alerts *a = w->change->alerts;
	struct pl_task_status s;
	struct change *c = w->change;
	bool known = pl_alerts_task_status(a, w->id, &s);
	bool refused = known && s.state == PL_TASK_FAILED && s.error[0] != '\0';
	if (!last_call && !refused && (!known || s.state == PL_TASK_PENDING || s.state == PL_TASK_DRIFTED))
		return;
	char *words = refused ? pl_strdup(s.error) : NULL;
	HASH_DEL(a->waiting, w);
	if (refused) {
		char *id = pl_strdup(w->id);
		free(w);
		take_back(c, id);
		free(id);
		refuse(c, PL_ALERTS_REFUSED, words);
	} else {
		tell(c, w->id);
		free(w);
	}
	free(words);
}

static void look_at_all(void *data)
{
	struct pl_alerts *a = data;
	struct pl_alerts_waiting *w, *next;
	HASH_ITER(hh, a->waiting, w, next)
	finish(w, a->closing);
}

/* From the loop: whoever changes a task's status may be in the middle of something. */
void pl_alerts_change_status(struct pl_alerts *a, struct pl_str id)
{
	struct pl_alerts_waiting *w;
	HASH_FIND(hh, a->waiting, id.p, id.n, w);
	if (w != NULL)
		pl_loop_call(a->env.loop, look_at_all, a);
}

void pl_alerts_change_expire(struct pl_alerts *a)
{
	int64_t now = pl_clock_mono_ns();
	struct pl_reconciler_info info;
	struct pl_alerts_waiting *w, *next;
	bool away = a->waiting != NULL && pl_alerts_link_info(a, &info) && info.failures > 0 && !info.reached;
	HASH_ITER(hh, a->waiting, w, next)
	{
		if (a->closing || away || now >= w->until_ns)
			finish(w, true);
	}
}

/* ---- putting ---- */

static void wait_for_kapacitor(struct change *c, const char *id)
{
	struct pl_alerts *a = c->alerts;
	struct pl_alerts_waiting *w;
	size_t n = strlen(id);
	HASH_FIND(hh, a->waiting, id, n, w);
	if (w != NULL) { /* an answer to an earlier change of it, which is overtaken */
		struct change *former = w->change;
		HASH_DEL(a->waiting, w);
		free(w);
		tell(former, id);
	}
	w = pl_calloc(1, sizeof *w + n + 1);
	memcpy(w->id, id, n);
	w->change = c;
	w->until_ns = pl_clock_mono_ns() + PATIENCE_S * PL_NS_PER_S;
	HASH_ADD_KEYPTR(hh, a->waiting, w->id, n, w);
	finish(w, a->closing);
}

static void on_saved(void *data, enum pl_err err, const char *reason)
{
	struct change *c = data;
	struct pl_alerts *a = c->alerts;
	char why[512] = "";
	if (err != PL_OK) {
		snprintf(why, sizeof why, "the alert cannot be stored: %s", reason);
		refuse(c, PL_ALERTS_FAILED, why);
		return;
	}
	const struct pl_alert_entry *old = pl_alert_set_find(&a->set, pl_str_of(c->alert.id));
	if (old != NULL && pl_alerts_is_another(&old->alert, &c->alert))
		pl_notices_end(a->notices, pl_str_of(c->alert.id), "changed");
	struct pl_alert_entry *e = pl_alert_set_put(&a->set, &c->alert, &c->arena, pl_clock_wall_ns());
	const char *id = e->alert.id;
	pl_notices_reload(a->notices);
	if (pl_alerts_provision(a, e, why, sizeof why) == PL_OK) {
		wait_for_kapacitor(c, id);
		return;
	}
	char *copy = pl_strdup(id);
	take_back(c, copy);
	free(copy);
	refuse(c, PL_ALERTS_BAD, why);
}

/* NULL, or what is wrong, in `why`. */
static const char *decode(struct change *c, struct pl_str body, char *why, size_t size)
{
	struct pl_problems problems = {0};
	cJSON *json = cJSON_ParseWithLength(body.p != NULL ? body.p : "", body.n);
	const cJSON *metric = cJSON_GetObjectItem(json, "metric");
	bool missing = cJSON_IsObject(json) && (!cJSON_IsString(metric) || metric->valuestring[0] == '\0');
	cJSON_Delete(json);
	enum pl_err err = pl_alert_decode_json(&c->arena, body, &problems, &c->alert);
	const struct pl_problem *first = problems.first;
	while (first != NULL && first->warning)
		first = first->next;
	bool syntax = first == NULL || first->path[0] != '\0'; /* a flaw of the text as a whole is of no member */
	if (err != PL_OK && missing)
		snprintf(why, size, "Missing value in payload: metric");
	else if (err != PL_OK && !syntax)
		snprintf(why, size, "Bad JSON syntax received in body: %s", first->text);
	for (const struct pl_problem *p = problems.first; p != NULL; p = p->next) {
		if (p->warning)
			pl_buf_addf(&c->warnings, "%s%s%s\n", p->path, p->path[0] != '\0' ? ": " : "", p->text);
		else if (err != PL_OK && why[0] == '\0')
			snprintf(why, size, "%s%s%s", p->path, p->path[0] != '\0' ? ": " : "", p->text);
	}
	pl_problems_finish(&problems);
	return err != PL_OK ? why : NULL;
}

static bool is_notifier(const struct pl_alerts *a, const char *name)
{
	for (size_t i = 0; i < a->notifiers.n; i++)
		if (strcmp(a->notifiers.v[i]->name, name) == 0 && strcmp(name, PL_NOTIFIER_POST) != 0)
			return true;
	return false;
}

static const char *check_receivers(const struct pl_alerts *a, const struct pl_alert *alert, char *why, size_t size)
{
	if (alert->post == NULL && alert->notify.n == 0 && a->config->kapacitor->notify.n == 0)
		return "Missing value in payload: neither post (a URL) nor notify (names of notifiers) says whom to tell";
	for (size_t i = 0; i < alert->notify.n; i++)
		if (!is_notifier(a, alert->notify.v[i])) {
			snprintf(why, size, "notify: no notifier is called '%.64s'", alert->notify.v[i]);
			return why;
		}
	return NULL;
}

/* A random UUID (RFC 9562, version 4). */
static bool make_id(struct pl_arena *arena, const char **id)
{
	unsigned char b[16];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		return false;
	b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	*id = pl_arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
			      b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}

static const char *declared_text(const struct pl_alert_entry *e, char *why, size_t size)
{
	const struct pl_mark *m = &e->alert.mark;
	snprintf(why, size, "the configuration declares this alert: change it at %s:%u:%u", m->file != NULL ? m->file : "?",
		 m->line, m->column);
	return why;
}

static enum pl_alerts_outcome check(struct change *c, struct pl_str id, bool keep_id, struct pl_str body, char *why, size_t size,
				    const char **reason)
{
	struct pl_alerts *a = c->alerts;
	struct pl_tick_task task = {0};
	if ((*reason = decode(c, body, why, size)) != NULL)
		return PL_ALERTS_BAD;
	if ((*reason = check_receivers(a, &c->alert, why, size)) != NULL)
		return PL_ALERTS_BAD;
	if (id.n > 0)
		c->alert.id = pl_arena_strndup(&c->arena, id.p, id.n);
	else if (!keep_id || c->alert.id == NULL)
		c->alert.id = NULL;
	if (c->alert.id == NULL && !make_id(&c->arena, &c->alert.id)) {
		*reason = "no random numbers are to be had";
		return PL_ALERTS_FAILED;
	}
	if (!pl_alert_id_valid(pl_str_of(c->alert.id))) {
		*reason = "an id is up to 64 letters, digits, '-', '.' and '_'";
		return PL_ALERTS_BAD;
	}
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, pl_str_of(c->alert.id));
	if (e != NULL && e->declared) {
		*reason = declared_text(e, why, size);
		return PL_ALERTS_DECLARED;
	}
	if (e != NULL) {
		pl_alert_entry_save(e, &c->before);
	} else if (a->set.n_api >= (size_t)a->config->kapacitor->max_alerts) {
		*reason = "there are as many alerts as kapacitor.max_alerts allows";
		return PL_ALERTS_FULL;
	}
	enum pl_err err = pl_alerts_render(a, &c->alert, a->token, &task, why, size);
	pl_tick_task_finish(&task);
	*reason = why;
	return err == PL_OK ? PL_ALERTS_DONE : PL_ALERTS_BAD;
}

void pl_alerts_put(struct pl_alerts *a, struct pl_str id, bool keep_id, struct pl_str body, pl_alerts_answer answer, void *data)
{
	char why[512] = "";
	const char *reason = why;
	struct change *c = pl_calloc(1, sizeof *c);
	c->alerts = a;
	c->answer = answer;
	c->data = data;
	if (a->closing || !pl_alerts_enabled(a)) {
		refuse(c, PL_ALERTS_UNAVAILABLE, "alerts are off, or the daemon is stopping");
		return;
	}
	enum pl_alerts_outcome outcome = check(c, id, keep_id, body, why, sizeof why, &reason);
	if (outcome != PL_ALERTS_DONE) {
		refuse(c, outcome, reason);
		return;
	}
	struct pl_buf saved = {0};
	const struct pl_alert_entry *old = pl_alert_set_find(&a->set, pl_str_of(c->alert.id));
	int64_t now = pl_clock_wall_ns();
	const struct pl_alert_entry e = {
	    .alert = c->alert, .created_wall_ns = old != NULL ? old->created_wall_ns : now, .modified_wall_ns = now};
	pl_alert_entry_save(&e, &saved);
	if (pl_state_put(a->env.state, PL_ALERTS_DOC, pl_str_of(c->alert.id), pl_buf_str(&saved), on_saved, c) != PL_OK)
		refuse(c, PL_ALERTS_FULL, "too much waits to be stored; try again");
	pl_buf_finish(&saved);
}

/* ---- taking away ---- */

static void on_removed(void *data, enum pl_err err, const char *reason)
{
	struct change *c = data;
	struct pl_alerts *a = c->alerts;
	char why[512];
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, pl_str_of(c->alert.id));
	if (err != PL_OK) {
		snprintf(why, sizeof why, "the alert cannot be removed from the store: %s", reason);
		refuse(c, PL_ALERTS_FAILED, why);
		return;
	}
	if (e != NULL && !e->declared) {
		struct pl_str id = pl_str_of(c->alert.id);
		pl_alerts_unprovision(a, c->alert.id);
		pl_proofs_forget(a->proofs, id);
		pl_notices_end(a->notices, id, "deleted");
		(void)!pl_state_forget(a->env.state, id, NULL, NULL);
		(void)!pl_state_remove(a->env.state, PL_ALERTS_PROOF_DOC, id, NULL, NULL);
		pl_alert_set_remove(&a->set, e);
	}
	c->answer(c->data, PL_ALERTS_DONE, "", (struct pl_str){NULL, 0});
	free_change(c);
}

void pl_alerts_remove(struct pl_alerts *a, struct pl_str id, pl_alerts_answer answer, void *data)
{
	char why[512];
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	struct change *c = pl_calloc(1, sizeof *c);
	c->alerts = a;
	c->answer = answer;
	c->data = data;
	if (e == NULL) {
		c->answer(c->data, PL_ALERTS_DONE, "", (struct pl_str){NULL, 0});
		free_change(c);
		return;
	}
	if (e->declared) {
		refuse(c, PL_ALERTS_DECLARED, declared_text(e, why, sizeof why));
		return;
	}
	c->alert.id = pl_arena_strndup(&c->arena, id.p, id.n);
	if (pl_state_remove(a->env.state, PL_ALERTS_DOC, id, on_removed, c) != PL_OK)
		refuse(c, PL_ALERTS_FULL, "too much waits to be stored; try again");
}
