/* Takes live values from any thread and keeps the newest of them, numbered, in a bounded ring that every listener reads at its
 * own pace. */
#ifndef PL_LIVE_HUB_H
#define PL_LIVE_HUB_H

#include "pipeline/live_message.h"

struct pl_live_hub;

struct pl_live_hub_options {
	size_t max_values; /* kept for those who read late; rounded up to a power of two; 0: 16384 */
	size_t max_bytes;  /* of them all; the newest one stays whatever its size; 0: 8 MiB */
};

struct pl_live_hub *pl_live_hub_create(const struct pl_live_hub_options *options);
void pl_live_hub_destroy(struct pl_live_hub *h); /* when nobody publishes or listens any more */

struct pl_live_tap *pl_live_hub_tap(struct pl_live_hub *h);
struct pl_live_feed *pl_live_hub_feed(struct pl_live_hub *h);

/* Any thread: shares up to `room` messages from number *from on, and sets it to the number behind the last one. Adds to *missed
 * what was overwritten before. */
size_t pl_live_hub_replay(struct pl_live_hub *h, uint64_t *from, struct pl_live_message **out, size_t room, uint64_t *missed);

struct pl_live_hub_stats {
	uint64_t published;   /* messages that got a number */
	uint64_t missed;      /* by listeners that read too late; one that several missed counts for each */
	uint64_t too_large;   /* values refused */
	uint64_t first, next; /* numbers of the oldest message in the ring and of the next one to come */
	size_t bytes;         /* of what is in the ring */
	unsigned listeners;
};
struct pl_live_hub_stats pl_live_hub_stats(struct pl_live_hub *h); /* any thread */

#endif
