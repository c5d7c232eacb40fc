/* How a target came by its labels, or why it is not scraped: relabeling done over again, step by step. */
#ifndef PL_TARGETS_EXPLAIN_H
#define PL_TARGETS_EXPLAIN_H

#include "targets/manager.h"

struct pl_relabel_step {
	size_t rule;             /* of the job's relabel_configs, from 0 */
	struct pl_labels labels; /* after it */
	bool kept;
};

struct pl_explanation {
	const struct pl_job *job;
	const char *mechanism;
	struct pl_str source;
	struct pl_labels discovered;
	const struct pl_relabel_step *steps; /* up to the rule that dropped it */
	size_t n_steps;
	int dropped_by;                 /* the rule's index; PL_RELABEL_KEPT: none */
	const char *refused;            /* why it is not scraped although no rule dropped it; "" if it is */
	const struct pl_target *target; /* as it is scraped; NULL: it is not */
};

/* Calls fn for each discovered target whose address is `address`, or else for each whose `instance` is; at most `most` of them.
 * `job` "": of all jobs. Returns how many there were. Views valid during the call. */
size_t pl_target_manager_explain(const struct pl_target_manager *m, const char *job, struct pl_str address, size_t most,
				 void (*fn)(void *data, const struct pl_explanation *e), void *data);

#endif
