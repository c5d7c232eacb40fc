/* What an output's configuration declares about InfluxDB itself: retention policies and what is rolled up into them. */
#ifndef PL_OUT_INFLUXDB_PROVISION_CONFIG_H
#define PL_OUT_INFLUXDB_PROVISION_CONFIG_H

#include "config/schema.h"

enum { PL_INFLUX_MOST_DECLARED = 30 }; /* policies, and downsamplings */

/* The names that pulse's API and its alerts read by. */
#define PL_INFLUX_PULSE_FROM "one_day"
#define PL_INFLUX_PULSE_INTO "one_week"

struct pl_influx_policy_config {
	const char *name;
	int64_t duration;       /* 0: for ever */
	int64_t shard_duration; /* 0: as the server thinks best */
	bool is_default;
};

struct pl_influx_downsampling_config {
	const char *from, *into; /* policies; from "": the default one */
	int64_t interval;
	struct pl_strings functions;    /* none: mean */
	struct pl_strings measurements; /* none: all */
};

struct pl_influx_provision_config {
	struct pl_list retention_policies; /* of pl_influx_policy_config */
	struct pl_list downsampling;       /* of pl_influx_downsampling_config */
	bool pulse_aggregates;
	int64_t aggregate_interval, aggregate_retention;
	int64_t late, delay;
};

extern const struct pl_schema pl_influx_provision_schema;

/* The policy that becomes the default one by this configuration; NULL: none. *duration_ns is its duration. */
const char *pl_influx_declared_default(const struct pl_influx_provision_config *c, int64_t *duration_ns);

#endif
