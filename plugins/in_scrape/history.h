/* The last outcomes of a target, packed: 12 bytes each. */
#ifndef PL_IN_SCRAPE_HISTORY_H
#define PL_IN_SCRAPE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/plugin.h"

struct pl_scrape_packed;

struct pl_scrape_history {
	struct pl_scrape_packed *v; /* owned; a ring of PL_TARGET_OUTCOMES */
	int64_t last_ms;            /* of the newest one */
	uint8_t n, next;
};

/* Allocates the ring: what a target costs is there from the beginning, not from its first scrape. */
void pl_scrape_history_init(struct pl_scrape_history *h);
void pl_scrape_history_finish(struct pl_scrape_history *h);

/* Adds the newest, in place of the oldest when it is full. Times within 24 days of the one before, durations up to 71 minutes and
 * samples up to 268 million are kept as they are (to the millisecond and the microsecond); what is beyond is cut. */
void pl_scrape_history_add(struct pl_scrape_history *h, const struct pl_target_outcome *o);

/* Writes all of them, oldest first; returns how many. */
size_t pl_scrape_history_read(const struct pl_scrape_history *h, struct pl_target_outcome out[PL_TARGET_OUTCOMES]);

#endif
