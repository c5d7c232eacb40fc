#include "pipeline/backoff.h"

enum { MOST_DOUBLINGS = 30 };
static const int64_t longest_asked_ns = INT64_C(3600) * 1000000000;

/* splitmix64: enough to keep many daemons from asking in step */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

int64_t pl_backoff_next(struct pl_backoff *b, int64_t asked_ns)
{
	int64_t wait = b->first_ns;
	for (unsigned i = 0; i < b->failures && i < MOST_DOUBLINGS && wait < b->most_ns; i++)
		wait *= 2;
	if (wait > b->most_ns)
		wait = b->most_ns;
	b->failures++;
	wait = wait / 2 + (int64_t)(next_random(&b->seed) % (uint64_t)(wait / 2 + 1));
	if (asked_ns > longest_asked_ns)
		asked_ns = longest_asked_ns;
	return wait > asked_ns ? wait : asked_ns;
}

void pl_backoff_reset(struct pl_backoff *b)
{
	b->failures = 0;
}
