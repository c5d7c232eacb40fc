#include "pipeline/schedule.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 16 };

static void place(struct pl_schedule *s, size_t i, struct pl_schedule_entry *e)
{
	s->heap[i] = e;
	e->at = i + 1;
}

static void sift_up(struct pl_schedule *s, size_t i)
{
	struct pl_schedule_entry *e = s->heap[i];
	while (i > 0) {
		size_t parent = (i - 1) / 2;
		if (s->heap[parent]->due_ns <= e->due_ns)
			break;
		place(s, i, s->heap[parent]);
		i = parent;
	}
	place(s, i, e);
}

static void sift_down(struct pl_schedule *s, size_t i)
{
	struct pl_schedule_entry *e = s->heap[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= s->n)
			break;
		if (child + 1 < s->n && s->heap[child + 1]->due_ns < s->heap[child]->due_ns)
			child++;
		if (e->due_ns <= s->heap[child]->due_ns)
			break;
		place(s, i, s->heap[child]);
		i = child;
	}
	place(s, i, e);
}

/* The earliest moment >= now that lies `offset` behind a multiple of the period. */
static int64_t next_moment(int64_t now_ns, int64_t period_ns, int64_t offset_ns)
{
	int64_t since = (now_ns - offset_ns) % period_ns;
	if (since < 0)
		since += period_ns;
	return since == 0 ? now_ns : now_ns + (period_ns - since);
}

void pl_schedule_finish(struct pl_schedule *s)
{
	free(s->heap);
	*s = (struct pl_schedule){0};
}

void pl_schedule_add(struct pl_schedule *s, struct pl_schedule_entry *e, int64_t period_ns, uint64_t hash, int64_t now_ns)
{
	pl_schedule_remove(s, e);
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : FIRST_CAPACITY;
		s->heap = pl_realloc(s->heap, s->cap * sizeof *s->heap);
	}
	e->period_ns = period_ns;
	e->offset_ns = (int64_t)(hash % (uint64_t)period_ns);
	e->due_ns = next_moment(now_ns, period_ns, e->offset_ns);
	s->heap[s->n++] = e;
	sift_up(s, s->n - 1);
}

void pl_schedule_remove(struct pl_schedule *s, struct pl_schedule_entry *e)
{
	if (e->at == 0)
		return;
	size_t i = e->at - 1;
	struct pl_schedule_entry *last = s->heap[--s->n];
	e->at = 0;
	if (last == e)
		return;
	place(s, i, last);
	sift_up(s, i);
	sift_down(s, last->at - 1);
}

struct pl_schedule_entry *pl_schedule_next(struct pl_schedule *s, int64_t now_ns, int64_t *due_ns, uint64_t *skipped)
{
	if (s->n == 0 || s->heap[0]->due_ns > now_ns)
		return NULL;
	struct pl_schedule_entry *e = s->heap[0];
	uint64_t late = (uint64_t)((now_ns - e->due_ns) / e->period_ns);
	*due_ns = e->due_ns;
	*skipped = late;
	e->due_ns += (int64_t)(late + 1) * e->period_ns;
	sift_down(s, 0);
	return e;
}

int64_t pl_schedule_due(const struct pl_schedule *s)
{
	return s->n > 0 ? s->heap[0]->due_ns : INT64_MAX;
}

void pl_schedule_realign(struct pl_schedule *s, int64_t now_ns)
{
	for (size_t i = 0; i < s->n; i++)
		s->heap[i]->due_ns = next_moment(now_ns, s->heap[i]->period_ns, s->heap[i]->offset_ns);
	for (size_t i = s->n / 2; i-- > 0;)
		sift_down(s, i);
}
