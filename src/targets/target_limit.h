/* The bound of how many targets a job may have: one too many, and none of them is scraped, as in Prometheus. */
#ifndef PL_TARGETS_TARGET_LIMIT_H
#define PL_TARGETS_TARGET_LIMIT_H

#include "base/incident.h"
#include "base/log.h"
#include "config/config.h"
#include "pipeline/target.h"

/* Of one job. Zero-initialise. */
struct pl_target_limit {
	struct pl_target **v; /* borrowed; all that the job has, an equal one as often as it is named */
	size_t n, cap;
	size_t over; /* how many different ones, while that is above the limit; else 0 */
	struct pl_incident incident;
};

void pl_target_limit_finish(struct pl_target_limit *l);

/* Counts anew: begin, add all, judge. */
void pl_target_limit_begin(struct pl_target_limit *l);
void pl_target_limit_add(struct pl_target_limit *l, struct pl_target *const *targets, size_t n);

/* Writes into every target whether it may be scraped, and logs when that has changed. True: there are too many. */
bool pl_target_limit_judge(struct pl_target_limit *l, const struct pl_job *job, struct pl_log *log);

#endif
