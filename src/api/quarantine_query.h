/* Which refused lines a request to /api/v1/quarantine asks for, by its query string. */
#ifndef PL_API_QUARANTINE_QUERY_H
#define PL_API_QUARANTINE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "pipeline/quarantine.h"

enum { PL_QUARANTINE_PAGE = 100, PL_QUARANTINE_PAGE_MOST = 1000 };

/* Zero-initialise; pl_quarantine_query_finish frees. */
struct pl_quarantine_query {
	struct pl_arena arena;
	struct pl_quarantine_filter filter; /* its strings are the arena's */
	int64_t after;                      /* the page begins behind this id; 0: at the first */
	uint64_t offset, limit;
};

/* Parameters of both: output, reason (the label), job, instance, measurement, contains, id, since, until (RFC 3339 or Unix
 * seconds; both inclusive), limit. Of a page also: offset, after; its limit is 100 unless given, 1000 at most. Of a change (not a
 * page) also: all=true, which must stand there when there is no condition, so that nobody empties the quarantine by leaving one
 * out. PL_EINVAL: `reason` says which one is wrong and what would be right; what is unknown, empty or given twice is wrong. */
PL_MUST_CHECK enum pl_err pl_quarantine_query_parse(struct pl_quarantine_query *q, struct pl_str query_string, bool is_page,
						    char *reason, size_t reason_size);
void pl_quarantine_query_finish(struct pl_quarantine_query *q);

#endif
