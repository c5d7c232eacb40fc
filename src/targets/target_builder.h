/* From an address, its group's labels and a job to a target: the settlement of labels. */
#ifndef PL_TARGETS_TARGET_BUILDER_H
#define PL_TARGETS_TARGET_BUILDER_H

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "format/labels.h"
#include "format/relabel.h"
#include "pipeline/target.h"
#include "targets/target_address.h"

/* Bounds of one target; one beyond them is refused. Labels: before and after settlement. */
enum { PL_TARGET_MAX_LABELS = 128, PL_TARGET_MAX_VALUE = 4096, PL_TARGET_MAX_LABEL_BYTES = 32 * 1024, PL_TARGET_MAX_URL = 8192 };

/* Memory that is used again for every target, and what a job gives to each of its targets. Zero-initialise. */
struct pl_target_builder {
	struct pl_config *config; /* borrowed */
	const struct pl_job *job;
	struct pl_buf interval, timeout; /* the job's, as text */
	struct pl_buf param_names;       /* "__param_x\0" of all of the job's params */
	struct pl_labels_builder discovered, relabeled, labels;
	struct pl_relabel_scratch scratch;
	int dropped_by;            /* the rule that dropped the last target; PL_RELABEL_KEPT: none did */
	pl_relabel_trace_fn trace; /* sees each step of relabeling; may be NULL */
	void *trace_data;
	struct pl_buf address, url;
};

void pl_target_builder_finish(struct pl_target_builder *b);

/* The targets that are built from now on belong to `job` of `config`; both must live as long. */
void pl_target_builder_begin(struct pl_target_builder *b, struct pl_config *config, const struct pl_job *job);

/* Makes the target of `address` with the labels of its group, in these steps:
 *  1. discovered labels: the group's, __address__, and where the group does not say otherwise the job's job, __scheme__,
 *     __metrics_path__, __param_*, __scrape_interval__, __scrape_timeout__. An empty value counts as absent.
 *  2. the job's relabel_configs, on a copy of them; they may drop the target.
 *  3. the address gets the scheme's port if it has none; interval and timeout are read; the URL is built.
 *  4. `instance` is the address unless given; names that begin with `__` go; external labels come where the name is free.
 * PL_EINVAL: refused, *out is NULL, `reason` says why. PL_OK with *out NULL: dropped by the rule b->dropped_by. Otherwise the
 * caller holds one reference to *out. b->discovered has the discovered labels until the next target. */
PL_MUST_CHECK enum pl_err pl_target_build(struct pl_target_builder *b, struct pl_str address, struct pl_labels group,
					  struct pl_target **out, char reason[PL_REASON_BYTES]);

#endif
