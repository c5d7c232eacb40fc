#include "in_scrape/series_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_ENTRIES = 64, FIRST_TEXT = 4096 };

static size_t bytes_of(size_t entries, size_t slots, size_t text)
{
	return entries * sizeof(struct pl_series_entry) + slots * sizeof(uint32_t) + text;
}

static size_t bytes(const struct pl_series_cache *c)
{
	return bytes_of(c->entries_cap, c->n_slots, c->text_cap);
}

void pl_series_cache_finish(struct pl_series_cache *c)
{
	c->budget->used -= bytes(c);
	c->budget->series -= c->n;
	free(c->entries);
	free(c->slots);
	free(c->text);
	*c = (struct pl_series_cache){.budget = c->budget, .most = c->most};
}

static size_t slot_of(const struct pl_series_cache *c, uint64_t hash)
{
	size_t i = (size_t)hash & (c->n_slots - 1);
	while (c->slots[i] != 0 && c->entries[c->slots[i] - 1].hash != hash)
		i = (i + 1) & (c->n_slots - 1);
	return i;
}

struct pl_series_entry *pl_series_cache_look_up(struct pl_series_cache *c, uint64_t hash)
{
	if (c->n == 0)
		return NULL;
	uint32_t found = c->slots[slot_of(c, hash)];
	return found != 0 ? &c->entries[found - 1] : NULL;
}

/* At most three quarters of the slots are taken. */
static size_t slots_for(size_t entries)
{
	size_t n = FIRST_ENTRIES;
	while (n / 4 * 3 < entries)
		n *= 2;
	return n;
}

static void fill_slots(struct pl_series_cache *c, size_t n_slots)
{
	free(c->slots);
	c->slots = pl_calloc(n_slots, sizeof *c->slots);
	c->n_slots = n_slots;
	for (size_t i = 0; i < c->n; i++)
		c->slots[slot_of(c, c->entries[i].hash)] = (uint32_t)i + 1;
}

static size_t grown(size_t cap, size_t needed, size_t first)
{
	if (needed <= cap)
		return cap;
	cap += cap / 2 + first;
	return cap < needed ? needed : cap;
}

/* Room for one more; false when that would exceed a bound. */
static bool make_room(struct pl_series_cache *c, size_t text)
{
	size_t most = c->most > 0 ? c->most : PL_SERIES_CACHE_TARGET_BYTES;
	size_t entries_cap = grown(c->entries_cap, c->n + 1, FIRST_ENTRIES);
	size_t text_cap = grown(c->text_cap, c->text_n + text, FIRST_TEXT);
	size_t n_slots = c->n + 1 > c->n_slots / 4 * 3 ? slots_for(c->n + 1) : c->n_slots;
	size_t now = bytes(c), then = bytes_of(entries_cap, n_slots, text_cap);
	if (then == now)
		return true;
	if (then > most || c->budget->used - now + then > c->budget->most)
		return false;
	c->budget->used = c->budget->used - now + then;
	if (entries_cap > c->entries_cap)
		c->entries = pl_realloc(c->entries, entries_cap * sizeof *c->entries);
	if (text_cap > c->text_cap)
		c->text = pl_realloc(c->text, text_cap);
	c->entries_cap = entries_cap;
	c->text_cap = text_cap;
	if (n_slots > c->n_slots)
		fill_slots(c, n_slots);
	return true;
}

bool pl_series_cache_add(struct pl_series_cache *c, uint64_t hash, uint8_t fate, struct pl_str text)
{
	if (!make_room(c, text.n))
		return false;
	c->entries[c->n] = (struct pl_series_entry){
	    .hash = hash, .at = (uint32_t)c->text_n, .n = (uint16_t)text.n, .fate = fate & 0x7F, .seen = c->scrape};
	if (text.n > 0)
		memcpy(c->text + c->text_n, text.p, text.n);
	c->text_n += text.n;
	c->slots[slot_of(c, hash)] = (uint32_t)++c->n;
	c->budget->series++;
	return true;
}

void pl_series_cache_take_back(struct pl_series_cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->entries[i].seen == c->scrape)
			c->entries[i].seen--;
}

void pl_series_cache_refuse(struct pl_series_cache *c, uint64_t hash)
{
	struct pl_series_entry *e = pl_series_cache_look_up(c, hash);
	if (e != NULL)
		e->seen--;
}

void pl_series_cache_end_page(struct pl_series_cache *c, void (*fn)(void *data, const struct pl_series_entry *e), void *data)
{
	for (size_t i = 0; i < c->n; i++) {
		struct pl_series_entry *e = &c->entries[i];
		bool seen = e->seen == c->scrape && e->fate < PL_SERIES_DROPPED;
		if (e->live && !seen)
			fn(data, e);
		e->live = seen;
	}
}

/* Entries and text keep their order, so that what stays moves to the left only. */
static void compact(struct pl_series_cache *c, uint8_t age)
{
	size_t n = 0, text_n = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct pl_series_entry e = c->entries[i];
		if ((uint8_t)(c->scrape - e.seen) > age)
			continue;
		if (e.n > 0)
			memmove(c->text + text_n, c->text + e.at, e.n);
		e.at = (uint32_t)text_n;
		text_n += e.n;
		c->entries[n++] = e;
	}
	c->n = n;
	c->text_n = text_n;
}

void pl_series_cache_sweep(struct pl_series_cache *c, uint8_t age)
{
	size_t n = c->n, now = bytes(c);
	compact(c, age);
	if (c->n == n)
		return;
	if (c->n == 0) {
		c->budget->series -= n;
		c->n = 0;
		uint8_t scrape = c->scrape;
		pl_series_cache_finish(c);
		c->scrape = scrape;
		return;
	}
	c->budget->series -= n - c->n;
	c->entries_cap = c->n;
	c->entries = pl_realloc(c->entries, c->n * sizeof *c->entries);
	if (c->text_n > 0) {
		c->text_cap = c->text_n;
		c->text = pl_realloc(c->text, c->text_n);
	}
	fill_slots(c, slots_for(c->n));
	c->budget->used = c->budget->used - now + bytes(c);
}
