/* Batches that wait for one output, in memory and bounded. Any thread puts in; all else is for the output's thread alone, but
 * pl_queue_account, which is for anyone.
 *
 * Three lanes, each first in first out: what came last is live; what could not be delivered for a while stands behind; lines
 * that the server takes on some later day are held. With a disk (pipeline/journal.h) each batch is written there first. What is
 * on disk need not stay in memory: it is let go when it gets old or memory runs short, and read again. */
#ifndef PL_PIPELINE_QUEUE_H
#define PL_PIPELINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/batch.h"
#include "pipeline/drop.h"
#include "pipeline/lane.h"
#include "pipeline/spool.h"

/* Taken at one moment: points_in = points_out + points_queued + points_quarantined + sum of dropped. What is being delivered
 * counts as queued. With a disk it counts from the making of the spool's directory. */
struct pl_queue_account {
	uint64_t points_in, points_out, points_queued, points_quarantined, dropped[PL_DROP_COUNT];
	uint64_t bytes_in, bytes_out;                       /* of this process */
	uint64_t bytes_queued, bytes_limit, batches_queued; /* in memory */
	uint64_t live_points, live_bytes, held_points;      /* of these; held: in memory */
	uint64_t memory_only_points;                        /* queued, and gone if the process were killed now */
	int64_t oldest_mono_ns;                             /* in memory; 0: empty */
	bool has_disk;
	uint64_t on_disk_only; /* records that wait on disk and are not in memory */
	struct pl_spool_account disk;
};

enum pl_lane_name { PL_LANE_LIVE, PL_LANE_BEHIND, PL_LANE_HELD, PL_LANES };

struct pl_queue;

struct pl_queue *pl_queue_create(uint64_t max_bytes, enum pl_drop_policy policy);
void pl_queue_destroy(struct pl_queue *q); /* whatever is left is released; count it first with pl_queue_abandon */

/* Shares the batch. True when the output's thread is to be woken: to write it to the disk, or because it was idle, or because
 * there is now as much as pl_queue_wait_for asked for. */
bool pl_queue_put(struct pl_queue *q, struct pl_batch *b);

/* Is there a reason to let more batches gather? True when the live lane holds something, but less than `bytes`, and nothing that
 * was sealed before `before_mono_ns`. The put that reaches them wakes the reader; one that lends, or asks again, waits no more.
 */
bool pl_queue_wait_for(struct pl_queue *q, uint64_t bytes, int64_t before_mono_ns);

/* Lends out the oldest batches of one route of a lane, at least one and at most `max_bytes` of them (0: none ready): `out` has
 * room for `cap`. They stay accounted as queued, and no bound touches them, until pl_queue_settle or pl_queue_take_back. */
size_t pl_queue_lend(struct pl_queue *q, enum pl_lane_name lane, size_t max_bytes, struct pl_lane_item *out, size_t cap);

/* The n lent ones are gone as `outcomes` say. Those on disk were settled there before: `disk` is its account now (NULL: there is
 * none). `held` (NULL: none; takes it): lines of those not on disk that the outcomes count as moved. */
void pl_queue_settle(struct pl_queue *q, enum pl_lane_name lane, size_t n, const struct pl_spool_outcome *outcomes,
		     struct pl_batch *held, const struct pl_spool_account *disk);
void pl_queue_take_back(struct pl_queue *q, enum pl_lane_name lane); /* nothing became of the lent ones */

/* Delivering fails: batches older than `before_mono_ns` leave the live lane, and those on disk also beyond `most_bytes`. Does
 * nothing while something of the lane is lent. */
void pl_queue_shed(struct pl_queue *q, int64_t before_mono_ns, uint64_t most_bytes);

/* Drops what is older and on no disk. */
void pl_queue_expire(struct pl_queue *q, int64_t before_mono_ns);

void pl_queue_abandon(struct pl_queue *q, enum pl_drop why); /* drops everything that is on no disk, counted; lets go the rest */
void pl_queue_set_limit(struct pl_queue *q, uint64_t max_bytes, enum pl_drop_policy policy);
struct pl_queue_account pl_queue_account(const struct pl_queue *q);

/* `to` will go on with all that `from` has: until pl_queue_inherit its account shows that of `from` as well, which must live so
 * long (or longer than `to`). */
void pl_queue_expect(struct pl_queue *to, const struct pl_queue *from);

/* `to` goes on with all that `from` has, its account and the disk's included. Nothing of `from` may be lent; with a disk nothing
 * of `to` was lent or written yet. */
void pl_queue_inherit(struct pl_queue *to, struct pl_queue *from);

/* ---- with a disk ---- */

/* From now on nothing is lent before it is written. */
void pl_queue_use_disk(struct pl_queue *q, const struct pl_spool_account *disk);
void pl_queue_publish(struct pl_queue *q, const struct pl_spool_account *disk,
		      uint64_t bytes_out); /* the disk's account changed */

/* The next batch to be written (shares it), until one of the three calls below says how it went. False: there is none. */
bool pl_queue_unwritten(struct pl_queue *q, struct pl_batch **b);
void pl_queue_written(struct pl_queue *q, struct pl_spool_ref ref, const struct pl_spool_account *disk);
void pl_queue_unwritable(struct pl_queue *q);  /* the disk is full by its bound, and its policy drops the newest */
void pl_queue_not_written(struct pl_queue *q); /* trouble: all that is here may be lent without */

/* Lets go what was on disk in segments of which `is_there` says no: the disk's bound dropped it, so it is not delivered either.
 */
void pl_queue_forget_dropped(struct pl_queue *q, bool (*is_there)(void *data, uint64_t segment), void *data);

/* The oldest batch on disk that is in memory as well: what waits before it on disk is there only. {0}: none. `*forgotten`: how
 * many batches memory has let go to the disk so far. */
struct pl_spool_ref pl_queue_first_written(const struct pl_queue *q, uint64_t *forgotten);

#endif
