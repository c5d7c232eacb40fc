#include "in_scrape/series_set.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_SLOTS = 64, SEEN_BITS = 8 };
static const uint64_t seen_mask = (UINT64_C(1) << SEEN_BITS) - 1;

void pl_series_set_finish(struct pl_series_set *s)
{
	free(s->slots);
	*s = (struct pl_series_set){0};
}

/* The hash's part of a slot; never 0, which means free. */
static uint64_t key_of(uint64_t hash)
{
	uint64_t key = hash & ~seen_mask;
	return key != 0 ? key : seen_mask + 1;
}

/* Where the key stands, or would. */
static uint64_t *slot_of(const struct pl_series_set *s, uint64_t key)
{
	size_t i = (size_t)(key >> SEEN_BITS) & (s->n_slots - 1);
	while (s->slots[i] != 0 && (s->slots[i] & ~seen_mask) != key)
		i = (i + 1) & (s->n_slots - 1);
	return &s->slots[i];
}

/* Moves what the last `age` scrapes saw to a table of its own. */
static void rebuild(struct pl_series_set *s, size_t n_slots, uint8_t age)
{
	uint64_t *old = s->slots;
	size_t n_old = s->n_slots;
	s->slots = pl_calloc(n_slots, sizeof *s->slots);
	s->n_slots = n_slots;
	s->n = 0;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i] == 0 || (uint8_t)(s->scrape - (old[i] & seen_mask)) > age)
			continue;
		*slot_of(s, old[i] & ~seen_mask) = old[i];
		s->n++;
	}
	free(old);
}

enum pl_series_admission pl_series_set_admit(struct pl_series_set *s, uint64_t hash, uint64_t limit)
{
	uint64_t key = key_of(hash);
	if (s->n_slots > 0) {
		uint64_t *slot = slot_of(s, key);
		if (*slot != 0) {
			*slot = key | s->scrape;
			return PL_SERIES_KNOWN;
		}
	}
	if (s->n >= limit)
		return PL_SERIES_REFUSED;
	if (s->n + 1 > s->n_slots / 4 * 3)
		rebuild(s, s->n_slots > 0 ? 2 * s->n_slots : FIRST_SLOTS, UINT8_MAX);
	*slot_of(s, key) = key | s->scrape;
	s->n++;
	return PL_SERIES_NEW;
}

void pl_series_set_sweep(struct pl_series_set *s, uint8_t age)
{
	size_t stay = 0, n_slots = FIRST_SLOTS;
	for (size_t i = 0; i < s->n_slots; i++)
		stay += s->slots[i] != 0 && (uint8_t)(s->scrape - (s->slots[i] & seen_mask)) <= age;
	if (stay == s->n)
		return;
	while (n_slots / 4 * 3 < stay + 1)
		n_slots *= 2;
	rebuild(s, n_slots, age);
}
