#include "out_influxdb/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { FIRST_SLOTS = 64, LONGEST_REASON = 255 };

static const int64_t sweep_every = 10 * PL_NS_PER_S;

void pl_influx_known_finish(struct pl_influx_known *k)
{
	for (size_t i = 0; i < k->cap; i++)
		free(k->slots[i].reason);
	free(k->slots);
	k->slots = NULL;
	k->n = k->cap = 0;
}

/* Where the key is, or the free slot where it would be. cap > n. */
static struct pl_influx_known_entry *slot_of(struct pl_influx_known_entry *slots, size_t cap, uint64_t key)
{
	size_t i = (size_t)key & (cap - 1);
	while (slots[i].key != 0 && slots[i].key != key)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static uint64_t key_of(uint64_t key)
{
	return key != 0 ? key : 1;
}

/* Moves those that live on into a table of `cap` slots; 0: frees all. */
static void rebuild(struct pl_influx_known *k, size_t cap, int64_t now_ns)
{
	struct pl_influx_known_entry *slots = cap > 0 ? pl_calloc(cap, sizeof *slots) : NULL;
	size_t n = 0;
	for (size_t i = 0; i < k->cap; i++) {
		struct pl_influx_known_entry *e = &k->slots[i];
		if (e->key == 0 || e->until_ns <= now_ns || cap == 0) {
			free(e->reason);
			continue;
		}
		*slot_of(slots, cap, e->key) = *e;
		n++;
	}
	free(k->slots);
	k->slots = slots;
	k->cap = cap;
	k->n = n;
}

static size_t living(const struct pl_influx_known *k, int64_t now_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < k->cap; i++)
		n += k->slots[i].key != 0 && k->slots[i].until_ns > now_ns;
	return n;
}

void pl_influx_known_sweep(struct pl_influx_known *k, int64_t now_ns)
{
	if (k->n == 0 || now_ns < k->sweep_at_ns)
		return;
	k->sweep_at_ns = now_ns + sweep_every;
	size_t n = living(k, now_ns), cap = FIRST_SLOTS;
	if (n == k->n)
		return;
	while (cap < 2 * n + 2)
		cap *= 2;
	rebuild(k, n > 0 ? cap : 0, now_ns);
}

void pl_influx_known_add(struct pl_influx_known *k, uint64_t key, const char *reason, int64_t now_ns)
{
	key = key_of(key);
	struct pl_influx_known_entry *e = k->cap > 0 ? slot_of(k->slots, k->cap, key) : NULL;
	if (e == NULL || e->key == 0) {
		if (k->n >= k->most)
			return;
		if (2 * (k->n + 1) > k->cap)
			rebuild(k, k->cap > 0 ? 2 * k->cap : FIRST_SLOTS, now_ns);
		e = slot_of(k->slots, k->cap, key);
		*e = (struct pl_influx_known_entry){.key = key};
		k->n++;
	}
	e->until_ns = now_ns + k->keep_ns;
	if (reason != NULL && (e->reason == NULL || strcmp(e->reason, reason) != 0)) {
		free(e->reason);
		e->reason = pl_strndup(reason, strnlen(reason, LONGEST_REASON));
		e->lent_to = 0;
	}
}

bool pl_influx_known_has(const struct pl_influx_known *k, uint64_t key, int64_t now_ns)
{
	if (k->n == 0)
		return false;
	const struct pl_influx_known_entry *e = slot_of(k->slots, k->cap, key_of(key));
	return e->key != 0 && e->until_ns > now_ns;
}

/* The slot stays taken until the next sweep, so that what was put behind it is still found. */
void pl_influx_known_forget(struct pl_influx_known *k, uint64_t key)
{
	if (k->n == 0)
		return;
	struct pl_influx_known_entry *e = slot_of(k->slots, k->cap, key_of(key));
	if (e->key != 0)
		e->until_ns = INT64_MIN;
}

const char *pl_influx_known_reason(struct pl_influx_known *k, uint64_t key, struct pl_arena *arena, uint64_t borrower)
{
	if (k->n == 0)
		return NULL;
	struct pl_influx_known_entry *e = slot_of(k->slots, k->cap, key_of(key));
	if (e->key == 0 || e->reason == NULL)
		return NULL;
	if (e->lent_to != borrower) {
		e->lent = pl_arena_strdup(arena, e->reason);
		e->lent_to = borrower;
	}
	return e->lent;
}
