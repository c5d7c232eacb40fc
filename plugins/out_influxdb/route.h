/* What a route means on this server. No I/O.
 *
 * InfluxDB 2 has buckets where 1.x has databases with retention policies, and maps database and policy to the bucket
 * `DATABASE/POLICY`. So does this: a route to database d and policy p goes to the bucket `d/p`, one to database d alone to the
 * bucket `d`, and one that names no database to the configured bucket (with a policy p of its own: to `BUCKET/p`). */
#ifndef PL_OUT_INFLUXDB_ROUTE_H
#define PL_OUT_INFLUXDB_ROUTE_H

#include <stdbool.h>

#include "base/buf.h"
#include "pipeline/plugin.h"

struct pl_influx_names {
	bool v2;                       /* /api/v2/write instead of /write */
	const char *database, *policy; /* where a route names none */
	const char *org, *bucket;      /* v2; an empty bucket: database and policy as above */
};

/* A route that names a database means that database's own default policy. */
struct pl_str pl_influx_database(const struct pl_influx_names *names, const struct pl_route *route);
struct pl_str pl_influx_policy(const struct pl_influx_names *names, const struct pl_route *route);

/* Replaces `out` by the path and query of a write there. */
void pl_influx_write_target(struct pl_buf *out, const struct pl_influx_names *names, const struct pl_route *route);

#endif
