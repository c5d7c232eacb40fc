/* How fast a counter grows, over about the last minute. */
#ifndef PL_PIPELINE_RATE_H
#define PL_PIPELINE_RATE_H

#include <stddef.h>
#include <stdint.h>

enum { PL_RATE_SAMPLES = 13 };

/* Zero-initialise. */
struct pl_rate {
	struct {
		int64_t mono_ns;
		uint64_t value;
	} samples[PL_RATE_SAMPLES];
	size_t n, next;
};

/* Tells the counter's value now and returns its growth per second; keeps one value in five seconds. */
double pl_rate_update(struct pl_rate *r, int64_t mono_ns, uint64_t value);

#endif
