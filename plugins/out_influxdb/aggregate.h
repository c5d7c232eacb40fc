/* A list of statements to be sent in groups, of which a failing one does not stop the others: the aggregates of pulse (every stat
 * a field of one measurement, a row per window and tag set), or a downsampling, measurement by measurement. No I/O. */
#ifndef PL_OUT_INFLUXDB_AGGREGATE_H
#define PL_OUT_INFLUXDB_AGGREGATE_H

#include "base/arena.h"
#include "out_influxdb/roll_statement.h"
#include "out_influxdb/shown.h"

/* Zero-initialise. */
struct pl_influx_aggregate {
	struct pl_arena arena; /* of the fields */
	const struct pl_influx_shown_field **stats;
	size_t n_stats;
	const struct pl_strings *functions; /* NULL: pulse's aggregates */
	size_t at, end;                     /* the group that was written last, in statements */
	size_t single_to;                   /* up to here one statement at a time */
};

void pl_influx_aggregate_finish(struct pl_influx_aggregate *a); /* empty and usable again */

/* Takes over fields that lie in a->arena; keeps those that stand for stats: of the measurement's name, or `value`. */
void pl_influx_aggregate_begin(struct pl_influx_aggregate *a, const struct pl_influx_shown_field *fields, size_t n);

/* The same for a downsampling: one statement for each measurement, of `only` if there are any there. Borrows `functions`. */
void pl_influx_aggregate_begin_apart(struct pl_influx_aggregate *a, const struct pl_influx_shown_field *fields, size_t n,
				     const struct pl_strings *functions, const struct pl_strings *only);

/* Appends the next group of statements; false when all were given. */
bool pl_influx_aggregate_next(struct pl_influx_aggregate *a, const struct pl_influx_roll *roll, struct pl_buf *out);

/* The last group failed, and nobody knows where: its statements are given again one by one. False when it was but one, whose
 * stat (or measurement) is *stat. */
bool pl_influx_aggregate_retry(struct pl_influx_aggregate *a, struct pl_str *stat);

#endif
