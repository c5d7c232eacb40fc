/* What is done for one task, request after request, until it is seen to be as it should be. */
#include <stdio.h>
#include <string.h>

#include "alerts/kapacitor_answer.h"
#include "alerts/reconciler_private.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
	MOST_ROUNDS = 3, /* of acting on what a look found */
	MOST_LOOKS = 5,  /* until a task that was started says that it runs */
	LOOK_AGAIN_MS = 100,
	MOST_WAIT_LOG2 = 4, /* passes that a task waits after it failed again and again: 1, 2, 4, 8, 16 */
	MOST_SAID = 5,      /* tasks named in the log in one pass */
};

/* ---- what was seen ---- */

static void note_errors(struct pl_task *t, const struct pl_kapacitor_task *is)
{
	uint64_t now = is != NULL ? is->node_errors : 0;
	bool started_anew = now < t->node_errors;
	t->errors_growing = t->errors_known && (started_anew ? now > 0 : now > t->node_errors);
	t->errors_known = is != NULL && is->executing;
	t->node_errors = now;
}

static void say(struct pl_reconciler *r, const struct pl_task *t, const char *message, const char *reason)
{
	if (r->said++ < MOST_SAID)
		pl_warn(r->options.log, message, PL_KVC("task", t->id), PL_KVC("reason", reason));
}

/* Of one whose time has not come: what was last said of it still holds. */
static void set_waiting(struct pl_task *t, enum pl_task_state state)
{
	if (t->attempts == 0 || t->state != PL_TASK_FAILED)
		pl_task_set_state(t, state, NULL);
}

void pl_task_observe(struct pl_reconciler *r, struct pl_task *t, const struct pl_kapacitor_task *is, bool after_write)
{
	char error[PL_TASK_REASON_BYTES];
	bool drift, known = t->state == PL_TASK_DRIFTED;
	pl_task_clean(r, t);
	note_errors(t, is);
	t->checked_wall_ns = pl_clock_wall_ns();
	t->executing = is != NULL && is->executing;
	t->action = pl_task_decide(&t->want, is, &t->memory, r->options.drift, &drift);
	t->drifted = drift;
	if (is == NULL)
		t->memory = (struct pl_task_memory){0};
	switch (t->action) {
	case PL_DO_LEAVE:
		t->gone = is == NULL;
		if (is == NULL)
			break;
		t->memory = (struct pl_task_memory){t->want.fingerprint, is->created, t->want.enabled};
		if (!after_write)
			t->attempts = 0;
		pl_task_set_state(t, t->want.enabled ? PL_TASK_OK : PL_TASK_DISABLED, NULL);
		break;
	case PL_DO_NOT_TOUCH:
		t->gone = !t->want.wanted;
		if (t->want.wanted)
			pl_task_set_state(t, PL_TASK_FOREIGN, "Kapacitor has a task of this id that is not Pulseline's");
		break;
	case PL_DO_RESTART:
		pl_kapacitor_say(is->error, error, sizeof error);
		pl_task_set_state(t, PL_TASK_FAILED, error[0] != '\0' ? error : "it is enabled, but does not run");
		break;
	case PL_DO_DELETE:
		pl_task_set_state(t, PL_TASK_DELETING, t->error);
		break;
	default:
		if (drift)
			pl_task_set_state(t, PL_TASK_DRIFTED, "somebody else changed the task in Kapacitor");
		else
			set_waiting(t, PL_TASK_PENDING);
	}
	if (drift && !known)
		say(r, t, "a task was changed by somebody else", t->action == PL_DO_REPORT ? "left so" : "to be repaired");
}

/* ---- the end of a job ---- */

static void finish(struct pl_task_job *j)
{
	struct pl_reconciler *r = j->r;
	struct pl_task *t = j->task;
	j->task = NULL;
	t->queued = false;
	pl_task_tell(r, t);
	pl_pass_job_done(r);
}

static void count_attempt(struct pl_reconciler *r, struct pl_task *t)
{
	unsigned doubled = t->attempts < MOST_WAIT_LOG2 ? t->attempts : MOST_WAIT_LOG2;
	t->attempts++;
	t->retry_pass = r->pass + (1U << doubled);
}

static void fail(struct pl_task_job *j, const char *reason)
{
	struct pl_task *t = j->task;
	count_attempt(j->r, t);
	if (j->wrote)
		t->memory.fingerprint = 0;
	if (!t->dirty) {
		pl_task_set_state(t, t->want.wanted ? PL_TASK_FAILED : PL_TASK_DELETING, reason);
		say(j->r, t, "a task cannot be provisioned", reason);
	}
	finish(j);
}

static void succeed(struct pl_task_job *j)
{
	struct pl_reconciler_info *info = &j->r->info;
	if (j->wrote) {
		count_attempt(j->r, j->task);
		if (j->first == PL_DO_CREATE)
			info->created++;
		else if (j->first == PL_DO_RESTART || j->drift)
			info->repaired++;
		else
			info->changed++;
	}
	finish(j);
}

/* ---- requests ---- */

static void on_done(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *a);

static void look(struct pl_task_job *j)
{
	j->step = PL_STEP_LOOK;
	j->r->info.gets++;
	pl_kapacitor_get(j->r->options.kapacitor, &j->call, j->task->id);
}

static void patch(struct pl_task_job *j, enum pl_task_step step, const struct pl_kapacitor_content *content,
		  enum pl_kapacitor_status status)
{
	j->step = step;
	j->r->info.patches++;
	pl_kapacitor_patch(j->r->options.kapacitor, &j->call, j->task->id, content, status);
}

static struct pl_str keep(struct pl_buf *b, struct pl_str s)
{
	pl_buf_clear(b);
	pl_buf_add_str(b, s);
	return pl_buf_str(b);
}

static void act(struct pl_task_job *j)
{
	struct pl_reconciler *r = j->r;
	struct pl_task *t = j->task;
	struct pl_kapacitor_content content = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	if (t->script != NULL)
		content = (struct pl_kapacitor_content){
		    .script = keep(&j->script, (struct pl_str){t->script->text, t->script->n}),
		    .vars = keep(&j->vars, t->vars),
		    .dbrps = keep(&j->dbrps, t->dbrps),
		};
	if (!j->wrote) {
		j->first = t->action;
		j->drift = t->drifted;
	}
	j->tried = t->action;
	j->enable = t->want.enabled;
	j->error[0] = '\0';
	switch (t->action) {
	case PL_DO_CREATE:
		j->step = PL_STEP_CREATE;
		r->info.posts++;
		pl_kapacitor_create_task(r->options.kapacitor, &j->call, t->id, &content, j->enable);
		break;
	case PL_DO_REWRITE:
		patch(j, PL_STEP_STOP, &content, PL_KAPACITOR_DISABLED);
		break;
	case PL_DO_DISABLE:
	case PL_DO_RESTART:
		patch(j, PL_STEP_STOP, NULL, PL_KAPACITOR_DISABLED);
		break;
	case PL_DO_ENABLE:
		patch(j, PL_STEP_START, NULL, PL_KAPACITOR_ENABLED);
		break;
	case PL_DO_DELETE:
		j->step = PL_STEP_DELETE;
		r->info.deletes++;
		pl_kapacitor_delete(r->options.kapacitor, &j->call, t->id);
		break;
	default:
		succeed(j);
	}
}

/* ---- answers ---- */

static void on_timer(uv_timer_t *timer)
{
	struct pl_task_job *j = pl_container_of(timer, struct pl_task_job, timer);
	look(j);
}

/* What a look found after something was written or refused. */
static void judge(struct pl_task_job *j)
{
	struct pl_task *t = j->task;
	const char *error = t->state == PL_TASK_FAILED && t->error != NULL ? t->error : "";
	char reason[PL_TASK_REASON_BYTES];
	if (t->action == PL_DO_RESTART && j->error[0] == '\0' && ++j->looks < MOST_LOOKS) {
		uv_timer_start(&j->timer, on_timer, LOOK_AGAIN_MS, 0);
		return;
	}
	if (t->action == PL_DO_RESTART || j->start_failed) {
		snprintf(reason, sizeof reason, "%s", j->error[0] != '\0' ? j->error : error);
		fail(j, reason);
	} else if (t->action == j->tried || ++j->rounds >= MOST_ROUNDS) {
		fail(j, j->error[0] != '\0' ? j->error : "Kapacitor does not keep what it was given");
	} else {
		act(j);
	}
}

static void looked(struct pl_task_job *j, const struct pl_kapacitor_answer *a)
{
	struct pl_task *t = j->task;
	struct pl_arena arena = {0};
	struct pl_kapacitor_task is;
	char reason[256];
	bool after = (j->wrote || j->error[0] != '\0') && !t->dirty; /* what was changed meanwhile starts anew */
	enum pl_err err = a->err == PL_OK ? pl_kapacitor_task_read(&arena, a->body, &is, reason, sizeof reason) : PL_OK;
	if (err == PL_OK && (a->err == PL_OK || a->err == PL_ENOENT))
		pl_task_observe(j->r, t, a->err == PL_OK ? &is : NULL, after);
	pl_arena_finish(&arena);
	if (err != PL_OK)
		fail(j, reason);
	else if (a->err != PL_OK && a->err != PL_ENOENT)
		fail(j, a->reason);
	else if (t->action == PL_DO_LEAVE || t->action == PL_DO_NOT_TOUCH || t->action == PL_DO_REPORT)
		succeed(j);
	else if (after)
		judge(j);
	else
		act(j);
}

/* A write that Kapacitor refused. What then is there must be looked at, unless the answer says that nothing was changed. */
static void refused(struct pl_task_job *j, const struct pl_kapacitor_answer *a)
{
	pl_kapacitor_say(pl_str_of(a->words[0] != '\0' ? a->words : a->reason), j->error, sizeof j->error);
	j->start_failed = j->step == PL_STEP_START && a->err != PL_ENOENT;
	if (a->err == PL_EINVAL && j->step != PL_STEP_START) {
		char error[PL_TASK_REASON_BYTES];
		memcpy(error, j->error, sizeof error);
		fail(j, error);
	} else if (j->step == PL_STEP_DELETE) {
		fail(j, j->error);
	} else {
		j->wrote |= a->err == PL_EIO;
		look(j);
	}
}

static void on_done(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *a)
{
	struct pl_task_job *j = pl_container_of(call, struct pl_task_job, call);
	struct pl_reconciler *r = j->r;
	if (r->closing) {
		pl_reconciler_call_ended(r);
		return;
	}
	if (pl_kapacitor_is_away(a) || (j->step == PL_STEP_LOOK && a->err == PL_EIO)) {
		if (j->wrote || j->step != PL_STEP_LOOK)
			j->task->memory.fingerprint = 0; /* it may be half done */
		pl_pass_away(r, a->reason);
		finish(j);
		return;
	}
	if (j->step == PL_STEP_LOOK) {
		looked(j, a);
		return;
	}
	if (a->err != PL_OK) {
		refused(j, a);
		return;
	}
	j->wrote = true;
	if (j->step == PL_STEP_DELETE) {
		r->info.deleted++;
		j->task->gone = !j->task->want.wanted;
		finish(j);
	} else if (j->step == PL_STEP_STOP && j->enable) {
		patch(j, PL_STEP_START, NULL, PL_KAPACITOR_ENABLED);
	} else {
		look(j);
	}
}

void pl_job_init(struct pl_reconciler *r, struct pl_task_job *j)
{
	j->r = r;
	j->call.on_done = on_done;
	if (uv_timer_init(r->timer.loop, &j->timer) == 0) /* always */
		r->handles++;
	j->timer.data = r;
}

void pl_job_begin(struct pl_task_job *j, struct pl_task *t, bool look_first)
{
	j->task = t;
	j->wrote = j->start_failed = false;
	j->rounds = j->looks = 0;
	j->error[0] = '\0';
	if (look_first || t->dirty)
		look(j);
	else
		act(j);
}

void pl_task_job_finish(struct pl_task_job *j)
{
	pl_kapacitor_call_finish(&j->call);
	pl_buf_finish(&j->script);
	pl_buf_finish(&j->vars);
	pl_buf_finish(&j->dbrps);
}
