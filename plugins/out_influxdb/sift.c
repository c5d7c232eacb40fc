#include "out_influxdb/sift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/sift_private.h"

enum { MOST_TYPES = 4096, MOST_SERIES = 32768 };

void pl_influx_memory_init(struct pl_influx_memory *m)
{
	*m = (struct pl_influx_memory){.types = {.most = MOST_TYPES, .keep_ns = 600 * PL_NS_PER_S},
				       .series = {.most = MOST_SERIES, .keep_ns = 300 * PL_NS_PER_S}};
}

void pl_influx_memory_finish(struct pl_influx_memory *m)
{
	pl_influx_known_finish(&m->types);
	pl_influx_known_finish(&m->series);
}

/* ---- lines and tasks ---- */

void pl_influx_sift_push(struct pl_influx_sift *s, struct pl_influx_task t)
{
	if (t.from >= t.to)
		return;
	if (s->n_tasks == s->cap_tasks) {
		s->cap_tasks = s->cap_tasks > 0 ? 2 * s->cap_tasks : 16;
		s->tasks = pl_realloc(s->tasks, s->cap_tasks * sizeof *s->tasks);
	}
	s->tasks[s->n_tasks++] = t;
}

void pl_influx_sift_index(struct pl_influx_sift *s)
{
	const struct pl_delivery *d = s->delivery;
	size_t cap = d->points > 0 ? d->points : 1;
	s->indexed = true;
	s->lines = pl_alloc(cap * sizeof *s->lines);
	for (size_t b = 0; b < d->n; b++) {
		const char *start = d->batches[b]->p, *end = start + d->batches[b]->n;
		for (const char *p = start, *next; p < end; p = next) {
			const char *newline = memchr(p, '\n', (size_t)(end - p));
			const char *stop = newline != NULL ? newline : end;
			next = newline != NULL ? newline + 1 : end;
			if (stop == p)
				continue;
			if (s->n_lines == cap) {
				cap *= 2;
				s->lines = pl_realloc(s->lines, cap * sizeof *s->lines);
			}
			s->lines[s->n_lines++] =
			    (struct pl_influx_line){(uint32_t)b, (uint32_t)(p - start), (uint32_t)(stop - p)};
		}
	}
	pl_influx_sift_push(s, (struct pl_influx_task){.from = 0, .to = s->n_lines, .learnt = UINT64_MAX});
}

/* ---- what is remembered ---- */

static bool series_known(const struct pl_influx_sift *s, struct pl_str line)
{
	return pl_influx_known_has(&s->memory->series, pl_influx_series_key(s->target, line), s->now_ns);
}

static void suspect(struct pl_influx_sift *s, struct pl_influx_line line, uint64_t key, int64_t time_ns)
{
	if (s->n_suspects == s->cap_suspects) {
		s->cap_suspects = s->cap_suspects > 0 ? 2 * s->cap_suspects : 64;
		s->suspects = pl_realloc(s->suspects, s->cap_suspects * sizeof *s->suspects);
	}
	s->suspects[s->n_suspects++] = (struct pl_influx_suspect){.line = line, .key = key, .time_ns = time_ns};
}

bool pl_influx_sift_type_refused(struct pl_influx_sift *s, struct pl_str line, uint64_t only, uint64_t *key, int64_t *time_ns)
{
	struct pl_influx_type_keys keys;
	if (!pl_influx_type_keys_init(&keys, s->target, line, &s->scratch))
		return false;
	*time_ns = keys.time_ns;
	while (pl_influx_type_keys_next(&keys, key))
		if (only != 0 ? *key == only : pl_influx_known_has(&s->memory->types, *key, s->now_ns))
			return true;
	return false;
}

size_t pl_influx_sift_move_suspects(struct pl_influx_sift *s, struct pl_influx_task *t, uint64_t key)
{
	size_t kept = t->from, before = t->to;
	for (size_t i = t->from; i < t->to; i++) {
		uint64_t found;
		int64_t time_ns;
		if (pl_influx_sift_type_refused(s, pl_influx_sift_text(s, i), key, &found, &time_ns))
			suspect(s, s->lines[i], found, time_ns);
		else
			s->lines[kept++] = s->lines[i];
	}
	t->to = kept;
	return before - kept;
}

static void refuse_known_series(struct pl_influx_sift *s, struct pl_influx_task *t)
{
	const char *reason = NULL;
	size_t kept = t->from;
	for (size_t i = t->from; i < t->to; i++) {
		if (!series_known(s, pl_influx_sift_text(s, i))) {
			s->lines[kept++] = s->lines[i];
			continue;
		}
		if (reason == NULL)
			reason = pl_influx_refusals_keep(&s->refusals, s->memory->series_words);
		if (s->words[0] == '\0')
			snprintf(s->words, sizeof s->words, "%s", reason);
		pl_influx_refusals_add(&s->refusals, s->lines[i], "series_limit", reason, true);
	}
	t->to = kept;
}

static void filter(struct pl_influx_sift *s, struct pl_influx_task *t)
{
	if (t->learnt == s->learnt)
		return;
	t->learnt = s->learnt;
	if (s->memory->series.n > 0 && !s->asks_series)
		refuse_known_series(s, t);
	if (s->memory->types.n > 0 && (t->flags & PL_INFLUX_SUSPECT) == 0)
		pl_influx_sift_move_suspects(s, t, 0);
}

/* ---- asking ---- */

void pl_influx_sift_begin(struct pl_influx_sift *s, struct pl_influx_memory *memory, struct pl_delivery *d, uint64_t target,
			  uint64_t serial, size_t limit, int64_t now_ns)
{
	*s = (struct pl_influx_sift){.memory = memory, .delivery = d, .target = target, .serial = serial, .now_ns = now_ns};
	pl_influx_known_sweep(&memory->types, now_ns);
	pl_influx_known_sweep(&memory->series, now_ns);
	if (d->bytes <= limit && memory->types.n == 0 && memory->series.n == 0)
		return;
	pl_influx_sift_index(s);
	size_t i = 0;
	while (i < s->n_lines && memory->series.n > 0 && series_known(s, pl_influx_sift_text(s, i)))
		i++;
	s->asks_series = i > 0 && i == s->n_lines;
}

static int by_key_and_time(const void *a, const void *b)
{
	const struct pl_influx_suspect *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->line.batch != y->line.batch)
		return x->line.batch < y->line.batch ? -1 : 1;
	return x->line.offset < y->line.offset ? -1 : x->line.offset > y->line.offset;
}

void pl_influx_sift_ask_suspects(struct pl_influx_sift *s)
{
	if (s->n_suspects == 0)
		return;
	qsort(s->suspects, s->n_suspects, sizeof *s->suspects, by_key_and_time);
	for (size_t i = 0; i < s->n_suspects; i++)
		s->lines[i] = s->suspects[i].line;
	pl_influx_sift_push(
	    s, (struct pl_influx_task){.from = 0, .to = s->n_suspects, .flags = PL_INFLUX_SUSPECT, .learnt = s->learnt});
	s->n_suspects = 0;
}

/* Cuts the next task so that what is on top is small enough. */
static void cut_task(struct pl_influx_sift *s, size_t limit)
{
	struct pl_influx_task *t = &s->tasks[s->n_tasks - 1], first = *t;
	size_t to = t->from, bytes = 0;
	if (limit == SIZE_MAX)
		return;
	do
		bytes += s->lines[to++].n + (size_t)1;
	while (to < t->to && bytes + s->lines[to].n + 1 <= limit);
	if (to == t->to)
		return;
	t->from = first.to = to;
	pl_influx_sift_push(s, first);
}

static void lay_out(const struct pl_influx_sift *s, const struct pl_influx_task *t, struct pl_influx_pieces *pieces)
{
	for (size_t i = t->from; i < t->to; i++) {
		const struct pl_batch *b = s->delivery->batches[s->lines[i].batch];
		size_t n = s->lines[i].n + (s->lines[i].offset + s->lines[i].n < b->n);
		pl_influx_pieces_add(pieces, (struct pl_str){b->p + s->lines[i].offset, n});
	}
}

uint32_t pl_influx_sift_next(struct pl_influx_sift *s, size_t limit, struct pl_influx_pieces *pieces)
{
	pl_influx_pieces_clear(pieces);
	if (!s->indexed) {
		if (s->asked_whole)
			return 0;
		s->asked_whole = true;
		s->requests++;
		for (size_t i = 0; i < s->delivery->n; i++)
			pl_influx_pieces_add(pieces, (struct pl_str){s->delivery->batches[i]->p, s->delivery->batches[i]->n});
		return s->delivery->points;
	}
	for (;;) {
		if (s->n_tasks == 0)
			pl_influx_sift_ask_suspects(s);
		if (s->n_tasks == 0)
			return 0;
		cut_task(s, limit);
		struct pl_influx_task *t = &s->tasks[s->n_tasks - 1];
		filter(s, t);
		if (t->from < t->to) {
			s->requests++;
			lay_out(s, t, pieces);
			return (uint32_t)(t->to - t->from);
		}
		s->n_tasks--;
	}
}

void pl_influx_sift_end(struct pl_influx_sift *s)
{
	free(s->lines);
	free(s->tasks);
	free(s->suspects);
	pl_influx_refusals_finish(&s->refusals);
	pl_buf_finish(&s->scratch);
}
