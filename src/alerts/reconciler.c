#include "alerts/reconciler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/kapacitor_answer.h"
#include "alerts/reconciler_private.h"
#include "alerts/tick.h"
#include "base/clock.h"
#include "base/mem.h"

#define NO_VARS "{\"pulseline\":{\"type\":\"bool\",\"value\":true}}"

const char *pl_task_state_text(enum pl_task_state state)
{
	static const char *const texts[PL_TASK_STATES] = {
	    [PL_TASK_PENDING] = "pending",   [PL_TASK_OK] = "ok",         [PL_TASK_DISABLED] = "disabled",
	    [PL_TASK_DRIFTED] = "drifted",   [PL_TASK_FAILED] = "failed", [PL_TASK_FOREIGN] = "foreign",
	    [PL_TASK_DELETING] = "deleting",
	};
	return texts[state];
}

/* ---- the table ---- */

struct pl_task *pl_task_find(const struct pl_reconciler *r, struct pl_str id)
{
	struct pl_task *t;
	HASH_FIND(hh, r->tasks, id.p, id.n, t);
	return t;
}

struct pl_task *pl_task_add(struct pl_reconciler *r, struct pl_str id)
{
	struct pl_task *t = pl_calloc(1, sizeof *t + id.n + 1);
	memcpy(t->id, id.p, id.n);
	t->state = PL_TASK_PENDING;
	t->since_wall_ns = pl_clock_wall_ns();
	HASH_ADD(hh, r->tasks, id, id.n, t);
	return t;
}

static struct pl_task_script *share_script(struct pl_reconciler *r, struct pl_str text)
{
	struct pl_task_script *s;
	HASH_FIND(hh, r->scripts, text.p, text.n, s);
	if (s == NULL) {
		s = pl_calloc(1, sizeof *s + text.n + 1);
		s->n = text.n;
		memcpy(s->text, text.p, text.n);
		HASH_ADD(hh, r->scripts, text, text.n, s);
	}
	s->users++;
	return s;
}

static void drop_script(struct pl_reconciler *r, struct pl_task *t)
{
	struct pl_task_script *s = t->script;
	t->script = NULL;
	if (s == NULL || --s->users > 0)
		return;
	HASH_DELETE(hh, r->scripts, s);
	free(s);
}

static void drop_content(struct pl_reconciler *r, struct pl_task *t)
{
	drop_script(r, t);
	free((char *)t->vars.p);
	free((char *)t->dbrps.p);
	t->vars = t->dbrps = (struct pl_str){NULL, 0};
}

void pl_task_free(struct pl_reconciler *r, struct pl_task *t)
{
	pl_task_clean(r, t);
	drop_content(r, t);
	HASH_DELETE(hh, r->tasks, t);
	free(t->error);
	free(t);
}

void pl_task_clean(struct pl_reconciler *r, struct pl_task *t)
{
	r->n_dirty -= t->dirty;
	t->dirty = false;
}

static void soil(struct pl_reconciler *r, struct pl_task *t)
{
	r->n_dirty += !t->dirty;
	t->dirty = true;
	t->attempts = 0;
	t->retry_pass = 0;
}

/* ---- status ---- */

void pl_task_set_state(struct pl_task *t, enum pl_task_state state, const char *error)
{
	if (t->state != state)
		t->since_wall_ns = pl_clock_wall_ns();
	t->state = state;
	if (error != NULL && error[0] == '\0')
		error = NULL;
	if (error == t->error || (error != NULL && t->error != NULL && strcmp(error, t->error) == 0))
		return;
	char *copy = error != NULL ? pl_strdup(error) : NULL;
	free(t->error);
	t->error = copy;
}

void pl_task_tell(struct pl_reconciler *r, struct pl_task *t)
{
	uint64_t now =
	    pl_str_hash(pl_str_of(t->error), 1 + (uint64_t)t->state * 4 + t->executing * 2U + t->errors_growing + 64U * t->gone);
	if (now == t->told)
		return;
	t->told = now;
	if (r->options.on_status_changed != NULL && !r->closing)
		r->options.on_status_changed(r->options.data, t->id);
}

bool pl_reconciler_status(const struct pl_reconciler *r, const char *id, struct pl_task_status *out)
{
	const struct pl_task *t = pl_task_find(r, pl_str_of(id));
	if (t == NULL || t->gone)
		return false;
	uint64_t known = t->memory.fingerprint;
	*out = (struct pl_task_status){
	    .state = t->state,
	    .executing = t->executing,
	    .error = t->error != NULL ? t->error : "",
	    .since_wall_ns = t->since_wall_ns,
	    .checked_wall_ns = t->checked_wall_ns,
	    .node_errors = t->node_errors,
	    .errors_growing = t->errors_growing,
	    .known_fingerprint = known == 0 || t->memory.enabled ? known : ~known,
	    .known_created = t->memory.created,
	};
	return true;
}

void pl_reconciler_info(const struct pl_reconciler *r, struct pl_reconciler_info *out)
{
	*out = r->info;
	out->busy = r->pass_kind != PL_PASS_NONE || r->n_dirty > 0 || (r->started && r->info.passes == 0);
	out->reached = r->info.passes + r->info.looks > 0 && r->incident.since_ns == 0;
	out->failing_since_wall_ns = r->incident.since_ns;
	for (const struct pl_task *t = r->tasks; t != NULL; t = t->hh.next)
		out->tasks[t->state] += !t->gone;
}

/* ---- what is desired ---- */

static bool is_plain(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return n > 0 && id[n] == '\0' && n <= PL_TASK_ID_BYTES;
}

static enum pl_err check(const struct pl_reconciler *r, const char *id, const struct pl_reconciler_task *task, struct pl_str vars,
			 uint64_t *fingerprint, char *reason, size_t reason_size)
{
	if (strncmp(id, r->options.prefix, r->prefix_n) != 0 || !is_plain(id)) {
		snprintf(reason, reason_size, "the task's id must be %s with letters, digits, '-', '.' and '_', %d bytes at most",
			 r->options.prefix, PL_TASK_ID_BYTES);
		return PL_EINVAL;
	}
	if (!pl_str_starts(task->script, PL_STR(PL_TICK_MARKER))) {
		snprintf(reason, reason_size, "script: must begin with %s", PL_TICK_MARKER);
		return PL_EINVAL;
	}
	return pl_task_fingerprint_of(task->script, vars, task->dbrps, fingerprint, reason, reason_size);
}

/* The owner keeps whether the task was enabled in the same number: that of a disabled one is turned over. */
static void recall(struct pl_task *t, const struct pl_reconciler_task *task, uint64_t fingerprint)
{
	uint64_t known = task->known_fingerprint;
	t->memory.enabled = known != ~fingerprint;
	t->memory.fingerprint = t->memory.enabled ? known : ~known;
	t->memory.created = task->known_created;
}

static struct pl_str copy(struct pl_str s)
{
	return (struct pl_str){pl_strndup(s.p, s.n), s.n};
}

static bool is_empty_object(struct pl_str s)
{
	s = pl_str_trim(s);
	return s.n == 0 || (s.p[0] == '{' && s.p[s.n - 1] == '}' && pl_str_trim((struct pl_str){s.p + 1, s.n - 2}).n == 0);
}

enum pl_err pl_reconciler_set(struct pl_reconciler *r, const char *id, const struct pl_reconciler_task *task, char *reason,
			      size_t reason_size)
{
	/* Kapacitor takes no vars for "leave those that are there": one that no script knows stands for them. */
	struct pl_str vars = is_empty_object(task->vars) ? PL_STR(NO_VARS) : task->vars;
	struct pl_task_want want = {.wanted = true, .enabled = task->enabled};
	enum pl_err err = check(r, id, task, vars, &want.fingerprint, reason, reason_size);
	if (err != PL_OK)
		return err;
	struct pl_task *t = pl_task_find(r, pl_str_of(id));
	if (t == NULL) {
		t = pl_task_add(r, pl_str_of(id));
		recall(t, task, want.fingerprint);
	}
	t->kept = true;
	t->gone = false;
	if (t->want.wanted && t->want.fingerprint == want.fingerprint && t->want.enabled == want.enabled)
		return PL_OK;
	drop_content(r, t);
	t->script = share_script(r, task->script);
	t->vars = copy(vars);
	t->dbrps = copy(task->dbrps);
	t->want = want;
	soil(r, t);
	pl_task_set_state(t, PL_TASK_PENDING, NULL);
	pl_pass_wake(r);
	pl_task_tell(r, t);
	return PL_OK;
}

static void unwant(struct pl_reconciler *r, struct pl_task *t)
{
	if (!t->want.wanted)
		return;
	drop_content(r, t);
	t->want = (struct pl_task_want){0};
	soil(r, t);
	pl_task_set_state(t, PL_TASK_DELETING, NULL);
	pl_pass_wake(r);
	pl_task_tell(r, t);
}

void pl_reconciler_remove(struct pl_reconciler *r, const char *id)
{
	struct pl_task *t = pl_task_find(r, pl_str_of(id));
	if (t != NULL)
		unwant(r, t);
}

void pl_reconciler_replace_begin(struct pl_reconciler *r)
{
	for (struct pl_task *t = r->tasks; t != NULL; t = t->hh.next)
		t->kept = false;
}

void pl_reconciler_replace_end(struct pl_reconciler *r)
{
	/* Nothing is freed here, whatever the owner does when he is told. */
	for (struct pl_task *t = r->tasks; t != NULL; t = t->hh.next)
		if (!t->kept)
			unwant(r, t);
}

/* ---- life ---- */

struct pl_reconciler *pl_reconciler_create(const struct pl_reconciler_options *options)
{
	struct pl_reconciler *r = pl_calloc(1, sizeof *r);
	r->options = *options;
	r->prefix_n = strlen(options->prefix);
	if (uv_timer_init(&options->loop->uv, &r->timer) != 0)
		abort(); /* cannot fail */
	r->timer.data = r;
	r->handles = 1;
	pl_pass_init(r);
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		pl_job_init(r, &r->jobs[i]);
	return r;
}

void pl_reconciler_start(struct pl_reconciler *r)
{
	r->started = true;
	pl_pass_wake(r);
}

static void free_all(struct pl_reconciler *r)
{
	void (*on_closed)(void *) = r->on_closed;
	void *data = r->closed_data;
	while (r->tasks != NULL)
		pl_task_free(r, r->tasks);
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		pl_task_job_finish(&r->jobs[i]);
	pl_kapacitor_call_finish(&r->list);
	free(r);
	on_closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct pl_reconciler *r = handle->data;
	if (--r->handles == 0)
		free_all(r);
}

/* The calls end before the handles: the last of them to end closes those. */
static void close_handles(struct pl_reconciler *r)
{
	uv_close((uv_handle_t *)&r->timer, on_handle_closed);
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		uv_close((uv_handle_t *)&r->jobs[i].timer, on_handle_closed);
}

static bool under_way(const struct pl_reconciler *r)
{
	bool any = r->list.k != NULL;
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		any |= r->jobs[i].call.k != NULL;
	return any;
}

void pl_reconciler_close(struct pl_reconciler *r, void (*on_closed)(void *data), void *data)
{
	r->closing = true;
	r->on_closed = on_closed;
	r->closed_data = data;
	pl_kapacitor_cancel(&r->list);
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		pl_kapacitor_cancel(&r->jobs[i].call);
	pl_reconciler_call_ended(r);
}

void pl_reconciler_call_ended(struct pl_reconciler *r)
{
	if (r->closing && !under_way(r) && !uv_is_closing((uv_handle_t *)&r->timer))
		close_handles(r);
}
