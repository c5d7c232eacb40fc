/* The disk side of an output's queue: writes batches ahead of their delivery, reads back what memory has let go, and lives
 * through trouble with the disk. On the output's thread, where it blocks for the disk. */
#ifndef PL_PIPELINE_JOURNAL_H
#define PL_PIPELINE_JOURNAL_H

#include "pipeline/queue.h"
#include "pipeline/spool.h"

struct pl_journal;

/* When to wait until what was written is on the medium. A killed process loses nothing in either case; a machine that loses power
 * may lose what is not there yet. */
enum pl_sync {
	PL_SYNC_NONE,     /* never: when the system likes to */
	PL_SYNC_INTERVAL, /* what has waited for a second */
	PL_SYNC_ALWAYS,   /* everything, before it is delivered */
};

struct pl_journal_options {
	struct pl_spool_options spool;
	enum pl_sync sync;
};

PL_MUST_CHECK enum pl_err pl_journal_open(struct pl_journal **out, const struct pl_journal_options *options, char *reason,
					  size_t reason_size);
void pl_journal_close(struct pl_journal *j);
void pl_journal_set_limits(struct pl_journal *j, const struct pl_spool_limits *limits, enum pl_sync sync);

/* Writes all of the queue that is not written yet. In trouble it tries again once a tick, and the queue goes on in memory. */
void pl_journal_write(struct pl_journal *j, struct pl_queue *q);

/* Once a second: what waited for it goes to the medium, what is too old goes, trouble is looked at again. */
void pl_journal_tick(struct pl_journal *j, struct pl_queue *q);

/* Everything that is written is on the medium when it returns, unless there is trouble. */
void pl_journal_sync(struct pl_journal *j);

/* Reads the oldest records of one route that are on disk only, at least one and at most `max_bytes` of them: 0 when there is
 * none. The batches are the caller's. The same ones come again until pl_journal_pass. */
size_t pl_journal_read(struct pl_journal *j, struct pl_queue *q, size_t max_bytes, struct pl_lane_item *out, size_t cap);
void pl_journal_pass(struct pl_journal *j, struct pl_spool_ref last); /* read on behind this one */

/* The same for held records, from the oldest to the last one that was there when the sweep began. */
void pl_journal_begin_sweep(struct pl_journal *j);
size_t pl_journal_read_held(struct pl_journal *j, size_t max_bytes, struct pl_lane_item *out, size_t cap);
void pl_journal_pass_held(struct pl_journal *j, struct pl_spool_ref last);

/* Writes lines of other records as one that is held. False: they could not be written. */
bool pl_journal_hold(struct pl_journal *j, const struct pl_batch *b);

/* These are being delivered: no bound drops them. n 0: nothing is any more. */
void pl_journal_pin(struct pl_journal *j, const struct pl_lane_item *items, size_t n);

void pl_journal_settle(struct pl_journal *j, struct pl_spool_ref ref, const struct pl_spool_outcome *outcome);
struct pl_spool_account pl_journal_account(const struct pl_journal *j);

/* Since when the disk is in trouble (0: it is not), and why. */
int64_t pl_journal_trouble(const struct pl_journal *j, const char **reason);

#endif
