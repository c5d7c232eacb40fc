/* Lines that a server refused for good, each with the server's words: kept to be looked at, sent again or deleted. One for the
 * daemon, in one SQLite file; any thread. Bounded: the oldest lines go first, counted. */
#ifndef PL_PIPELINE_QUARANTINE_H
#define PL_PIPELINE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "pipeline/batch.h"

struct pl_quarantine;

struct pl_quarantine_options {
	const char *path;   /* of the file, made when missing (0600), and its directory; NULL: in memory */
	uint64_t max_bytes; /* of lines, reasons and names, and 128 for each line: about the size of the file */
	struct pl_log *log; /* told when a damaged file is set aside; borrowed; NULL: nobody */
};

/* PL_OK with a reason: the file was damaged, set aside and begun anew, or the disk gives no file at present (full): tried again
 * at every use. PL_EVERSION: the file is of a newer Pulseline or of another program; PL_EACCES: no right to it; PL_EPARSE and
 * others: the reason says. */

PL_MUST_CHECK enum pl_err pl_quarantine_open(struct pl_quarantine **out, const struct pl_quarantine_options *options,
					     char *reason, size_t reason_size);
void pl_quarantine_close(struct pl_quarantine *q);
void pl_quarantine_set_limit(struct pl_quarantine *q, uint64_t max_bytes);

/* One refused line. What is read back holds all but `origin`. */
struct pl_quarantined {
	int64_t id; /* set by the quarantine; grows */
	int64_t refused_wall_ns;
	const char *output; /* name of the instance */
	const struct pl_route *route;
	struct pl_str line;          /* without the newline */
	struct pl_str reason;        /* the server's words; cut behind 4 KiB */
	const char *as;              /* counter label: "field_type" ... */
	struct pl_str job, instance; /* the line's tags of these names; read back only; empty: none */
	struct pl_str measurement;   /* likewise; unescaped like them */
	uint64_t origin[3]; /* where the line came from (segment, offset of the record, offset of the line), {0}: unknown. The
			     * same place twice is the same line: a delivery that was repeated is not kept twice */
};

/* Adds n lines in one transaction; copies. On failure none was added and they are to be counted as dropped. */
PL_MUST_CHECK enum pl_err pl_quarantine_add(struct pl_quarantine *q, const struct pl_quarantined *v, size_t n, char *reason,
					    size_t reason_size);

/* What to list, send again or delete: all conditions given must hold. */
struct pl_quarantine_filter {
	const char *output, *as;                  /* NULL: any */
	struct pl_str job, instance, measurement; /* .p NULL: any */
	struct pl_str contains;                   /* in the line or the reason; .p NULL: any */
	int64_t id_from, id_to;                   /* inclusive; 0: open */
	int64_t since_wall_ns, until_wall_ns;     /* 0: open */
};

/* Calls `each` for at most `limit` lines, oldest first, skipping `skip`; `each` returns false to stop, and must not call the
 * quarantine. `*total` (NULL: not counted): how many match. */
PL_MUST_CHECK enum pl_err pl_quarantine_list(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t skip,
					     uint64_t limit, bool (*each)(void *data, const struct pl_quarantined *line),
					     void *data, uint64_t *total);

/* Deletes what matches, at most `limit` lines, oldest first; with `each`, only those for which it returned true (it takes them
 * over: sent again). `*deleted`: how many. */
PL_MUST_CHECK enum pl_err pl_quarantine_take(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t limit,
					     bool (*each)(void *data, const struct pl_quarantined *line), void *data,
					     uint64_t *deleted);

/* Calls `each` for every output that lines which match belong to, with their number. */
PL_MUST_CHECK enum pl_err pl_quarantine_outputs(struct pl_quarantine *q, const struct pl_quarantine_filter *f,
						void (*each)(void *data, const char *output, uint64_t lines), void *data);

struct pl_quarantine_stats {
	uint64_t lines, bytes, max_bytes;                     /* now */
	uint64_t added, replayed, deleted, gone_full, failed; /* since it was opened; gone_full: went to make room */
	int64_t oldest_wall_ns;                               /* 0: empty */
	int64_t last_id;                                      /* the highest ever given */
};
struct pl_quarantine_stats pl_quarantine_stats(const struct pl_quarantine *q);

#endif
