#include "targets/target_set.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void pl_target_set_finish(struct pl_target_set *s)
{
	assert(s->n == 0);
	free(s->slots);
	s->slots = NULL;
	s->cap = 0;
}

/* The slot of `key`, or the free one where it belongs. */
static size_t find(const struct pl_target_set *s, uint64_t key)
{
	size_t i = (size_t)key & (s->cap - 1);
	while (s->slots[i].target != NULL && s->slots[i].target->key != key)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static void grow(struct pl_target_set *s)
{
	struct pl_target_set old = *s;
	s->cap = old.cap == 0 ? 64 : old.cap * 2;
	s->slots = pl_calloc(s->cap, sizeof *s->slots);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].target != NULL)
			s->slots[find(s, old.slots[i].target->key)] = old.slots[i];
	free(old.slots);
}

struct pl_target *pl_target_set_name(struct pl_target_set *s, struct pl_target *t)
{
	if ((s->n + 1) * 4 > s->cap * 3)
		grow(s);
	struct pl_target_entry *e = &s->slots[find(s, t->key)];
	s->names++;
	e->names++;
	if (e->target != NULL) {
		pl_target_release(t);
		return e->target;
	}
	e->target = t;
	s->n++;
	s->events->add(s->data, t);
	return t;
}

/* Closes the gap at `gap`: moves back whatever probing would no longer find behind it. */
static void close_gap(struct pl_target_set *s, size_t gap)
{
	size_t mask = s->cap - 1;
	for (size_t i = (gap + 1) & mask; s->slots[i].target != NULL; i = (i + 1) & mask) {
		size_t home = (size_t)s->slots[i].target->key & mask;
		if (((i - home) & mask) >= ((i - gap) & mask)) {
			s->slots[gap] = s->slots[i];
			gap = i;
		}
	}
	s->slots[gap] = (struct pl_target_entry){0};
}

void pl_target_set_drop(struct pl_target_set *s, struct pl_target *t)
{
	size_t i = find(s, t->key);
	struct pl_target_entry *e = &s->slots[i];
	assert(e->target != NULL && e->names > 0);
	s->names--;
	if (--e->names > 0)
		return;
	struct pl_target *gone = e->target;
	close_gap(s, i);
	s->n--;
	s->events->remove(s->data, gone);
	pl_target_release(gone);
}
