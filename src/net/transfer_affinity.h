/* Which curl multi serves which affinity.
 *
 * curl walks all connections and names of a multi in many of its calls, so each gets a bounded number of affinities, and a
 * further multi is made when all are full. */
#ifndef PL_NET_TRANSFER_AFFINITY_H
#define PL_NET_TRANSFER_AFFINITY_H

#include <stdint.h>
#include <sys/queue.h>

struct pl_transfer_pool;

struct pl_transfer_affinity {
	LIST_ENTRY(pl_transfer_affinity) of_bucket;
	struct pl_transfer_multi *multi;
	int64_t used_ns; /* monotonic, when its last flight ended */
	uint32_t number;
	unsigned in_flight;
};

LIST_HEAD(pl_transfer_affinity_list, pl_transfer_affinity);

struct pl_transfer_affinities { /* zero-initialise */
	struct pl_transfer_affinity_list *buckets;
	unsigned n_buckets, n;
};

/* Finds or adds it, and counts a flight. */
struct pl_transfer_affinity *pl_transfer_affinity_enter(struct pl_transfer_pool *pool, uint32_t number);
void pl_transfer_affinity_leave(struct pl_transfer_affinity *a);

/* Forgets those without a flight that were last used before `before_ns` and closes multis that serve none. */
void pl_transfer_affinities_sweep(struct pl_transfer_pool *pool, int64_t before_ns);

#endif
