/* Batches that wait for one output: bounded, in memory, oldest first. Any thread puts in, the output's thread takes out.
 * (The disk part of it will stand behind this same interface.) */
#ifndef PL_PIPELINE_QUEUE_H
#define PL_PIPELINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/batch.h"
#include "pipeline/drop.h"

/* Taken at one moment: points_in = points_out + points_queued + sum of dropped. What is being delivered counts as queued. */
struct pl_queue_account {
	uint64_t points_in, points_out, points_queued, dropped[PL_DROP_COUNT];
	uint64_t bytes_in, bytes_out, bytes_queued, bytes_limit;
	uint64_t batches_queued;
	int64_t oldest_mono_ns; /* 0: empty */
};

struct pl_queue;

struct pl_queue *pl_queue_create(uint64_t max_bytes, enum pl_drop_policy policy);
void pl_queue_destroy(struct pl_queue *q); /* whatever is left is released; count it first with pl_queue_abandon */

/* Shares the batch. True when its reader should be woken: the queue was idle before, or now holds what pl_queue_wait_for asked.
 */
bool pl_queue_put(struct pl_queue *q, struct pl_batch *b);

/* For a reader that has a reason to let more batches gather: true when the queue holds something, but less than `bytes`. The put
 * that reaches them wakes the reader; one that lends, or asks again, waits no more. */
bool pl_queue_wait_for(struct pl_queue *q, uint64_t bytes);

/* Lends out the oldest batches of one route, at least one and at most `max_bytes` of them (0: empty): `out` has room for `cap`.
 * They stay accounted as queued, and drop_oldest passes them by, until pl_queue_settle. */
size_t pl_queue_lend(struct pl_queue *q, size_t max_bytes, struct pl_batch **out, size_t cap);

/* What became of the lent ones: the first `n_done` are gone, `refused` of their points dropped for reason `why`, the rest counted
 * as out; those behind them stay at the front. */
void pl_queue_settle(struct pl_queue *q, size_t n_done, uint32_t refused, enum pl_drop why);

/* The first lent batch was too large for the server: puts its two halves in its place and takes back what was lent. False when it
 * holds but one line. */
bool pl_queue_split_first(struct pl_queue *q);

/* Hands everything that waits in `from` over to `to`, by the rules of pl_queue_put; `from` counts it as out. Returns the points
 * moved. Nothing may be lent. */
uint64_t pl_queue_move(struct pl_queue *from, struct pl_queue *to);

void pl_queue_abandon(struct pl_queue *q, enum pl_drop why); /* drops everything that is left, counted */
void pl_queue_set_limit(struct pl_queue *q, uint64_t max_bytes, enum pl_drop_policy policy);
struct pl_queue_account pl_queue_account(const struct pl_queue *q);

#endif
