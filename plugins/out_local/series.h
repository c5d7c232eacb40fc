/* Which number a series has in the database: found by its text in a bounded cache, else by a look-up, else by making it.
 *
 * The cache is set-associative and knows only hashes of the text as it was written (seeded anew by every process); a full set
 * gives up a random entry. Two texts of one hash would be taken for one series: with 131,072 entries that happens to one
 * new series in 1.4e14. */
#ifndef PL_OUT_LOCAL_SERIES_H
#define PL_OUT_LOCAL_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "format/labels.h"
#include "format/lineproto.h"
#include "out_local/database.h"

enum { PL_LOCAL_SERIES_CACHE_MOST = 131072 };

struct pl_local_series {
	struct pl_local_database *db;
	uint64_t max_series;
	uint64_t count;  /* in the database */
	uint64_t opened; /* of db, when count was read */
	int64_t today;   /* days since 1970 */
	uint64_t *hashes;
	uint32_t *ids;
	size_t cap;      /* a power of two */
	uint64_t misses; /* since the cache grew or was cleared */
	uint64_t seed, random;
	struct pl_labels_builder tags;
	struct pl_buf text, canonical, measurement, field;
};

void pl_local_series_init(struct pl_local_series *s, struct pl_local_database *db, uint64_t max_series);
void pl_local_series_finish(struct pl_local_series *s);

/* Forgets what it remembers: after a rollback, and once a day, so that every living series' `seen` moves on. */
void pl_local_series_forget(struct pl_local_series *s);

/* To be called once per transaction: notices a reopened database and the day. */
PL_MUST_CHECK enum pl_err pl_local_series_begin(struct pl_local_series *s, int64_t wall_ns);

/* Seed for pl_local_series_id of all fields of one line. */
uint64_t pl_local_series_hash(const struct pl_local_series *s, const struct pl_lp_line *line);

/* The number of the line's series for one field. PL_ELIMIT: it would be one too many. Else the database's trouble. */
PL_MUST_CHECK enum pl_err pl_local_series_id(struct pl_local_series *s, const struct pl_lp_line *line, uint64_t line_hash,
					     struct pl_str field, uint32_t *id);

#endif
