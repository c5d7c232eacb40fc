/* All subscriptions, found by the tags of a value: a set waits at that one of its tags where the fewest others wait, so that a
 * value is compared with few of them. */
#ifndef PL_LIVE_INDEX_H
#define PL_LIVE_INDEX_H

#include "live/wish.h"

struct pl_live_index;

/* One subscriber. The caller's memory, zero-initialised; its wish must not change while it is in the index. */
struct pl_live_subscriber {
	struct pl_live_wish wish;
	/* The index's. */
	struct pl_live_place *places[PL_LIVE_MAX_SETS];
	struct pl_live_place *everything; /* where one waits that wants no tag in particular */
	uint64_t last_found;
};

struct pl_live_index *pl_live_index_create(void);
void pl_live_index_destroy(struct pl_live_index *x); /* when empty */

void pl_live_index_add(struct pl_live_index *x, struct pl_live_subscriber *s);
void pl_live_index_remove(struct pl_live_index *x, struct pl_live_subscriber *s);

/* Calls `found` once for each subscriber that wants the message; it must not change the index. Messages must come with rising
 * numbers. */
void pl_live_index_match(struct pl_live_index *x, const struct pl_live_message *m,
			 void (*found)(struct pl_live_subscriber *s, void *data), void *data);

#endif
