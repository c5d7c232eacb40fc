#include "out_influxdb/sift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/sift_private.h"

enum { MOST_TYPES = 4096, MOST_SERIES = 32768, MOST_CLASHES = 4, MOST_NAMING = 1024, MOST_BAD_IN_A_ROW = 32 };

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

static struct pl_str text_of(const struct pl_influx_sift *s, size_t i)
{
	return pl_influx_line_text(s->delivery, s->lines[i]);
}

static bool exhausted(const struct pl_influx_sift *s)
{
	return s->requests >= PL_INFLUX_MOST_REQUESTS;
}

static void push(struct pl_influx_sift *s, struct pl_influx_task t)
{
	if (t.from >= t.to)
		return;
	if (s->n_tasks == s->cap_tasks) {
		s->cap_tasks = s->cap_tasks > 0 ? 2 * s->cap_tasks : 16;
		s->tasks = pl_realloc(s->tasks, s->cap_tasks * sizeof *s->tasks);
	}
	s->tasks[s->n_tasks++] = t;
}

static void push_part(struct pl_influx_sift *s, struct pl_influx_task t, size_t from, size_t to, unsigned flags)
{
	t.from = from;
	t.to = to;
	t.flags |= flags;
	t.clashes = 0;
	push(s, t);
}

/* The first half is asked first: the oldest value decides a new field's type. */
static void halve(struct pl_influx_sift *s, struct pl_influx_task t)
{
	size_t middle = t.from + (t.to - t.from + 1) / 2;
	push_part(s, t, middle, t.to, 0);
	push_part(s, t, t.from, middle, 0);
}

static void index_lines(struct pl_influx_sift *s)
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
	push(s, (struct pl_influx_task){.from = 0, .to = s->n_lines, .learnt = UINT64_MAX});
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

/* Sets *key to that of a field whose type was refused: `only`, or when that is 0 any that is remembered. */
static bool type_refused(struct pl_influx_sift *s, struct pl_str line, uint64_t only, uint64_t *key, int64_t *time_ns)
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

/* Moves the lines with such a field from the task to the suspects. How many? */
static size_t move_suspects(struct pl_influx_sift *s, struct pl_influx_task *t, uint64_t key)
{
	size_t kept = t->from, before = t->to;
	for (size_t i = t->from; i < t->to; i++) {
		uint64_t found;
		int64_t time_ns;
		if (type_refused(s, text_of(s, i), key, &found, &time_ns))
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
		if (!series_known(s, text_of(s, i))) {
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
		move_suspects(s, t, 0);
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
	index_lines(s);
	size_t i = 0;
	while (i < s->n_lines && memory->series.n > 0 && series_known(s, text_of(s, i)))
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

/* Those of one field stand together, and among them those of one shard: so the fewest halves are of both kinds. */
static void ask_suspects(struct pl_influx_sift *s)
{
	if (s->n_suspects == 0)
		return;
	qsort(s->suspects, s->n_suspects, sizeof *s->suspects, by_key_and_time);
	for (size_t i = 0; i < s->n_suspects; i++)
		s->lines[i] = s->suspects[i].line;
	push(s, (struct pl_influx_task){.from = 0, .to = s->n_suspects, .flags = PL_INFLUX_SUSPECT, .learnt = s->learnt});
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
	push(s, first);
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
			ask_suspects(s);
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

/* ---- answers ---- */

static void refuse_all(struct pl_influx_sift *s, const struct pl_influx_task *t, const char *as, const char *words)
{
	const char *reason = pl_influx_refusals_keep(&s->refusals, words);
	for (size_t i = t->from; i < t->to; i++)
		pl_influx_refusals_add(&s->refusals, s->lines[i], as, reason, false);
}

/* Refuses the lines of the task, each with the words that were said of its own field. Where these are not known: leaves the line in
 * the task to be asked for again, as the server names one at a time, or (`finally`) refuses it with `words`. */
static void refuse_conflicts(struct pl_influx_sift *s, struct pl_influx_task *t, const char *words, bool finally)
{
	const char *usual = finally ? pl_influx_refusals_keep(&s->refusals, words) : NULL;
	size_t kept = t->from;
	for (size_t i = t->from; i < t->to; i++) {
		uint64_t key;
		int64_t time_ns;
		const char *reason = usual;
		if (type_refused(s, text_of(s, i), 0, &key, &time_ns)) {
			const char *own = pl_influx_known_reason(&s->memory->types, key, &s->refusals.reasons, s->serial);
			reason = own != NULL ? own : reason;
		}
		if (reason != NULL)
			pl_influx_refusals_add(&s->refusals, s->lines[i], "field_type", reason, false);
		else
			s->lines[kept++] = s->lines[i];
	}
	t->to = kept;
}

static void settle_conflict(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	size_t n = t.to - t.from;
	bool named = j->measurement.n > 0 && j->field.n > 0;
	uint64_t key = named ? pl_influx_type_key(s->target, j->measurement, j->field, j->type) : 0;
	if (named) {
		pl_influx_known_add(&s->memory->types, key, j->reason, s->now_ns);
		s->learnt++;
	}
	if (j->dropped >= n || n == 1) {
		refuse_conflicts(s, &t, j->reason, !named || n == 1 || s->requests >= MOST_NAMING);
		if (t.to - t.from == n)
			refuse_conflicts(s, &t, j->reason, true);
		push(s, t);
	} else if (exhausted(s)) {
		pl_influx_refusals_count(&s->refusals, j->dropped > 0 ? j->dropped : 1, "field_type");
	} else if (!named || (t.flags & PL_INFLUX_SUSPECT) != 0 || move_suspects(s, &t, key) == 0) {
		halve(s, t);
	} else if (++t.conflicts < 2) {
		push(s, t);
	} else {
		halve(s, t); /* there are more: what is good need not be sent again and again */
	}
}

static void settle_clash(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	if (++t.clashes <= MOST_CLASHES)
		push(s, t);
	else if (t.to - t.from == 1 || exhausted(s))
		refuse_conflicts(s, &t, j->reason, true);
	else
		halve(s, t);
}

/* The server counts a new series once for each of its lines, and so may refuse what has room: one line of each series first, then
 * the others. False when each has but one. */
static bool part_by_series(struct pl_influx_sift *s, struct pl_influx_task t)
{
	struct pl_influx_known seen = {.most = SIZE_MAX, .keep_ns = 1};
	struct pl_influx_line *more = pl_alloc((t.to - t.from) * sizeof *more);
	size_t heads = t.from, n_more = 0;
	for (size_t i = t.from; i < t.to; i++) {
		uint64_t key = pl_influx_series_key(s->target, text_of(s, i));
		if (pl_influx_known_has(&seen, key, 0)) {
			more[n_more++] = s->lines[i];
			continue;
		}
		pl_influx_known_add(&seen, key, NULL, 0);
		s->lines[heads++] = s->lines[i];
	}
	memcpy(s->lines + heads, more, n_more * sizeof *more);
	free(more);
	pl_influx_known_finish(&seen);
	if (n_more == 0)
		return false;
	push_part(s, t, heads, t.to, 0);
	push_part(s, t, t.from, heads, 0);
	return true;
}

static void settle_series(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	size_t n = t.to - t.from;
	bool all = j->dropped >= n || n == 1;
	if (!exhausted(s) && n > 1) {
		if (all && part_by_series(s, t))
			return;
		if (!all) {
			halve(s, t);
			return;
		}
	}
	const char *reason = pl_influx_refusals_keep(&s->refusals, j->reason);
	snprintf(s->memory->series_words, sizeof s->memory->series_words, "%s", j->reason);
	for (size_t i = t.from; i < t.to; i++) {
		if (all)
			pl_influx_known_add(&s->memory->series, pl_influx_series_key(s->target, text_of(s, i)), NULL, s->now_ns);
		pl_influx_refusals_add(&s->refusals, s->lines[i], "series_limit", reason, true);
	}
	s->learnt++;
}

/* Those that we cannot read ourselves apart from the others; false when they are all of one kind. */
static bool part_by_own_reading(struct pl_influx_sift *s, struct pl_influx_task t)
{
	size_t good = t.from, n_bad = 0;
	if ((t.flags & (PL_INFLUX_PARSES | PL_INFLUX_LOOKS_BAD)) != 0)
		return false;
	struct pl_influx_line *bad = pl_alloc((t.to - t.from) * sizeof *bad);
	for (size_t i = t.from; i < t.to; i++) {
		if (pl_influx_line_parses(text_of(s, i)))
			s->lines[good++] = s->lines[i];
		else
			bad[n_bad++] = s->lines[i];
	}
	memcpy(s->lines + good, bad, n_bad * sizeof *bad);
	free(bad);
	if (good == t.from || good == t.to)
		return false;
	push_part(s, t, good, t.to, PL_INFLUX_LOOKS_BAD);
	push_part(s, t, t.from, good, PL_INFLUX_PARSES);
	return true;
}

static void settle_expired(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	uint32_t n = (uint32_t)(t.to - t.from), expired = j->dropped > 0 ? j->dropped : 1;
	bool all = expired >= n;
	if (!all && !exhausted(s) && part_by_own_reading(s, t))
		return;
	if (!all && !exhausted(s) && (t.flags & PL_INFLUX_LOOKS_BAD) != 0)
		halve(s, t);
	else
		s->refusals.expired += all ? n : expired;
}

static void settle_unparsable(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	size_t before = t.to - t.from, entries, known;
	entries = pl_influx_sift_quoted(s, &t, j, &known);
	if (t.from == t.to || (j->partial && !j->cut && entries > 0 && known == entries))
		return;
	if (exhausted(s) && j->partial)
		pl_influx_refusals_count(&s->refusals, entries > known ? (uint32_t)(entries - known) : 1, "unparsable");
	else if (exhausted(s))
		refuse_all(s, &t, "unparsable", j->reason);
	else if (t.to - t.from < before)
		push(s, t);
	else if (before == 1)
		refuse_all(s, &t, "unparsable", j->reason);
	else if (!part_by_own_reading(s, t))
		halve(s, t);
}

static void settle_some(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	size_t n = t.to - t.from;
	if (j->dropped >= n || n == 1)
		refuse_all(s, &t, "refused", j->reason);
	else if (exhausted(s))
		pl_influx_refusals_count(&s->refusals, j->dropped > 0 ? j->dropped : 1, "refused");
	else
		halve(s, t);
}

/* Where nothing but this is answered it is not about single lines. */
static void refuse_everything(struct pl_influx_sift *s, const char *words)
{
	while (s->n_tasks > 0)
		refuse_all(s, &s->tasks[--s->n_tasks], "refused", words);
	ask_suspects(s);
	if (s->n_tasks > 0)
		refuse_all(s, &s->tasks[--s->n_tasks], "refused", words);
}

static void settle_bad(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	s->bad_in_a_row++;
	if (t.to - t.from == 1 || exhausted(s))
		refuse_all(s, &t, "refused", j->reason);
	else if (!part_by_own_reading(s, t))
		halve(s, t);
	if (!s->taken_any && s->bad_in_a_row >= MOST_BAD_IN_A_ROW)
		refuse_everything(s, j->reason);
}

static void settle_too_large(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	if (t.to - t.from > 1 && !exhausted(s)) {
		push(s, t); /* the limit is smaller now */
		return;
	}
	char words[PL_INFLUX_REASON_BYTES];
	snprintf(words, sizeof words, "%.180s; the line alone has %u bytes", j->reason, s->lines[t.from].n);
	refuse_all(s, &t, "refused", words);
}

static void settle_taken(struct pl_influx_sift *s, struct pl_influx_task t)
{
	s->taken_any = true;
	for (size_t i = t.from; i < t.to && s->asks_series; i++)
		pl_influx_known_forget(&s->memory->series, pl_influx_series_key(s->target, text_of(s, i)));
}

void pl_influx_sift_settle(struct pl_influx_sift *s, const struct pl_influx_judgement *j)
{
	if (!s->indexed) {
		if (j->finding == PL_INFLUX_TAKEN)
			return;
		index_lines(s);
	}
	if (s->n_tasks == 0)
		return;
	struct pl_influx_task t = s->tasks[--s->n_tasks];
	if (j->finding != PL_INFLUX_TAKEN && s->words[0] == '\0')
		snprintf(s->words, sizeof s->words, "%s", j->reason);
	s->taken_any = s->taken_any || (j->partial && j->finding != PL_INFLUX_SERIES_LIMIT && j->dropped < t.to - t.from);
	switch (j->finding) {
	case PL_INFLUX_TAKEN:
		settle_taken(s, t);
		break;
	case PL_INFLUX_EXPIRED:
		settle_expired(s, t, j);
		break;
	case PL_INFLUX_CONFLICT:
		settle_conflict(s, t, j);
		break;
	case PL_INFLUX_CLASH:
		settle_clash(s, t, j);
		break;
	case PL_INFLUX_UNPARSABLE:
		settle_unparsable(s, t, j);
		break;
	case PL_INFLUX_SERIES_LIMIT:
		settle_series(s, t, j);
		break;
	case PL_INFLUX_SOME_REFUSED:
		settle_some(s, t, j);
		break;
	case PL_INFLUX_TOO_LARGE:
		settle_too_large(s, t, j);
		break;
	case PL_INFLUX_BAD_LINES:
	case PL_INFLUX_BAD_ENCODING:
	case PL_INFLUX_NO_DATABASE:
	case PL_INFLUX_NO_POLICY:
	case PL_INFLUX_RETRY:
	case PL_INFLUX_HOLD:
		settle_bad(s, t, j);
		break;
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
