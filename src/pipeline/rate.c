#include "pipeline/rate.h"

#include "base/clock.h"

static const int64_t step_ns = 5 * PL_NS_PER_S;

double pl_rate_update(struct pl_rate *r, int64_t mono_ns, uint64_t value)
{
	size_t newest = (r->next + PL_RATE_SAMPLES - 1) % PL_RATE_SAMPLES;
	if (r->n > 0 && value < r->samples[newest].value)
		r->n = r->next = 0; /* the counter began anew */
	if (r->n == 0 || mono_ns - r->samples[newest].mono_ns >= step_ns) {
		r->samples[r->next].mono_ns = mono_ns;
		r->samples[r->next].value = value;
		r->next = (r->next + 1) % PL_RATE_SAMPLES;
		r->n += r->n < PL_RATE_SAMPLES;
	}
	size_t oldest = r->n < PL_RATE_SAMPLES ? 0 : r->next;
	int64_t passed = mono_ns - r->samples[oldest].mono_ns;
	return passed > 0 ? (double)(value - r->samples[oldest].value) * (double)PL_NS_PER_S / (double)passed : 0;
}
