/* What became of each series of one target under metric_relabel_configs, so that the rules run once for a new series only.
 *
 * The key is the 64-bit hash of the series' text as it stands on the page; two series of one target with the same hash (chance:
 * n^2 / 2^65 for n series) would share one fate. Pages keep their order from scrape to scrape, so that the entry behind the last
 * one found is tried before the table is asked. */
#ifndef PL_IN_SCRAPE_SERIES_CACHE_H
#define PL_IN_SCRAPE_SERIES_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bounds memory: what does not fit is relabeled anew in every scrape. */
enum { PL_SERIES_CACHE_TARGET_BYTES = 64 * 1024 * 1024, PL_SERIES_CACHE_WORKER_BYTES = 256 * 1024 * 1024 };

/* Shared by all caches of a worker. */
struct pl_series_budget {
	size_t most, used; /* bytes */
	size_t series;     /* in all caches */
	uint64_t seed;     /* of the hashes: unknown to targets, which could craft collisions */
};

/* A series' fate: a line begins with its text, or its samples are dropped. */
enum { PL_SERIES_LINE, PL_SERIES_LINE_WITH_TARGET_TAGS, PL_SERIES_DROPPED };

struct pl_series_entry {
	uint64_t hash;
	uint32_t at; /* of its text */
	uint16_t n;
	uint8_t fate : 7; /* PL_SERIES_DROPPED + the reason, or PL_SERIES_LINE... */
	uint8_t live : 1; /* the last good page had it; for jobs that mark stale series */
	uint8_t seen;     /* low bits of the number of the scrape that saw it last */
};

/* Zero-initialise with a budget. */
struct pl_series_cache {
	struct pl_series_budget *budget; /* borrowed */
	size_t most;                     /* bytes; 0: PL_SERIES_CACHE_TARGET_BYTES */
	struct pl_series_entry *entries; /* in the order in which they came */
	size_t n, entries_cap;
	uint32_t *slots; /* index + 1 of an entry, 0: free; a power of two of them */
	size_t n_slots;
	char *text;
	size_t text_n, text_cap;
	size_t cursor; /* the entry that is expected next */
	uint8_t scrape;
};

void pl_series_cache_finish(struct pl_series_cache *c);

/* Slower than pl_series_cache_find, which asks it. */
struct pl_series_entry *pl_series_cache_look_up(struct pl_series_cache *c, uint64_t hash);

/* The entry, marked as seen, or NULL. Borrowed until the next change. */
static inline const struct pl_series_entry *pl_series_cache_find(struct pl_series_cache *c, uint64_t hash)
{
	struct pl_series_entry *e;
	if (c->cursor < c->n && c->entries[c->cursor].hash == hash) {
		e = &c->entries[c->cursor];
	} else {
		e = pl_series_cache_look_up(c, hash);
		if (e == NULL)
			return NULL;
		c->cursor = (size_t)(e - c->entries);
	}
	c->cursor++;
	e->seen = c->scrape;
	return e;
}

static inline struct pl_str pl_series_cache_text(const struct pl_series_cache *c, const struct pl_series_entry *e)
{
	return e->n > 0 ? (struct pl_str){c->text + e->at, e->n} : (struct pl_str){NULL, 0};
}

/* Adds a series that is not there, with at most 65535 bytes of text. False when a bound is reached. */
bool pl_series_cache_add(struct pl_series_cache *c, uint64_t hash, uint8_t fate, struct pl_str text);

/* A new page begins. */
static inline void pl_series_cache_rewind(struct pl_series_cache *c)
{
	c->cursor = 0;
}

/* The scrape is over and the next one has a new number. */
static inline void pl_series_cache_turn(struct pl_series_cache *c)
{
	c->scrape++;
}

/* The page was no good: nothing on it counts as seen. */
void pl_series_cache_take_back(struct pl_series_cache *c);

/* This one series does not count as seen, for it was not let in. */
void pl_series_cache_refuse(struct pl_series_cache *c, uint64_t hash);

/* The page was good: calls `fn` with each series that the last good page had and this one has not. Before the turn. */
void pl_series_cache_end_page(struct pl_series_cache *c, void (*fn)(void *data, const struct pl_series_entry *e), void *data);

/* Forgets what the last `age` scrapes (1 to 100) did not see, and gives its memory back. To be called at least every 100 turns,
 * after a turn. */
void pl_series_cache_sweep(struct pl_series_cache *c, uint8_t age);

#endif
