/* What a listener counts, for /metrics. */
#ifndef PL_API_LISTENER_METRICS_H
#define PL_API_LISTENER_METRICS_H

#include "api/metric_out.h"
#include "api/private.h"

void pl_api_add_listener(struct pl_metric_out *e, const struct pl_api *a);

#endif
