/* What /metrics shows of live values and of the outputs that take them. */
#ifndef PL_API_LIVE_METRICS_H
#define PL_API_LIVE_METRICS_H

#include "api/metric_out.h"
#include "api/private.h"

void pl_api_live_metrics(struct pl_metric_out *e, const struct pl_api *a);

/* The present outputs that take batches; to be released. */
struct pl_outputs *pl_api_batch_outputs(const struct pl_api *a);

#endif
