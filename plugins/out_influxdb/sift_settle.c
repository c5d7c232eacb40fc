#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "out_influxdb/sift_private.h"

enum { MOST_CLASHES = 4, MOST_NAMING = 1024, MOST_BAD_IN_A_ROW = 32 };

static bool exhausted(const struct pl_influx_sift *s)
{
	return s->requests >= PL_INFLUX_MOST_REQUESTS;
}

static void push_part(struct pl_influx_sift *s, struct pl_influx_task t, size_t from, size_t to, unsigned flags)
{
	t.from = from;
	t.to = to;
	t.flags |= flags;
	t.clashes = 0;
	pl_influx_sift_push(s, t);
}

/* The first half is asked first: the oldest value decides a new field's type. */
static void halve(struct pl_influx_sift *s, struct pl_influx_task t)
{
	size_t middle = t.from + (t.to - t.from + 1) / 2;
	push_part(s, t, middle, t.to, 0);
	push_part(s, t, t.from, middle, 0);
}

static void refuse_all(struct pl_influx_sift *s, const struct pl_influx_task *t, const char *as, const char *words)
{
	const char *reason = pl_influx_refusals_keep(&s->refusals, words);
	for (size_t i = t->from; i < t->to; i++)
		pl_influx_refusals_add(&s->refusals, s->lines[i], as, reason, false);
}

/* Some of the lines were refused, and it would take too long to find out which: all of them are, as to keep a line that was
 * stored does less harm than to lose one that was not. */
static void give_up(struct pl_influx_sift *s, const struct pl_influx_task *t, const char *as, const char *words)
{
	char reason[PL_INFLUX_REASON_BYTES];
	snprintf(reason, sizeof reason, "%.170s; said of this and other lines, too many to tell them apart", words);
	refuse_all(s, t, as, reason);
}

/* Refuses the lines of the task, each with the words that were said of its own field. Where these are not known: leaves the line
 * in the task to be asked for again, as the server names one at a time, or (`finally`) refuses it with `words`. */
static void refuse_conflicts(struct pl_influx_sift *s, struct pl_influx_task *t, const char *words, bool finally)
{
	const char *usual = finally ? pl_influx_refusals_keep(&s->refusals, words) : NULL;
	size_t kept = t->from;
	for (size_t i = t->from; i < t->to; i++) {
		uint64_t key;
		int64_t time_ns;
		const char *reason = usual;
		if (pl_influx_sift_type_refused(s, pl_influx_sift_text(s, i), 0, &key, &time_ns)) {
			const char *own = pl_influx_known_reason(&s->memory->types, key, &s->refusals.reasons, s->serial);
			reason = own != NULL ? own : reason;
			pl_influx_known_add(&s->memory->types, key, NULL, s->now_ns);
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
		pl_influx_sift_push(s, t);
	} else if (exhausted(s)) {
		give_up(s, &t, "field_type", j->reason);
	} else if (!named || (t.flags & PL_INFLUX_SUSPECT) != 0 || pl_influx_sift_move_suspects(s, &t, key) == 0) {
		halve(s, t);
	} else if (++t.conflicts < 2) {
		pl_influx_sift_push(s, t);
	} else {
		halve(s, t); /* there are more: what is good need not be sent again and again */
	}
}

static void settle_clash(struct pl_influx_sift *s, struct pl_influx_task t, const struct pl_influx_judgement *j)
{
	if (++t.clashes <= MOST_CLASHES)
		pl_influx_sift_push(s, t);
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
		uint64_t key = pl_influx_series_key(s->target, pl_influx_sift_text(s, i));
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
			pl_influx_known_add(&s->memory->series, pl_influx_series_key(s->target, pl_influx_sift_text(s, i)), NULL,
					    s->now_ns);
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
		if (pl_influx_line_parses(pl_influx_sift_text(s, i)))
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
	if (exhausted(s))
		give_up(s, &t, "unparsable", j->reason);
	else if (t.to - t.from < before)
		pl_influx_sift_push(s, t);
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
		give_up(s, &t, "refused", j->reason);
	else
		halve(s, t);
}

/* Where nothing but this is answered it is not about single lines. */
static void refuse_everything(struct pl_influx_sift *s, const char *words)
{
	while (s->n_tasks > 0)
		refuse_all(s, &s->tasks[--s->n_tasks], "refused", words);
	pl_influx_sift_ask_suspects(s);
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
		pl_influx_sift_push(s, t); /* the limit is smaller now */
		return;
	}
	if (t.to - t.from > 1) {
		refuse_all(s, &t, "refused", j->reason);
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
		pl_influx_known_forget(&s->memory->series, pl_influx_series_key(s->target, pl_influx_sift_text(s, i)));
}

void pl_influx_sift_settle(struct pl_influx_sift *s, const struct pl_influx_judgement *j)
{
	if (!s->indexed) {
		if (j->finding == PL_INFLUX_TAKEN)
			return;
		pl_influx_sift_index(s);
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
