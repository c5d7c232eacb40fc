#include "format/exposition_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 64, KEPT_CAPACITY = 1024 };

struct pl_exposition_set_slot {
	uint64_t hash; /* 0: free */
	size_t number;
};

void pl_exposition_set_finish(struct pl_exposition_set *s)
{
	free(s->slots);
	*s = (struct pl_exposition_set){0};
}

/* A large table is freed: clearing must not cost more than what was put in. */
void pl_exposition_set_clear(struct pl_exposition_set *s)
{
	if (s->cap > KEPT_CAPACITY) {
		pl_exposition_set_finish(s);
	} else if (s->n > 0) {
		memset(s->slots, 0, s->cap * sizeof *s->slots);
		s->n = 0;
	}
}

/* The slot of `hash`, or the free one where it would go. */
static struct pl_exposition_set_slot *find(const struct pl_exposition_set *s, uint64_t hash)
{
	size_t i = hash & (s->cap - 1);
	while (s->slots[i].hash != 0 && s->slots[i].hash != hash)
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static uint64_t never_zero(uint64_t hash)
{
	return hash != 0 ? hash : 1;
}

const size_t *pl_exposition_set_get(const struct pl_exposition_set *s, uint64_t hash)
{
	if (s->n == 0)
		return NULL;
	const struct pl_exposition_set_slot *slot = find(s, never_zero(hash));
	return slot->hash != 0 ? &slot->number : NULL;
}

static void grow(struct pl_exposition_set *s)
{
	struct pl_exposition_set bigger = {.n = s->n, .cap = s->cap > 0 ? s->cap * 2 : FIRST_CAPACITY};
	bigger.slots = pl_calloc(bigger.cap, sizeof *bigger.slots);
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].hash != 0)
			*find(&bigger, s->slots[i].hash) = s->slots[i];
	free(s->slots);
	*s = bigger;
}

enum pl_err pl_exposition_set_add(struct pl_exposition_set *s, uint64_t hash, size_t number)
{
	if (s->n >= PL_EXPOSITION_SET_MAX)
		return PL_ELIMIT;
	if (s->n * 4 >= s->cap * 3)
		grow(s);
	*find(s, never_zero(hash)) = (struct pl_exposition_set_slot){never_zero(hash), number};
	s->n++;
	return PL_OK;
}
