/* One file of a spool: records, appended at its end, settled in any order. Keeps sums, nothing per record. */
#ifndef PL_PIPELINE_SEGMENT_H
#define PL_PIPELINE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/batch.h"
#include "pipeline/spool.h"
#include "pipeline/spool_format.h"

struct pl_segment_late; /* an outcome that the disk would not take yet */

enum { PL_SEGMENT_LATE = 512, PL_SEGMENT_NAME_BYTES = 32 };

struct pl_segment {
	int dirfd; /* borrowed */
	int fd;    /* -1: closed; opened again when needed */
	bool writable;
	bool damaged; /* holds bytes that are no good records */
	bool counted; /* in the ledger: its file only waits to be removed */
	bool unnamed; /* the directory may not know it yet after a loss of power */
	uint64_t id, used;
	int64_t made_wall_ns;
	uint64_t end;             /* where the next record goes; 0: nothing was written yet */
	uint64_t records, points; /* ever appended */
	struct pl_spool_sums sums;
	uint64_t pending, pending_held, pending_points, pending_bytes;
	uint64_t first; /* every record before it is settled */
	int64_t first_wall_ns, newest_wall_ns;
	uint64_t synced; /* known to be on the medium up to here */
	int64_t unsynced_wall_ns;
	struct pl_spool_reasons reasons;
	struct pl_segment_late *late;
	size_t n_late;
};

void pl_segment_name(uint64_t id, char out[PL_SEGMENT_NAME_BYTES]);
bool pl_segment_name_parse(const char *name, uint64_t *id);

/* A new, empty file. PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_segment_create(struct pl_segment *g, int dirfd, uint64_t id, int64_t wall_ns);

struct pl_segment_found {
	uint64_t torn, corrupt; /* records */
	uint32_t version;       /* of the file, when PL_EVERSION */
	const char *why;        /* when PL_EPARSE */
};

/* Sums an existing file up by its heads; of the `last` one the bodies are checked too, and a torn end is cut off. PL_ENOENT:
 * there is nothing in it; PL_EPARSE: nothing that could be read; PL_EVERSION; PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_segment_load(struct pl_segment *g, int dirfd, uint64_t id, bool last,
					  struct pl_segment_found *found);
void pl_segment_close(struct pl_segment *g); /* its file descriptor only */
void pl_segment_finish(struct pl_segment *g);

/* The open file; -1: errno says why. */
int pl_segment_fd(struct pl_segment *g, bool write);

/* PL_ELIMIT: too large for a record; PL_EIO: errno says why, nothing was appended. */
PL_MUST_CHECK enum pl_err pl_segment_append(struct pl_segment *g, const struct pl_batch *b, bool held, bool moved,
					    int64_t wall_ns, uint64_t *offset);
uint64_t pl_segment_cost(const struct pl_batch *b); /* bytes that a record of it takes */

enum pl_segment_want { PL_SEGMENT_ANY, PL_SEGMENT_PLAIN, PL_SEGMENT_HELD };

/* The first pending record at or behind `from`. PL_ENOENT: none; PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_segment_next(struct pl_segment *g, uint64_t from, enum pl_segment_want want,
					  struct pl_spool_record *r);
uint64_t pl_segment_behind(struct pl_segment *g, uint64_t offset); /* where the record behind the one at `offset` may begin */
/* The record that begins at `offset`, if it is pending; errors as above. */
PL_MUST_CHECK enum pl_err pl_segment_at(struct pl_segment *g, uint64_t offset, struct pl_spool_record *r);

/* Its names and lines. `*route` is kept when it is the right one, else exchanged. PL_EPARSE: damaged; PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_segment_batch(struct pl_segment *g, const struct pl_spool_record *r, struct pl_route **route,
					   struct pl_batch **batch);

/* Settles a pending record. When the disk does not take the outcome it is remembered, and written by pl_segment_settle_late.
 * PL_EFULL: too many of these; the record stays pending. */
PL_MUST_CHECK enum pl_err pl_segment_settle(struct pl_segment *g, const struct pl_spool_record *r,
					    const struct pl_spool_outcome *o);
void pl_segment_settle_late(struct pl_segment *g);

/* What sums would be if all that is pending were dropped. */
struct pl_spool_sums pl_segment_sums_without(const struct pl_segment *g, enum pl_drop reason);

PL_MUST_CHECK enum pl_err pl_segment_sync(struct pl_segment *g); /* PL_EIO: errno says why */

#endif
