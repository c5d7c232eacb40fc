/* InfluxQL for what we ask and create. Every name and value goes through format/influxql.h. No I/O. */
#ifndef PL_OUT_INFLUXDB_STATEMENT_H
#define PL_OUT_INFLUXDB_STATEMENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "pipeline/plugin.h"

void pl_influx_create_database(struct pl_buf *out, struct pl_str database);
void pl_influx_create_policy(struct pl_buf *out, struct pl_str database, struct pl_str policy, int64_t duration_ns);

/* What to change about a retention policy. */
struct pl_influx_policy_change {
	bool create;
	int64_t duration_ns; /* 0: for ever; -1: as it is */
	int64_t shard_ns;    /* -1: as it is, or as the server thinks best */
	bool make_default;
};
void pl_influx_show_policies(struct pl_buf *out, struct pl_str database);
void pl_influx_change_policy(struct pl_buf *out, struct pl_str database, struct pl_str policy,
			     const struct pl_influx_policy_change *change);
void pl_influx_add_duration(struct pl_buf *out, int64_t ns); /* "3600s", "INF" for 0 */

/* What /keys, /tags and /latest ask. PL_ENOENT: nothing can match. PL_EINVAL: the interval is out of range. `policy` "": the
 * database's default. `*n_fields` (LATEST): how many columns after the time hold the value, the first with one counts. */
PL_MUST_CHECK enum pl_err pl_influx_read_statement(struct pl_buf *out, const struct pl_query *q, struct pl_str policy,
						   unsigned *n_fields);

/* Appends the question's filters, each with ` AND ` behind it. PL_ENOENT: nothing can match. */
PL_MUST_CHECK enum pl_err pl_influx_add_filters(struct pl_buf *out, const struct pl_query *q);
const char *pl_influx_function(enum pl_verb verb); /* "mean" */

/* Appends `s` percent-encoded for a query string. */
void pl_influx_add_encoded(struct pl_buf *out, struct pl_str s);

#endif
