/* The sums of a spool's segments that are gone, so that its account goes on. One small file of fixed size: a ring of entries,
 * each with the totals so far and the one segment that it counted in, so that a segment whose file survived its entry is known.
 */
#ifndef PL_PIPELINE_LEDGER_H
#define PL_PIPELINE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/spool_format.h"

enum { PL_LEDGER_ENTRIES = 64 };

struct pl_ledger {
	int dirfd; /* borrowed */
	struct pl_spool_entry last;
	uint64_t counted[PL_LEDGER_ENTRIES]; /* segments of the entries that are there; 0: none */
	bool unsynced;
	bool made; /* the file is there and of this program's own reasons */
};

struct pl_ledger_found {
	uint64_t corrupt; /* entries that could not be read */
	bool garbage;     /* the file is to be set aside, then pl_ledger_make to be called; what could be read was taken */
	uint32_t version; /* when PL_EVERSION */
};

/* Reads what is there. PL_ENOENT: no file yet; PL_EVERSION; PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_ledger_load(struct pl_ledger *l, int dirfd, struct pl_ledger_found *found);

/* Writes the file anew with what is known, at once or not at all. PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_ledger_make(struct pl_ledger *l, int64_t wall_ns);

/* Counts a segment in: one write, of space that is there already. PL_EIO: errno says why, it was not counted. */
PL_MUST_CHECK enum pl_err pl_ledger_add(struct pl_ledger *l, uint64_t segment, const struct pl_spool_sums *sums);
bool pl_ledger_has(const struct pl_ledger *l, uint64_t segment);
PL_MUST_CHECK enum pl_err pl_ledger_sync(struct pl_ledger *l); /* PL_EIO: errno says why */

#endif
