/* InfluxQL for what we ask and create. Every name and value goes through format/influxql.h. No I/O. */
#ifndef PL_OUT_INFLUXDB_STATEMENT_H
#define PL_OUT_INFLUXDB_STATEMENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "pipeline/plugin.h"

void pl_influx_create_database(struct pl_buf *out, struct pl_str database);
void pl_influx_create_policy(struct pl_buf *out, struct pl_str database, struct pl_str policy, int64_t duration_ns);

/* What /keys, /tags and /latest ask. PL_ENOENT: nothing can match. PL_EINVAL: the interval is out of range. `policy` "": the
 * database's default. `*n_fields` (LATEST): how many columns after the time hold the value, the first with one counts. */
PL_MUST_CHECK enum pl_err pl_influx_read_statement(struct pl_buf *out, const struct pl_query *q, struct pl_str policy,
						   unsigned *n_fields);

/* Appends `s` percent-encoded for a query string. */
void pl_influx_add_encoded(struct pl_buf *out, struct pl_str s);

#endif
