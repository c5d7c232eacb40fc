/* The part of an output's queue that survives the process: batches as records in segment files of one directory. One thread at a
 * time uses a spool; it blocks for the disk.
 *
 * A record is pending until it is settled, in any order. A segment whose records are all settled is deleted, after its sums went
 * to the ledger, so that the account goes on over restarts: it counts from the making of the directory. Appending and settling
 * are each one write, so a process that is killed leaves either the state before or the one after; a machine that loses power
 * leaves a torn last record, which is skipped and counted. */
#ifndef PL_PIPELINE_SPOOL_H
#define PL_PIPELINE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "pipeline/batch.h"
#include "pipeline/drop.h"

struct pl_spool;

struct pl_spool_limits {
	uint64_t max_bytes;         /* of all segments; one may be begun that goes beyond */
	int64_t max_age_ns;         /* of a record; 0: no bound */
	enum pl_drop_policy policy; /* when max_bytes are reached: the oldest segment goes, or append says PL_EFULL */
};

struct pl_spool_options {
	const char *dir;  /* made when missing (0700); copied */
	const char *name; /* of the output, for the log; copied */
	struct pl_spool_limits limits;
	struct pl_log *log; /* borrowed */
};

/* Which record. Stays valid until it is settled or dropped with its segment. */
struct pl_spool_ref {
	uint64_t segment; /* 0: none */
	uint64_t offset;
};

/* What became of a record's points. Their sum is the record's points. */
struct pl_spool_outcome {
	uint32_t out, quarantined;
	uint32_t moved; /* to another record of this spool: neither in nor out a second time */
	uint32_t dropped[PL_DROP_COUNT];
};

struct pl_spool_account {
	/* points_in = points_out + points_pending + points_quarantined + sum of dropped, since the directory was made */
	uint64_t points_in, points_out, points_pending, points_quarantined, dropped[PL_DROP_COUNT];
	uint64_t records_pending, bytes_pending;
	uint64_t segments, bytes_on_disk;
	uint64_t torn,
	    corrupt; /* records that could not be read again, since the spool was opened: points unknown or counted as dropped */
	int64_t oldest_wall_ns; /* of the oldest segment with pending records; 0: none */
};

/* Locks the directory (PL_EINUSE with the other's pid in `reason`), checks what is there, sums it up. Another version's directory
 * is refused by name, garbage is set aside under another name and logged, never deleted. */
PL_MUST_CHECK enum pl_err pl_spool_open(struct pl_spool **out, const struct pl_spool_options *options, char *reason,
					size_t reason_size);
void pl_spool_close(struct pl_spool *s); /* what is pending stays on disk */

void pl_spool_set_limits(struct pl_spool *s, const struct pl_spool_limits *limits);

/* Borrows the batch. `held`: pl_spool_read passes it by unless held ones are asked for. `moved`: its points came out of other
 * records of this spool and are not counted in again. PL_EFULL: no room under drop_newest; PL_EIO: nothing was
 * appended, `reason` says why; the next call tries again. */
PL_MUST_CHECK enum pl_err pl_spool_append(struct pl_spool *s, const struct pl_batch *b, bool held, bool moved,
					  struct pl_spool_ref *ref, char *reason, size_t reason_size);

/* Settles one record; its ref is void afterwards. Unknown refs (dropped with their segment meanwhile) are ignored. */
void pl_spool_settle(struct pl_spool *s, struct pl_spool_ref ref, const struct pl_spool_outcome *outcome);

/* The first pending record behind `after` ({0}: the oldest of all) that is (or is not) `held`; the caller gets one reference to
 * the batch. PL_ENOENT: none. What cannot be read is settled as dropped ("corrupt"), counted and passed by. */
PL_MUST_CHECK enum pl_err pl_spool_read(struct pl_spool *s, struct pl_spool_ref after, bool held, struct pl_batch **batch,
					struct pl_spool_ref *ref);

/* Records of the segments `from` to `to` are under way: no bound drops them until they are settled and this is called with {0},
 * so that what was delivered is never counted as dropped. One range at a time. */
void pl_spool_pin(struct pl_spool *s, uint64_t from, uint64_t to);

/* Drops what is older than max_age, removes what is settled. To be called now and then. */
void pl_spool_expire(struct pl_spool *s, int64_t wall_ns);

/* Is there anything pending that is older than `wall_ns` and not yet known to be on the medium? */
bool pl_spool_needs_sync(const struct pl_spool *s, int64_t wall_ns);
PL_MUST_CHECK enum pl_err pl_spool_sync(struct pl_spool *s); /* blocks until it is */

struct pl_spool_account pl_spool_account(const struct pl_spool *s);
bool pl_spool_has(const struct pl_spool *s, uint64_t segment); /* it was neither dropped nor settled as a whole */

#endif
