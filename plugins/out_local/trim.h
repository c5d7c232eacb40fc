/* Keeps the database within its retention and size, a little at a time, so that no delivery waits long. */
#ifndef PL_OUT_LOCAL_TRIM_H
#define PL_OUT_LOCAL_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "out_local/database.h"
#include "out_local/series.h"

struct pl_local_trim {
	struct pl_local_database *db;
	struct pl_local_series *series;
	int64_t retention_ns;
	uint64_t max_bytes;
	uint64_t expired, displaced; /* samples removed for their age, for their size, since init */
	int64_t cleaned_day;         /* when series were last looked through */
	int64_t cleaning_id;         /* how far that has come; 0: not under way */
};

/* Removes some of the oldest frames if the database is larger than max_bytes. `*more` says whether it still is. */
PL_MUST_CHECK enum pl_err pl_local_trim_size(struct pl_local_trim *t, bool *more);

/* One step of everything that is due. `*more`: call again soon. */
PL_MUST_CHECK enum pl_err pl_local_trim_step(struct pl_local_trim *t, int64_t wall_ns, bool *more);

#endif
