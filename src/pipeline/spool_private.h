/* What the files of the spool share; nobody else's. */
#ifndef PL_PIPELINE_SPOOL_PRIVATE_H
#define PL_PIPELINE_SPOOL_PRIVATE_H

#include "pipeline/ledger.h"
#include "pipeline/segment.h"
#include "pipeline/spool.h"
#include "pipeline/spool_dir.h"

struct pl_spool {
	char *path, *name;
	struct pl_log *log;
	struct pl_spool_limits limits;
	struct pl_spool_dir dir;
	struct pl_ledger ledger;
	struct pl_segment *segments; /* by ascending number */
	size_t n, cap;
	bool appending;                  /* the last one takes records */
	uint64_t next_id;                /* of the next segment */
	uint64_t turn;                   /* which segment's file was used last */
	uint64_t pinned_from, pinned_to; /* segments with records under way; 0: none */
	uint64_t torn, corrupt;
	bool unremoved;         /* something settled is still there */
	struct pl_route *route; /* of the last record read; NULL: none */
};

/* A place at the end of the list. */
struct pl_segment *pl_spool_add_segment(struct pl_spool *s);
/* Counts segment i in and removes its file; `reason`: what is pending in it is dropped so. PL_EIO: it stays as it was, errno says
 * why. */
PL_MUST_CHECK enum pl_err pl_spool_retire(struct pl_spool *s, size_t i, enum pl_drop reason);
void pl_spool_retire_settled(struct pl_spool *s); /* all that can be */

#endif
