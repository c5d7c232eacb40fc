#include "config/foreign.h"

const char *const pl_foreign_bools[] = {"true", "false", NULL};

/* https://prometheus.io/docs/prometheus/latest/configuration/configuration/, scrape_protocols */
const char *const pl_foreign_protocols[] = {"PrometheusProto",     "OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
					    "PrometheusText0.0.4", "PrometheusText1.0.0",  NULL};

const char *const pl_foreign_escapings[] = {"allow-utf-8", "underscores", "dots", "values", NULL};
