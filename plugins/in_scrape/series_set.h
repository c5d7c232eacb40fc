/* The series that a target is known to have, as hashes of their text on the page: 8 bytes for each slot of a table that is
 * filled to three quarters at most. 56 bits of the hash count: of a million series, two share one with a chance of 1 : 140,000,
 * and then both are known when one is. */
#ifndef PL_IN_SCRAPE_SERIES_SET_H
#define PL_IN_SCRAPE_SERIES_SET_H

#include <stddef.h>
#include <stdint.h>

enum pl_series_admission { PL_SERIES_KNOWN, PL_SERIES_NEW, PL_SERIES_REFUSED };

/* Zero-initialise. */
struct pl_series_set {
	uint64_t *slots; /* high 56 bits: of the hash; low 8: number of the scrape that saw it last. 0: free */
	size_t n_slots, n;
	uint8_t scrape;
};

void pl_series_set_finish(struct pl_series_set *s);

/* A series that is not known is taken in while there are fewer than `limit`. */
enum pl_series_admission pl_series_set_admit(struct pl_series_set *s, uint64_t hash, uint64_t limit);

/* As pl_series_cache_turn and pl_series_cache_sweep. */
static inline void pl_series_set_turn(struct pl_series_set *s)
{
	s->scrape++;
}
void pl_series_set_sweep(struct pl_series_set *s, uint8_t age);

#endif
