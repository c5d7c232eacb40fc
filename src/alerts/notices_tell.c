/* Which receiver is to be told what of a series, decided by what it was told and what is so. */
#include <stdlib.h>

#include "alerts/notice_document.h"
#include "alerts/notices_private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/json_tree.h"

enum { MOST_EVENTS = 100, MOST_BYTES = 1024 * 1024 }; /* of one notice */

static const int64_t remembered_ns = 3600 * PL_NS_PER_S; /* a series that is OK: so that doubles are seen */

/* One event for one receiver. */
struct telling {
	struct pl_str name, post;
	struct pl_notice_event e;
	struct pl_str group;
	size_t order, bytes;
	bool done;
};

/* What is gathered while looking. Borrowed texts: nothing may change until it was told. */
struct gathering {
	struct pl_notices *n;
	const struct pl_alert *a;
	int64_t now;
	struct pl_arena arena;
	struct telling *v;
	size_t n_v, cap;
};

static void tell(struct gathering *g, struct pl_series *s, const struct pl_series_receiver *r, const struct pl_series_event *e,
		 bool reminder)
{
	struct pl_problems problems = {0};
	struct pl_node_limits limits = {0};
	struct pl_node *root;
	struct telling t = {.name = pl_arena_str(&g->arena, pl_str_of(r->name)),
			    .post = pl_arena_str(&g->arena, pl_str_of(r->post)),
			    .group = pl_str_of(s->group),
			    .order = g->n_v,
			    .bytes = e->n};
	if (e->text == NULL)
		return; /* known of the outbox alone, after a crash */
	enum pl_err err = pl_json_tree_parse(&g->arena, "event", (struct pl_str){e->text, e->n}, limits, &problems, &root);
	pl_problems_finish(&problems);
	if (err != PL_OK || !pl_notice_event_read(&g->arena, root, &t.e))
		return; /* not to be: it is our own */
	t.e.reminder = reminder;
	if (reminder && s->since_ns > 0 && g->now > s->since_ns)
		t.e.duration_ns = g->now - s->since_ns;
	if (g->n_v == g->cap) {
		g->cap = g->cap > 0 ? g->cap * 2 : 8;
		g->v = pl_realloc(g->v, g->cap * sizeof *g->v);
	}
	g->v[g->n_v++] = t;
}

static int by_time(const void *x, const void *y)
{
	const struct telling *a = x, *b = y;
	if (a->e.wall_ns != b->e.wall_ns)
		return a->e.wall_ns < b->e.wall_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* One notice of the first of `v` that is not done, and all that go to the same. */
static void send_first(struct gathering *g, size_t first)
{
	const struct telling *t = &g->v[first];
	struct pl_notice_event *events = pl_arena_alloc(&g->arena, MOST_EVENTS * sizeof *events);
	struct pl_str *groups = pl_arena_alloc(&g->arena, MOST_EVENTS * sizeof *groups);
	struct pl_notice notice = {.events = events, .post = t->post};
	size_t bytes = 0, most = t->post.n > 0 ? 1 : MOST_EVENTS; /* pulse's receivers know one object a post */
	for (size_t i = first; i < g->n_v && notice.n < most; i++) {
		struct telling *other = &g->v[i];
		if (other->done || !pl_str_eq(other->name, t->name) || !pl_str_eq(other->post, t->post))
			continue;
		if (notice.n > 0 && bytes + other->bytes > MOST_BYTES)
			break;
		bytes += other->bytes;
		groups[notice.n] = other->group;
		events[notice.n++] = other->e;
		other->done = true;
		g->n->stats.told++;
		if (other->e.reminder)
			g->n->stats.reminders++;
	}
	pl_outbox_add(g->n->outbox, t->name, &notice, groups);
}

static void send_gathered(struct gathering *g)
{
	if (g->n_v > 1)
		qsort(g->v, g->n_v, sizeof *g->v, by_time);
	for (size_t i = 0; i < g->n_v; i++) {
		if (!g->v[i].done)
			send_first(g, i);
	}
	free(g->v);
	pl_arena_finish(&g->arena);
}

/* ---- deciding ---- */

static void sooner(int64_t *due, int64_t at)
{
	if (at < *due)
		*due = at;
}

static bool is_wanted(const struct gathering *g, const struct pl_series_receiver *r)
{
	const struct pl_alert *a = g->a;
	if (a->post != NULL && a->post[0] != '\0' && pl_str_eq(pl_str_of(r->name), PL_STR(PL_NOTICES_POST)) &&
	    pl_str_is(pl_str_of(r->post), a->post))
		return true;
	if (r->post[0] != '\0')
		return false;
	for (size_t i = 0; i < a->notify.n; i++)
		if (pl_str_is(pl_str_of(r->name), a->notify.v[i]))
			return true;
	for (size_t i = 0; a->notify.n == 0 && i < g->n->n_notify; i++)
		if (pl_str_is(pl_str_of(r->name), g->n->notify[i]))
			return true;
	return false;
}

static void want(struct gathering *g, struct pl_series *s)
{
	const struct pl_alert *a = g->a;
	for (size_t i = 0; i < a->notify.n; i++)
		pl_series_get(s, pl_str_of(a->notify.v[i]), PL_STR(""));
	for (size_t i = 0; a->notify.n == 0 && i < g->n->n_notify; i++)
		pl_series_get(s, pl_str_of(g->n->notify[i]), PL_STR(""));
	if (a->post != NULL && a->post[0] != '\0')
		pl_series_get(s, PL_STR(PL_NOTICES_POST), pl_str_of(a->post));
}

static void alarmed(struct gathering *g, struct pl_series_receiver *r, int level)
{
	r->told_ns = r->alarm_ns = g->now;
	r->alarm_level = level;
}

static void look_while_ok(struct gathering *g, struct pl_series *s, struct pl_series_receiver *r, bool cooling)
{
	if (r->told != PL_ALERT_OK) {
		tell(g, s, r, &s->last, false);
	} else if (s->worst.text != NULL && !s->held && !s->quiet && is_wanted(g, r)) {
		/* came and went while others were waited for */
		if (cooling && s->worst.level <= r->alarm_level) {
			g->n->stats.cooled++;
			return;
		}
		tell(g, s, r, &s->worst, false);
		tell(g, s, r, &s->last, false);
		alarmed(g, r, s->worst.level);
	} else {
		return;
	}
	r->told = PL_ALERT_OK;
	r->told_ns = g->now;
	s->dirty = true;
}

static void look_while_firing(struct gathering *g, struct pl_series *s, struct pl_series_receiver *r, bool cooling)
{
	int64_t cooled_at = r->alarm_ns + g->a->cooldown;
	if (!is_wanted(g, r))
		return;
	if (r->told != s->level) {
		if (cooling && s->level <= r->alarm_level) {
			if (s->pending)
				g->n->stats.cooled++;
			sooner(&s->due, cooled_at);
			return;
		}
		if (s->worst.text != NULL && s->worst.level > s->level && s->worst.level > r->told &&
		    !(cooling && s->worst.level <= r->alarm_level))
			tell(g, s, r, &s->worst, false);
		tell(g, s, r, &s->last, false);
		r->told = s->level;
		alarmed(g, r, s->level);
		s->dirty = true;
	} else if (g->a->reminder > 0 && g->now >= r->told_ns + g->a->reminder) {
		if (pl_outbox_waiting(g->n->outbox, pl_str_of(r->name), pl_str_of(r->post), pl_str_of(s->alert->id)) == 0)
			tell(g, s, r, &s->last, true);
		r->told_ns = g->now;
		s->dirty = true;
	}
	if (g->a->reminder > 0)
		sooner(&s->due, r->told_ns + g->a->reminder);
}

static void look_at(struct gathering *g, struct pl_series *s)
{
	bool firing = s->level != PL_ALERT_OK;
	s->due = firing ? INT64_MAX : s->seen_ns + remembered_ns + g->a->cooldown;
	if (s->held && firing) {
		int64_t until = pl_notices_held_until(g->n, g->a);
		s->due = until;
		if (g->now < until)
			return;
		s->held = false;
		s->dirty = true;
		s->due = INT64_MAX;
	}
	if (firing && s->quiet)
		return;
	want(g, s);
	for (size_t i = 0; i < s->n_to; i++) {
		struct pl_series_receiver *r = &s->to[i];
		bool cooling = r->alarm_ns != 0 && g->a->cooldown > 0 && g->now < r->alarm_ns + g->a->cooldown;
		if (firing)
			look_while_firing(g, s, r, cooling);
		else
			look_while_ok(g, s, r, cooling);
	}
}

/* After what was gathered of it is on its way. */
static void looked_at(struct pl_notices *n, struct pl_series *s)
{
	s->pending = false;
	if (s->worst.text != NULL) {
		pl_series_event_set(&s->worst, NULL, PL_ALERT_OK);
		s->dirty = true;
	}
	if (s->level == PL_ALERT_OK)
		s->held = false;
	if (s->dirty)
		pl_notices_store(n, s);
}

void pl_notices_look(struct pl_notices *n, const struct pl_alert *a, struct pl_series *s)
{
	struct gathering g = {.n = n, .a = a, .now = n->options.wall_ns()};
	look_at(&g, s);
	send_gathered(&g);
	looked_at(n, s);
}

void pl_notices_look_all(struct pl_notices *n, const struct pl_alert *a, struct pl_series_alert *alert)
{
	struct gathering g = {.n = n, .a = a, .now = n->options.wall_ns()};
	alert->due = INT64_MAX;
	for (struct pl_series *s = alert->series; s != NULL; s = s->hh.next)
		look_at(&g, s);
	send_gathered(&g);
	for (struct pl_series *s = alert->series; s != NULL; s = s->hh.next)
		looked_at(n, s);
}
