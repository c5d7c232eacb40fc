#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"
#include "out_influxdb/quoted.h"
#include "out_influxdb/sift_private.h"

/* One distinct text of the task's lines. */
struct slot {
	size_t line;        /* and one; 0: free */
	const char *reason; /* NULL: not quoted */
};

struct table {
	struct pl_influx_sift *sift;
	const struct pl_influx_judgement *judgement;
	struct slot *slots;
	size_t cap; /* a power of two, more than there are lines */
	struct pl_str last_reason;
	const char *last_kept;
};

/* As the server sees it: it skips what blanks stand before a line. */
static struct pl_str text_at(const struct pl_influx_sift *s, size_t i)
{
	struct pl_str text = pl_influx_line_text(s->delivery, s->lines[i]);
	while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t')) {
		text.p++;
		text.n--;
	}
	return text;
}

static struct slot *slot_of(const struct table *t, struct pl_str text)
{
	size_t i = (size_t)pl_str_hash(text, 0) & (t->cap - 1);
	while (t->slots[i].line != 0 && !pl_str_eq(text_at(t->sift, t->slots[i].line - 1), text))
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

static bool is_line(void *data, struct pl_str text)
{
	const struct table *t = data;
	return slot_of(t, text)->line != 0;
}

static void on_found(void *data, const struct pl_influx_quoted *q)
{
	struct table *t = data;
	if (t->last_kept == NULL || !pl_str_eq(t->last_reason, q->reason)) {
		char words[PL_INFLUX_REASON_BYTES];
		struct pl_buf printable = {0};
		size_t n = q->reason.n < 160 ? q->reason.n : 160;
		if (n == q->reason.n && pl_str_ends(q->reason, PL_STR(" dropped=0")))
			n -= sizeof " dropped=0" - 1;
		pl_buf_add_printable(&printable, (struct pl_str){q->reason.p, n});
		snprintf(words, sizeof words, "InfluxDB answered %ld: unable to parse: %.160s", t->judgement->status,
			 pl_buf_cstr(&printable));
		pl_buf_finish(&printable);
		t->last_kept = pl_influx_refusals_keep(&t->sift->refusals, words);
		t->last_reason = q->reason;
	}
	slot_of(t, q->line)->reason = t->last_kept;
}

static void note(struct pl_influx_sift *s, struct pl_str line)
{
	if (s->unparsable++ > 0)
		return;
	struct pl_buf printable = {0};
	pl_buf_add_printable(&printable, (struct pl_str){line.p, line.n < 160 ? line.n : 160});
	snprintf(s->unparsable_line, sizeof s->unparsable_line, "%s", pl_buf_cstr(&printable));
	pl_buf_finish(&printable);
}

size_t pl_influx_sift_quoted(struct pl_influx_sift *s, struct pl_influx_task *task, const struct pl_influx_judgement *j,
			     size_t *known)
{
	struct table t = {.sift = s, .judgement = j, .cap = 16};
	while (t.cap < 2 * (task->to - task->from))
		t.cap *= 2;
	t.slots = pl_calloc(t.cap, sizeof *t.slots);
	for (size_t i = task->from; i < task->to; i++) {
		struct slot *slot = slot_of(&t, text_at(s, i));
		if (slot->line == 0)
			slot->line = i + 1;
	}
	size_t entries = pl_influx_read_quoted(j->quoted, is_line, on_found, &t, known);
	/* the table points into the lines: these are moved when it is no longer asked */
	struct pl_influx_line *kept = pl_alloc((task->to - task->from) * sizeof *kept);
	size_t n = 0;
	for (size_t i = task->from; i < task->to; i++) {
		const struct slot *slot = slot_of(&t, text_at(s, i));
		if (slot->reason == NULL) {
			kept[n++] = s->lines[i];
			continue;
		}
		note(s, pl_influx_line_text(s->delivery, s->lines[i]));
		pl_influx_refusals_add(&s->refusals, s->lines[i], "unparsable", slot->reason, false);
	}
	memcpy(s->lines + task->from, kept, n * sizeof *kept);
	task->to = task->from + n;
	free(kept);
	free(t.slots);
	return entries;
}
