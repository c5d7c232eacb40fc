#include "out_influxdb/roll_statement.h"

#include <inttypes.h>

#include "base/clock.h"
#include "format/influxql.h"

static void add_policy(struct pl_buf *out, const struct pl_influx_roll *roll, const char *policy)
{
	pl_influxql_add_ident(out, pl_str_of(roll->database));
	pl_buf_add_char(out, '.');
	pl_influxql_add_ident(out, pl_str_of(policy));
	pl_buf_add_char(out, '.');
}

static void add_windows(struct pl_buf *out, const struct pl_influx_roll *roll)
{
	pl_buf_addf(out, " WHERE time >= %" PRId64 " AND time < %" PRId64 " GROUP BY time(%" PRId64 "ms), * fill(none)",
		    roll->begin_ns, roll->end_ns, roll->interval_ns / PL_NS_PER_MS);
}

void pl_influx_roll_all(struct pl_buf *out, const struct pl_influx_roll *roll, const struct pl_strings *functions,
			const struct pl_strings *measurements)
{
	pl_buf_add_cstr(out, functions->n == 0 ? "SELECT mean(*)" : "SELECT ");
	for (size_t i = 0; i < functions->n; i++)
		pl_buf_addf(out, "%s%s(*)", i > 0 ? ", " : "", functions->v[i]);
	pl_buf_add_cstr(out, " INTO ");
	add_policy(out, roll, roll->into);
	pl_buf_add_cstr(out, ":MEASUREMENT FROM ");
	for (size_t i = 0; i < measurements->n; i++) {
		if (i > 0)
			pl_buf_add_cstr(out, ", ");
		add_policy(out, roll, roll->from);
		pl_influxql_add_ident(out, pl_str_of(measurements->v[i]));
	}
	if (measurements->n == 0) {
		add_policy(out, roll, roll->from);
		pl_buf_add_cstr(out, "/.*/");
	}
	add_windows(out, roll);
}

void pl_influx_roll_field(struct pl_buf *out, const struct pl_influx_roll *roll, const char *function, struct pl_str measurement,
			  struct pl_str field, struct pl_str target, struct pl_str as)
{
	pl_buf_addf(out, "SELECT %s(", function);
	pl_influxql_add_ident(out, field);
	pl_buf_add_cstr(out, "::field) AS ");
	pl_influxql_add_ident(out, as);
	pl_buf_add_cstr(out, " INTO ");
	add_policy(out, roll, roll->into);
	pl_influxql_add_ident(out, target);
	pl_buf_add_cstr(out, " FROM ");
	add_policy(out, roll, roll->from);
	pl_influxql_add_ident(out, measurement);
	add_windows(out, roll);
}

void pl_influx_show_fields(struct pl_buf *out, const char *policy)
{
	pl_buf_add_cstr(out, "SHOW FIELD KEYS FROM ");
	pl_influxql_add_ident(out, pl_str_of(policy));
	pl_buf_add_cstr(out, "./.*/");
}
