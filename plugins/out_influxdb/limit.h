/* How large a body may be, learnt from the server's 413. No I/O; times are of the monotonic clock. */
#ifndef PL_OUT_INFLUXDB_LIMIT_H
#define PL_OUT_INFLUXDB_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise: no limit is known. */
struct pl_influx_limit {
	size_t bytes; /* of plain text; 0: none known */
	int64_t probe_at_ns, wait_ns;
};

/* How much to send at once; SIZE_MAX: all. Now and then twice of what is known to work, since a server's limit may be raised. */
size_t pl_influx_limit_now(const struct pl_influx_limit *l, int64_t now_ns);

void pl_influx_limit_taken(struct pl_influx_limit *l, size_t bytes, int64_t now_ns);     /* a body of so many was read */
void pl_influx_limit_too_large(struct pl_influx_limit *l, size_t bytes, int64_t now_ns); /* 413 */

#endif
