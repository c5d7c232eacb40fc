#include "pipeline/settlement.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct work {
	struct pl_settlement *s;
	const struct pl_settlement_env *env;
	const struct pl_lane_item *items;
	size_t n;
	uint32_t *left;               /* points of each item that nothing was said of */
	struct pl_quarantined *lines; /* to be quarantined */
	uint32_t *line_items;         /* whose they are */
	size_t n_lines, lines_cap;
	int64_t now;
};

static void add_line(struct work *w, uint32_t item, uint32_t offset, uint32_t n, const char *reason, const char *as)
{
	if (w->left[item] == 0)
		return;
	w->left[item]--;
	if (w->n_lines == w->lines_cap) {
		w->lines_cap = w->lines_cap > 0 ? w->lines_cap * 2 : 16;
		w->lines = pl_realloc(w->lines, w->lines_cap * sizeof *w->lines);
		w->line_items = pl_realloc(w->line_items, w->lines_cap * sizeof *w->line_items);
	}
	const struct pl_lane_item *i = &w->items[item];
	w->line_items[w->n_lines] = item;
	w->lines[w->n_lines++] = (struct pl_quarantined){
	    .refused_wall_ns = w->now,
	    .output = w->env->output,
	    .route = i->batch->route,
	    .line = {i->batch->p + offset, n},
	    .reason = pl_str_of(reason != NULL ? reason : ""),
	    .as = as != NULL ? as : pl_drop_label(PL_DROP_REFUSED),
	    .origin = {i->ref.segment, i->ref.offset, i->ref.segment != 0 ? offset : 0},
	};
}

static bool is_sound(const struct work *w, const struct pl_refusal *r)
{
	return r->batch < w->n && (size_t)r->offset + r->n <= w->items[r->batch].batch->n;
}

/* The lines to be held of those items that are (or are not) on disk, as one batch; NULL: none. */
static struct pl_batch *gather_held(const struct work *w, const struct pl_verdict *v, bool on_disk)
{
	struct pl_buf lines = {0};
	uint32_t points = 0;
	for (size_t i = 0; i < v->n_refusals; i++) {
		const struct pl_refusal *r = &v->refusals[i];
		if (!r->held || !is_sound(w, r) || (w->items[r->batch].ref.segment != 0) != on_disk)
			continue;
		pl_buf_add(&lines, w->items[r->batch].batch->p + r->offset, r->n);
		pl_buf_add_char(&lines, '\n');
		points++;
	}
	struct pl_batch *b = points > 0 ? pl_batch_create(w->items[0].batch->route, &lines, points) : NULL;
	pl_buf_finish(&lines);
	return b;
}

static void hold_lines(struct work *w, const struct pl_verdict *v, bool *disk_holds)
{
	struct pl_batch *disk = gather_held(w, v, true);
	*disk_holds = disk != NULL && w->env->hold != NULL && w->env->hold(w->env->data, disk);
	if (disk != NULL)
		pl_batch_release(disk);
	w->s->held = gather_held(w, v, false);
}

static void take_named(struct work *w, const struct pl_verdict *v)
{
	bool disk_holds;
	hold_lines(w, v, &disk_holds);
	for (size_t i = 0; i < v->n_refusals; i++) {
		const struct pl_refusal *r = &v->refusals[i];
		if (!is_sound(w, r))
			continue;
		if (r->held && (disk_holds || w->items[r->batch].ref.segment == 0)) {
			w->left[r->batch] -= w->left[r->batch] > 0;
			w->s->outcomes[r->batch].moved++;
			w->s->held_points++;
		} else {
			add_line(w, r->batch, r->offset, r->n, r->reason, r->as);
		}
	}
}

static void take_all(struct work *w, const struct pl_verdict *v)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct pl_batch *b = w->items[i].batch;
		for (size_t at = 0; at < b->n;) {
			const char *end = memchr(b->p + at, '\n', b->n - at);
			size_t n = end != NULL ? (size_t)(end - b->p) - at : b->n - at;
			add_line(w, i, (uint32_t)at, (uint32_t)n, v->reason, v->refused_as);
			at += n + 1;
		}
	}
}

static void quarantine_lines(struct work *w)
{
	if (w->n_lines == 0)
		return;
	char reason[256] = "there is none";
	bool kept = w->env->quarantine != NULL &&
		    pl_quarantine_add(w->env->quarantine, w->lines, w->n_lines, reason, sizeof reason) == PL_OK;
	if (!kept && w->env->quarantine != NULL)
		pl_error(w->env->log, "refused points are dropped: the quarantine does not take them",
			 PL_KVC("output", w->env->output), PL_KVI("points", w->n_lines), PL_KVC("reason", reason));
	for (size_t i = 0; i < w->n_lines; i++) {
		struct pl_spool_outcome *o = &w->s->outcomes[w->line_items[i]];
		if (kept)
			o->quarantined++;
		else
			o->dropped[pl_drop_of(w->lines[i].as)]++;
	}
	w->s->quarantined = kept ? w->n_lines : 0;
	w->s->dropped = kept ? 0 : w->n_lines;
}

/* Points refused without a name: those of the first batches, as good as any. */
static void drop_unnamed(struct work *w, uint32_t refused, enum pl_drop why)
{
	for (size_t i = 0; i < w->n && refused > 0; i++) {
		uint32_t k = refused < w->left[i] ? refused : w->left[i];
		w->left[i] -= k;
		refused -= k;
		w->s->outcomes[i].dropped[why] += k;
		w->s->dropped += k;
	}
}

void pl_settlement_make(struct pl_settlement *s, const struct pl_settlement_env *env, const struct pl_lane_item *items, size_t n,
			const struct pl_verdict *v)
{
	struct work w = {.s = s, .env = env, .items = items, .n = n, .now = pl_clock_wall_ns()};
	s->held = NULL;
	s->quarantined = s->dropped = s->held_points = 0;
	memset(s->outcomes, 0, n * sizeof *s->outcomes);
	w.left = pl_calloc(n, sizeof *w.left);
	for (size_t i = 0; i < n; i++)
		w.left[i] = items[i].batch->points;
	if (v->kind == PL_VERDICT_REFUSED)
		take_all(&w, v);
	else
		take_named(&w, v);
	quarantine_lines(&w);
	drop_unnamed(&w, v->kind == PL_VERDICT_REFUSED ? UINT32_MAX : v->refused, pl_drop_of(v->refused_as));
	for (size_t i = 0; i < n; i++)
		s->outcomes[i].out = w.left[i];
	free(w.left);
	free(w.lines);
	free(w.line_items);
}
