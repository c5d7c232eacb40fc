/* InfluxQL that rolls windows up from one retention policy into another. Every name goes through format/influxql.h. No I/O. */
#ifndef PL_OUT_INFLUXDB_ROLL_STATEMENT_H
#define PL_OUT_INFLUXDB_ROLL_STATEMENT_H

#include <stdint.h>

#include "base/buf.h"
#include "config/schema.h"

/* One point for each series and window in [begin_ns, end_ns). */
struct pl_influx_roll {
	const char *database, *from, *into;
	int64_t interval_ns, begin_ns, end_ns;
};

/* Every numeric field of the measurements (none: of all) by each of the functions (none: mean; each a plain word), as
 * FUNCTION_FIELD of a measurement of the same name. */
void pl_influx_roll_all(struct pl_buf *out, const struct pl_influx_roll *roll, const struct pl_strings *functions,
			const struct pl_strings *measurements);

/* One field of one measurement by `function` (a plain word), as the field `as` of the measurement `target`. */
void pl_influx_roll_field(struct pl_buf *out, const struct pl_influx_roll *roll, const char *function, struct pl_str measurement,
			  struct pl_str field, struct pl_str target, struct pl_str as);

void pl_influx_show_fields(struct pl_buf *out, const char *policy);

#endif
