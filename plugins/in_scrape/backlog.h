/* What a large page has passed on and the outputs still hold: as long as that is much, the page takes no more bytes in, so that
 * its memory is bounded whatever its size. But outputs that do not move must not hold up a scrape: their queues are there to keep
 * the points. */
#ifndef PL_IN_SCRAPE_BACKLOG_H
#define PL_IN_SCRAPE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/plugin.h"

/* So much that an output, which likes to gather as many bytes for one delivery, has no reason to wait for more. */
enum { PL_SCRAPE_BACKLOG_BYTES = 1024 * 1024, PL_SCRAPE_BACKLOG_BATCHES = 8 };

/* Without a batch done for so long, the outputs count as not moving. */
#define PL_SCRAPE_BACKLOG_STALL_NS PL_NS_PER_S

struct pl_scrape_backlog {                                   /* zero-initialise */
	struct pl_batch *batches[PL_SCRAPE_BACKLOG_BATCHES]; /* shared; oldest first */
	size_t n;
	int64_t patience_ns;   /* left of the page's, for all its waits */
	int64_t asked_mono_ns; /* 0: does not wait; else when it was last asked */
	int64_t moved_mono_ns; /* while it waits: when a batch was done or the wait began */
};

void pl_scrape_backlog_begin(struct pl_scrape_backlog *b, int64_t patience_ns);
void pl_scrape_backlog_add(struct pl_scrape_backlog *b, struct pl_batch *batch); /* takes the reference */
void pl_scrape_backlog_end(struct pl_scrape_backlog *b);

/* Lets go of what all outputs are done with. Should the page wait? Asked again and again while it does. */
bool pl_scrape_backlog_is_long(struct pl_scrape_backlog *b, int64_t mono_ns);

#endif
