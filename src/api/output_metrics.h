/* The part of /metrics that tells of outputs and their queues. */
#ifndef PL_API_OUTPUT_METRICS_H
#define PL_API_OUTPUT_METRICS_H

#include "api/metric_out.h"
#include "pipeline/outputs.h"

void pl_api_add_output_metrics(struct pl_metric_out *e, const struct pl_outputs *o);

#endif
