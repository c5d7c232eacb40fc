/* When the reconciler looks, and what it makes of a listing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/kapacitor_answer.h"
#include "alerts/reconciler_private.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
	PAGE = 100,          /* tasks; halved while a page is too large */
	MOST_LOOKED_AT = 64, /* changed tasks that are asked for one by one; with more, all are listed */
	MOST_EXTRA = 10000,  /* tasks deleted in one pass because nobody wants them */
	SOON_MS = 30,        /* so that changes that come together go together */
};
#define FIRST_WAIT_NS PL_NS_PER_S

static void end(struct pl_reconciler *r);

void pl_pass_init(struct pl_reconciler *r)
{
	int64_t interval = r->options.interval_ns;
	r->backoff = (struct pl_backoff){
	    .first_ns = interval < FIRST_WAIT_NS ? interval : FIRST_WAIT_NS,
	    .most_ns = interval,
	    .seed = (uint64_t)(uintptr_t)r ^ (uint64_t)pl_clock_wall_ns(),
	};
	r->limit = PAGE;
}

/* ---- when ---- */

static void start_timer(struct pl_reconciler *r, int64_t wait_ns)
{
	uint64_t ms = wait_ns > 0 ? (uint64_t)((wait_ns + PL_NS_PER_MS - 1) / PL_NS_PER_MS) : 0;
	uv_update_time(r->timer.loop);
	uv_timer_start(&r->timer, pl_pass_on_timer, ms, 0);
}

/* While Kapacitor is away a change is no reason to ask it more often than once in a while. */
void pl_pass_wake(struct pl_reconciler *r)
{
	if (!r->started || r->closing || r->pass_kind != PL_PASS_NONE)
		return;
	int64_t wait = r->backoff.failures > 0 ? r->backoff.first_ns : SOON_MS * PL_NS_PER_MS;
	if (uv_is_active((uv_handle_t *)&r->timer) && (int64_t)uv_timer_get_due_in(&r->timer) * PL_NS_PER_MS <= wait)
		return;
	start_timer(r, wait);
}

void pl_reconciler_poke(struct pl_reconciler *r, bool retry)
{
	r->due_ns = 0;
	r->retry_all |= retry;
	pl_pass_wake(r);
}

static void plan(struct pl_reconciler *r, bool good)
{
	int64_t now = pl_clock_mono_ns();
	if (!good)
		start_timer(r, pl_backoff_next(&r->backoff, 0));
	else if (r->n_dirty > 0)
		start_timer(r, SOON_MS * PL_NS_PER_MS);
	else
		start_timer(r, r->due_ns - now > SOON_MS * PL_NS_PER_MS ? r->due_ns - now : SOON_MS * PL_NS_PER_MS);
}

/* ---- the queue ---- */

static void enqueue(struct pl_reconciler *r, struct pl_task *t)
{
	t->next = NULL;
	t->queued = true;
	if (r->last != NULL)
		r->last->next = t;
	else
		r->first = t;
	r->last = t;
}

static struct pl_task *dequeue(struct pl_reconciler *r)
{
	struct pl_task *t = r->first;
	r->first = t->next;
	if (r->first == NULL)
		r->last = NULL;
	return t;
}

static struct pl_task_job *idle_job(struct pl_reconciler *r)
{
	for (size_t i = 0; i < PL_COUNT_OF(r->jobs); i++)
		if (r->jobs[i].task == NULL)
			return &r->jobs[i];
	return NULL;
}

static void pump(struct pl_reconciler *r)
{
	struct pl_task_job *j;
	while (r->away && r->first != NULL)
		dequeue(r)->queued = false;
	while (r->first != NULL && (j = idle_job(r)) != NULL) {
		struct pl_task *t = dequeue(r);
		r->active++;
		pl_job_begin(j, t, r->pass_kind == PL_PASS_LOOK);
	}
	if (r->first == NULL && r->active == 0)
		end(r);
}

void pl_pass_job_done(struct pl_reconciler *r)
{
	r->active--;
	pump(r);
}

void pl_pass_away(struct pl_reconciler *r, const char *reason)
{
	if (!r->away)
		pl_kapacitor_say(pl_str_of(reason), r->info.reason, sizeof r->info.reason);
	r->away = true;
}

/* ---- a whole pass ---- */

static void list_more(struct pl_reconciler *r)
{
	r->info.gets++;
	pl_kapacitor_list(r->options.kapacitor, &r->list, r->options.prefix, r->offset, r->limit);
}

static void see(struct pl_reconciler *r, const struct pl_kapacitor_task *is)
{
	struct pl_task *t = pl_task_find(r, is->id);
	if (t == NULL) {
		if (!is->marked || r->extra == MOST_EXTRA || is->id.n > PL_TASK_ID_BYTES) {
			r->foreign += !is->marked;
			return;
		}
		r->extra++;
		t = pl_task_add(r, is->id);
		pl_task_set_state(t, PL_TASK_DELETING, NULL);
	}
	if (t->seen == r->pass) /* came again, for the pages moved */
		return;
	t->seen = r->pass;
	pl_task_observe(r, t, is, false);
	pl_task_tell(r, t);
}

static bool is_to_be_done(const struct pl_reconciler *r, const struct pl_task *t)
{
	bool writes = t->action != PL_DO_LEAVE && t->action != PL_DO_NOT_TOUCH && t->action != PL_DO_REPORT;
	return writes && (r->pass >= t->retry_pass || r->retry_all);
}

static void all_listed(struct pl_reconciler *r)
{
	r->info.foreign = r->foreign;
	for (struct pl_task *t = r->tasks; t != NULL; t = t->hh.next) {
		if (t->seen != r->pass) {
			t->seen = r->pass;
			pl_task_observe(r, t, NULL, false);
			pl_task_tell(r, t);
		} else if (t->dirty) { /* changed while it was listed: what was decided may be wrong, what was seen is not kept */
			continue;
		}
		if (is_to_be_done(r, t))
			enqueue(r, t);
	}
	r->retry_all = false;
	pump(r);
}

static void give_up(struct pl_reconciler *r, const char *reason)
{
	pl_pass_away(r, reason);
	end(r);
}

static void take_page(struct pl_reconciler *r, struct pl_str body)
{
	struct pl_arena arena = {0};
	struct pl_kapacitor_page page;
	char reason[256];
	enum pl_err err = pl_kapacitor_page_read(&arena, body, &page, reason, sizeof reason);
	for (size_t i = 0; i < page.n && err == PL_OK; i++)
		see(r, &page.tasks[i]);
	pl_arena_finish(&arena);
	if (err == PL_ELIMIT && r->limit > 1) {
		r->limit /= 2;
		list_more(r);
	} else if (err != PL_OK) {
		give_up(r, reason);
	} else if (page.n < r->limit) {
		all_listed(r);
	} else {
		r->offset += page.n;
		list_more(r);
	}
}

static void on_listed(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *a)
{
	struct pl_reconciler *r = pl_container_of(call, struct pl_reconciler, list);
	if (r->closing) {
		pl_reconciler_call_ended(r);
	} else if (a->err == PL_OK) {
		take_page(r, a->body);
	} else if (a->err == PL_ELIMIT && r->limit > 1) {
		r->limit /= 2;
		list_more(r);
	} else if (a->err == PL_ELIMIT) { /* one task larger than any of ours */
		r->foreign++;
		r->offset++;
		list_more(r);
	} else {
		give_up(r, a->reason);
	}
}

/* ---- begin and end ---- */

void pl_pass_on_timer(uv_timer_t *timer)
{
	struct pl_reconciler *r = timer->data;
	int64_t now = pl_clock_mono_ns();
	bool whole = now + SOON_MS * PL_NS_PER_MS >= r->due_ns || r->n_dirty > MOST_LOOKED_AT || r->backoff.failures > 0;
	if (!whole && r->n_dirty == 0) {
		plan(r, true);
		return;
	}
	r->pass_kind = whole ? PL_PASS_WHOLE : PL_PASS_LOOK;
	r->away = false;
	r->said = 0;
	r->pass_began_ns = now;
	r->before = r->info;
	if (!whole) {
		for (struct pl_task *t = r->tasks; t != NULL; t = t->hh.next)
			if (t->dirty)
				enqueue(r, t);
		pump(r);
		return;
	}
	r->pass++;
	r->due_ns = now + r->options.interval_ns;
	r->offset = r->foreign = r->extra = 0;
	r->limit = r->limit * 2 < PAGE ? r->limit * 2 : PAGE;
	r->list.on_done = on_listed;
	list_more(r);
}

static void sweep(struct pl_reconciler *r)
{
	struct pl_task *t, *next;
	for (t = r->tasks; t != NULL; t = next) {
		next = t->hh.next;
		if (t->gone && !t->queued)
			pl_task_free(r, t);
	}
}

static void say_what_was_done(struct pl_reconciler *r, int64_t took_ns)
{
	const struct pl_reconciler_info *b = &r->before, *a = &r->info;
	uint64_t writes = a->posts + a->patches + a->deletes - b->posts - b->patches - b->deletes;
	if (writes > 0)
		pl_info(r->options.log, "Kapacitor's tasks were brought up to date", PL_KVI("created", a->created - b->created),
			PL_KVI("changed", a->changed - b->changed), PL_KVI("repaired", a->repaired - b->repaired),
			PL_KVI("deleted", a->deleted - b->deleted), PL_KVI("writes", writes), PL_KVT("took_seconds", took_ns));
}

static void end(struct pl_reconciler *r)
{
	bool whole = r->pass_kind == PL_PASS_WHOLE;
	int64_t wall = pl_clock_wall_ns(), took = pl_clock_mono_ns() - r->pass_began_ns;
	r->pass_kind = PL_PASS_NONE;
	r->info.passes += whole;
	r->info.looks += !whole;
	say_what_was_done(r, took);
	if (r->away) {
		r->info.failures++;
		pl_incident_fail(&r->incident, wall, r->options.log, PL_LOG_ERROR, "cannot provision alerts in Kapacitor",
				 (const struct pl_kv[]){PL_KVC("reason", r->info.reason), {0}});
	} else {
		pl_incident_end(&r->incident, wall, r->options.log, "alerts are provisioned in Kapacitor again", NULL);
		r->info.reason[0] = '\0';
		pl_backoff_reset(&r->backoff);
		if (whole) {
			r->info.last_pass_wall_ns = wall;
			r->info.last_pass_ns = took;
		}
	}
	sweep(r);
	plan(r, !r->away);
}
