#include "in_scrape/history.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { SAMPLES_BITS = 28, MOST_SAMPLES = (1 << SAMPLES_BITS) - 1 };

static const int64_t ns_per_us = 1000;

struct pl_scrape_packed {
	int32_t ms; /* since the one before */
	uint32_t us;
	uint32_t samples : SAMPLES_BITS, result : 32 - SAMPLES_BITS;
};

void pl_scrape_history_init(struct pl_scrape_history *h)
{
	*h = (struct pl_scrape_history){.v = pl_calloc(PL_TARGET_OUTCOMES, sizeof *h->v)};
}

void pl_scrape_history_finish(struct pl_scrape_history *h)
{
	free(h->v);
	*h = (struct pl_scrape_history){0};
}

static int64_t bounded(int64_t v, int64_t least, int64_t most)
{
	return v < least ? least : v > most ? most : v;
}

void pl_scrape_history_add(struct pl_scrape_history *h, const struct pl_target_outcome *o)
{
	int64_t ms = o->wall_ns / PL_NS_PER_MS;
	if (h->n == 0)
		h->last_ms = ms;
	int64_t step = bounded(ms - h->last_ms, INT32_MIN, INT32_MAX);
	h->v[h->next] = (struct pl_scrape_packed){
	    .ms = (int32_t)step,
	    .us = (uint32_t)bounded(o->duration_ns / ns_per_us, 0, UINT32_MAX),
	    .samples = (uint32_t)bounded(o->samples, 0, MOST_SAMPLES) & MOST_SAMPLES,
	    .result = (unsigned)o->result & 15,
	};
	/* The newest is right, whatever was cut: a jump of the clock only makes those before it look closer. */
	h->last_ms = ms;
	h->next = (uint8_t)((h->next + 1) % PL_TARGET_OUTCOMES);
	h->n = (uint8_t)(h->n < PL_TARGET_OUTCOMES ? h->n + 1 : h->n);
}

size_t pl_scrape_history_read(const struct pl_scrape_history *h, struct pl_target_outcome out[PL_TARGET_OUTCOMES])
{
	int64_t ms = h->last_ms;
	for (size_t i = h->n; i > 0; i--) {
		const struct pl_scrape_packed *p = &h->v[(h->next + 2 * PL_TARGET_OUTCOMES - h->n + i - 1) % PL_TARGET_OUTCOMES];
		out[i - 1] = (struct pl_target_outcome){
		    .wall_ns = ms * PL_NS_PER_MS,
		    .duration_ns = p->us * ns_per_us,
		    .samples = p->samples,
		    .result = (enum pl_scrape_result)p->result,
		};
		ms -= p->ms;
	}
	return h->n;
}
