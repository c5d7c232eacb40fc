#include "out_influxdb/provision_config.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/windows.h"

#define HOUR (3600 * PL_NS_PER_S)

enum { MOST_LATE_WINDOWS = 100000 };

static const struct pl_influx_policy_config *policies_of(const struct pl_influx_provision_config *c)
{
	return c->retention_policies.v;
}

static const struct pl_influx_policy_config *find_policy(const struct pl_influx_provision_config *c, const char *name)
{
	for (size_t i = 0; i < c->retention_policies.n; i++) {
		if (strcmp(policies_of(c)[i].name, name) == 0)
			return &policies_of(c)[i];
	}
	return NULL;
}

const char *pl_influx_declared_default(const struct pl_influx_provision_config *c, int64_t *duration_ns)
{
	for (size_t i = 0; i < c->retention_policies.n; i++) {
		const struct pl_influx_policy_config *p = &policies_of(c)[i];
		if (p->is_default) {
			*duration_ns = p->duration;
			return p->name;
		}
	}
	if (!c->pulse_aggregates)
		return NULL;
	const struct pl_influx_policy_config *declared = find_policy(c, PL_INFLUX_PULSE_FROM);
	*duration_ns = declared != NULL ? declared->duration : 24 * HOUR;
	return PL_INFLUX_PULSE_FROM;
}

/* ---- one policy ---- */

static void check_policy(void *object, const struct pl_check *c)
{
	const struct pl_influx_policy_config *p = object;
	if (p->duration > 0 && p->duration < HOUR)
		pl_check_fail(c, "duration", "InfluxDB keeps at least 1h; 0 is for ever");
	if (p->shard_duration > 0 && p->shard_duration < HOUR)
		pl_check_fail(c, "shard_duration", "at least 1h; 0 is as InfluxDB thinks best");
	if (p->duration > 0 && p->shard_duration > p->duration)
		pl_check_fail(c, "shard_duration", "longer than duration");
}

static const struct pl_field policy_fields[] = {
    {.key = "name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_influx_policy_config, name),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "of the retention policy"},
    {.key = "duration",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_policy_config, duration),
     .flags = PL_FIELD_REQUIRED,
     .help = "how long points are kept; 0: for ever"},
    {.key = "shard_duration",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_policy_config, shard_duration),
     .fallback = "0",
     .help = "of a shard group; 0: as InfluxDB thinks best"},
    {.key = "default",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct pl_influx_policy_config, is_default),
     .fallback = "false",
     .help = "make it the database's default: where points go that name no policy"},
    {.key = "replication", .type = PL_FIELD_REFUSED, .help = "is 1 without a cluster"},
    {0},
};

static const struct pl_schema policy_schema = {
    .name = "retention_policies", .size = sizeof(struct pl_influx_policy_config), .fields = policy_fields, .check = check_policy};

/* ---- one downsampling ---- */

static const char *const functions[] = {"mean",  "median", "min",    "max",    "sum", "count",
					"first", "last",   "spread", "stddev", NULL};

static bool is_function(const char *name)
{
	for (size_t i = 0; functions[i] != NULL; i++) {
		if (strcmp(functions[i], name) == 0)
			return true;
	}
	return false;
}

static void check_downsampling(void *object, const struct pl_check *c)
{
	const struct pl_influx_downsampling_config *d = object;
	for (size_t i = 0; i < d->functions.n; i++) {
		if (!is_function(d->functions.v[i]))
			pl_check_fail(c, "functions",
				      "expected mean, median, min, max, sum, count, first, last, spread or stddev");
	}
	if (d->from != NULL && d->into != NULL && strcmp(d->from, d->into) == 0)
		pl_check_fail(c, "into", "must not be the policy that is read");
}

static const struct pl_field downsampling_fields[] = {
    {.key = "from",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_influx_downsampling_config, from),
     .fallback = "",
     .help = "retention policy to read; empty: the default one"},
    {.key = "into",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct pl_influx_downsampling_config, into),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "retention policy to write, measurements keep their names"},
    {.key = "interval",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_downsampling_config, interval),
     .flags = PL_FIELD_REQUIRED,
     .min = PL_NS_PER_S,
     .max = 366 * 24 * HOUR,
     .help = "of a window: one point of each series comes of it"},
    {.key = "functions",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_influx_downsampling_config, functions),
     .help = "mean, max ...; none: mean; a field becomes FUNCTION_FIELD, as InfluxDB names it"},
    {.key = "measurements",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_influx_downsampling_config, measurements),
     .help = "their names; none: all of them"},
    {0},
};

static const struct pl_schema downsampling_schema = {.name = "downsampling",
						     .size = sizeof(struct pl_influx_downsampling_config),
						     .fields = downsampling_fields,
						     .check = check_downsampling};

/* ---- the whole ---- */

static void check_policies(const struct pl_influx_provision_config *p, const struct pl_check *c)
{
	size_t defaults = 0;
	for (size_t i = 0; i < p->retention_policies.n; i++) {
		if (policies_of(p)[i].name == NULL)
			return;
		defaults += policies_of(p)[i].is_default;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(policies_of(p)[i].name, policies_of(p)[k].name) == 0)
				pl_check_fail(c, "retention_policies", "two of the same name");
		}
	}
	if (defaults > 1)
		pl_check_fail(c, "retention_policies", "only one can be the default");
	if (p->pulse_aggregates) {
		int64_t duration;
		if (strcmp(pl_influx_declared_default(p, &duration), PL_INFLUX_PULSE_FROM) != 0)
			pl_check_fail(c, "pulse_aggregates",
				      "makes one_day the default policy, but another is declared to be it");
		if (duration > 0 && duration < 2 * p->aggregate_interval)
			pl_check_fail(c, "aggregate_interval", "one_day keeps less than two of them");
	}
}

static void check_windows(const struct pl_influx_provision_config *p, const struct pl_check *c)
{
	const struct pl_influx_downsampling_config *d = p->downsampling.v;
	int64_t duration;
	const char *standard = pl_influx_declared_default(p, &duration);
	for (size_t i = 0; i < p->downsampling.n; i++) {
		if (d[i].interval > 0 && p->late / d[i].interval > MOST_LATE_WINDOWS)
			pl_check_fail(c, "late", "more than %d windows of downsampling[%zu].interval", MOST_LATE_WINDOWS, i);
		if (standard != NULL && d[i].from != NULL && d[i].from[0] == '\0' && d[i].into != NULL &&
		    strcmp(d[i].into, standard) == 0)
			pl_check_fail(c, "downsampling", "%s is read (as the default policy) and written", standard);
	}
	if (p->aggregate_interval > 0 && p->late / p->aggregate_interval > MOST_LATE_WINDOWS)
		pl_check_fail(c, "late", "more than %d windows of aggregate_interval", MOST_LATE_WINDOWS);
}

static void check(void *object, const struct pl_check *c)
{
	const struct pl_influx_provision_config *p = object;
	if (p->retention_policies.n > PL_INFLUX_MOST_DECLARED)
		pl_check_fail(c, "retention_policies", "more than %d", PL_INFLUX_MOST_DECLARED);
	if (p->downsampling.n > PL_INFLUX_MOST_DECLARED)
		pl_check_fail(c, "downsampling", "more than %d", PL_INFLUX_MOST_DECLARED);
	check_policies(p, c);
	check_windows(p, c);
	if (p->aggregate_retention > 0 && p->aggregate_retention < HOUR)
		pl_check_fail(c, "aggregate_retention", "InfluxDB keeps at least 1h; 0 is for ever");
}

static const struct pl_field fields[] = {
    {.key = "retention_policies",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct pl_influx_provision_config, retention_policies),
     .schema = &policy_schema,
     .help = "created when missing, altered when different; others are left alone"},
    {.key = "downsampling",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct pl_influx_provision_config, downsampling),
     .schema = &downsampling_schema,
     .help = "what is rolled up from one policy into another"},
    {.key = "pulse_aggregates",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct pl_influx_provision_config, pulse_aggregates),
     .fallback = "false",
     .help = "policies one_day (the default) and one_week and the measurement aggregate, as pulse's API and alerts read them"},
    {.key = "aggregate_interval",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_provision_config, aggregate_interval),
     .fallback = "15m",
     .min = PL_NS_PER_S,
     .max = 7 * 24 * HOUR,
     .help = "of pulse_aggregates"},
    {.key = "aggregate_retention",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_provision_config, aggregate_retention),
     .fallback = "1w",
     .help = "how long one_week keeps aggregates"},
    {.key = "late",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_provision_config, late),
     .fallback = "1d",
     .min = HOUR,
     .max = 3660 * 24 * HOUR,
     .help = "windows that got points later than they were rolled are rolled again up to this age"},
    {.key = "delay",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_influx_provision_config, delay),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = HOUR,
     .help = "how long after its end a window is rolled"},
    {0},
};

const struct pl_schema pl_influx_provision_schema = {
    .name = "provision", .size = sizeof(struct pl_influx_provision_config), .fields = fields, .check = check};
