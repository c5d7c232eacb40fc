/* How long to wait before trying again: doubling, bounded, jittered. */
#ifndef PL_PIPELINE_BACKOFF_H
#define PL_PIPELINE_BACKOFF_H

#include <stdint.h>

struct pl_backoff {
	int64_t first_ns, most_ns;
	uint64_t seed;     /* any; advanced by each wait */
	unsigned failures; /* in a row; 0 after pl_backoff_reset */
};

/* The next wait: first * 2^failures, at most `most`, times a random factor of 0.5 to 1; but at least `asked_ns` (itself bounded
 * by an hour). */
int64_t pl_backoff_next(struct pl_backoff *b, int64_t asked_ns);
void pl_backoff_reset(struct pl_backoff *b);

#endif
