/* Writes the Prometheus text format 0.0.4, or OpenMetrics 1.0: families, each with its help and type, and their samples.
 * https://prometheus.io/docs/instrumenting/exposition_formats/, https://github.com/OpenObservability/OpenMetrics (specification/)
 */
#ifndef PL_API_METRIC_OUT_H
#define PL_API_METRIC_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct pl_metric_out {
	struct pl_buf *out; /* borrowed */
	bool openmetrics;
	const char *name, *suffix; /* of the family that is being written */
	bool labelled;
};

enum pl_family_type { PL_FAMILY_COUNTER, PL_FAMILY_GAUGE };

/* Begins a family; every sample of it follows before the next one begins. A counter's name is given without `_total`. */
void pl_metric_family(struct pl_metric_out *e, const char *name, enum pl_family_type type, const char *help);

/* Begins a sample; then its labels, if any; then one of the values ends it. */
void pl_metric_sample(struct pl_metric_out *e);
void pl_metric_label(struct pl_metric_out *e, const char *name, struct pl_str value); /* any bytes */
void pl_metric_u64(struct pl_metric_out *e, uint64_t v);
void pl_metric_seconds(struct pl_metric_out *e, int64_t ns); /* exact */
void pl_metric_double(struct pl_metric_out *e, double v);

void pl_metric_end(struct pl_metric_out *e); /* after the last family */

#endif
