/* label_limit, label_name_length_limit and label_value_length_limit. As in Prometheus they hold for a sample's whole label set,
 * with
 * `__name__` and the target's labels, after metric relabeling. */
#ifndef PL_IN_SCRAPE_LABEL_LIMITS_H
#define PL_IN_SCRAPE_LABEL_LIMITS_H

#include <stdbool.h>

#include "config/config.h"
#include "format/transcode.h"

struct pl_label_limits {
	size_t labels, name, value; /* SIZE_MAX: no bound */
	bool any;                   /* one of them is set */
	bool target_fits;           /* the target's own labels do */
};

void pl_label_limits_init(struct pl_label_limits *l, const struct pl_job *job, struct pl_labels target);

/* False with the first offender named in `reason`. */
bool pl_label_limits_hold(const struct pl_label_limits *l, struct pl_labels set, char *reason, size_t reason_size);

/* True only if the sample's set, merged with the target's labels, surely fits: where false, ask pl_label_limits_hold. */
bool pl_label_limits_surely_hold(const struct pl_label_limits *l, const struct pl_transcode_target *target,
				 const struct pl_sample *sample);

#endif
