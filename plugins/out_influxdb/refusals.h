/* The refused lines of one delivery: those that are named, and how many are only counted. No I/O. */
#ifndef PL_OUT_INFLUXDB_REFUSALS_H
#define PL_OUT_INFLUXDB_REFUSALS_H

#include "out_influxdb/line.h"

enum { PL_INFLUX_MOST_REFUSALS = 65536 }; /* that are named */

/* Zero-initialise. */
struct pl_influx_refusals {
	struct pl_refusal *v;
	size_t n, cap;
	struct pl_arena reasons; /* where those of `v` live */
	uint32_t expired;        /* beyond the retention policy */
	uint32_t unnamed;        /* beside both */
	const char *unnamed_as;  /* of the first of these */
};

void pl_influx_refusals_finish(struct pl_influx_refusals *r);

/* `as` is static; `reason` lives as long as the list. */
void pl_influx_refusals_add(struct pl_influx_refusals *r, struct pl_influx_line line, const char *as, const char *reason,
			    bool held);

/* Counts `n` lines that are not known. */
void pl_influx_refusals_count(struct pl_influx_refusals *r, uint32_t n, const char *as);

/* A copy of the text that lives as long as the list. */
const char *pl_influx_refusals_keep(struct pl_influx_refusals *r, const char *reason);

/* What became of a delivery of `points`. `words` is the first trouble's. */
void pl_influx_refusals_verdict(const struct pl_influx_refusals *r, uint32_t points, const char *words, struct pl_verdict *v);

#endif
