/* A row of batches in memory, oldest first. Not locked; pl_queue guards its lanes. */
#ifndef PL_PIPELINE_LANE_H
#define PL_PIPELINE_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/batch.h"
#include "pipeline/spool.h"

struct pl_lane_item {
	struct pl_batch *batch;
	struct pl_spool_ref ref; /* where it is on disk; segment 0: nowhere */
};

/* Zero-initialise. 0 <= written <= ready <= n; what is lent is ready. */
struct pl_lane {
	struct pl_lane_item *ring;
	size_t slots, head, n; /* slots is a power of two */
	size_t lent;           /* so many of the first are being delivered */
	size_t written;        /* so many of the first are on disk */
	size_t ready;          /* so many of the first may be delivered */
	uint64_t points, bytes;
	uint64_t cost;           /* bytes with overhead */
	uint64_t written_points; /* of the first `written` */
};

/* What a batch costs in memory beside its lines: the struct, two heap headers, its place in the ring. */
enum { PL_BATCH_OVERHEAD = sizeof(struct pl_batch) + 64 };

static inline uint64_t pl_batch_cost(const struct pl_batch *b)
{
	return b->n + PL_BATCH_OVERHEAD;
}

static inline struct pl_lane_item *pl_lane_at(const struct pl_lane *l, size_t i)
{
	return &l->ring[(l->head + i) & (l->slots - 1)];
}

void pl_lane_finish(struct pl_lane *l); /* releases what is left */

void pl_lane_push(struct pl_lane *l, struct pl_lane_item item);        /* takes the reference; not ready */
void pl_lane_mark_written(struct pl_lane *l, struct pl_spool_ref ref); /* the first that is not; becomes ready too */

/* The reference is the caller's. `i` is small or 0: those before it move. */
struct pl_lane_item pl_lane_take(struct pl_lane *l, size_t i);

#endif
