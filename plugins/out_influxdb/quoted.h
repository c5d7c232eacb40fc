/* The lines that the server quotes because it could not parse them. No I/O. */
#ifndef PL_OUT_INFLUXDB_QUOTED_H
#define PL_OUT_INFLUXDB_QUOTED_H

#include <stddef.h>

#include "base/str.h"

/* One quoted line of the message. Views of it. */
struct pl_influx_quoted {
	struct pl_str line, reason;
};

/* Finds out what is quoted in `message`, which begins with "unable to parse '". A line may hold what ends a quote, so it is the
 * longest text before `': ` that `is_line` knows which counts; `data` is passed to it. Calls `found` for each quoted line that it
 * knows. Returns how many entries the message has; `*known` is how many of them were found. */
size_t pl_influx_read_quoted(struct pl_str message, bool (*is_line)(void *data, struct pl_str text),
			     void (*found)(void *data, const struct pl_influx_quoted *q), void *data, size_t *known);

#endif
