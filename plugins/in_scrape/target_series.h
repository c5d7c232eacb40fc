/* What a target's scrapes remember of its series from one to the next; only for jobs that relabel metrics, limit
 * series or labels, or mark stale series. */
#ifndef PL_IN_SCRAPE_TARGET_SERIES_H
#define PL_IN_SCRAPE_TARGET_SERIES_H

#include "base/log.h"
#include "in_scrape/label_limits.h"
#include "in_scrape/series_cache.h"
#include "in_scrape/series_set.h"
#include "pipeline/plugin.h"

struct pl_target_series {
	struct pl_series_cache cache; /* for jobs that relabel metrics or mark stale series */
	struct pl_series_set known;   /* for jobs with a series_limit */
	struct pl_label_limits limits;
	bool caches, marks_stale;
	unsigned pages; /* good ones since the last sweep */
	int warned;     /* 0, 80 or 100 percent of series_limit */
	int64_t warned_since_wall_ns;
	struct pl_target_offenders
	    *offenders; /* [0] of the page being read, [1] of the last good one; NULL: there never were any */
};

/* NULL when the job has no need of it: its samples take the direct way. */
struct pl_target_series *pl_target_series_create(const struct pl_job *job, struct pl_labels target,
						 struct pl_series_budget *budget);
void pl_target_series_destroy(struct pl_target_series *s); /* NULL is fine */

/* Can it tell which series are new? `s` may be NULL. */
static inline bool pl_target_series_knows(const struct pl_target_series *s, const struct pl_job *job)
{
	return s != NULL && (s->caches || job->series_limit > 0);
}

/* A page begins. */
void pl_target_series_begin(struct pl_target_series *s);

/* Counts a sample dropped because of series_limit. Of many metrics, those with most drops are kept (the counts may then be too
 * high, never too low: M. Metwally et al., Efficient Computation of Frequent and Top-k Elements in Data Streams). */
void pl_target_series_offend(struct pl_target_series *s, struct pl_str metric);

/* The page was no good. */
void pl_target_series_fail(struct pl_target_series *s);

/* The page was good: what was not seen for some of them is forgotten. `uncached`: series that found no room in the cache. */
void pl_target_series_end(struct pl_target_series *s, uint64_t uncached);

/* One line in the log when 80 % of series_limit are reached, one at 100 %, and one when fewer than 80 % are known again. */
void pl_target_series_warn(struct pl_target_series *s, const struct pl_target *t, struct pl_log *log, int64_t wall_ns);

#endif
