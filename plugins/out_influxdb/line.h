/* One line of a delivery, and the numbers by which what was refused is remembered. No I/O. */
#ifndef PL_OUT_INFLUXDB_LINE_H
#define PL_OUT_INFLUXDB_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/plugin.h"

struct pl_influx_line {
	uint32_t batch, offset, n; /* bytes without the newline, which follows them */
};

static inline struct pl_str pl_influx_line_text(const struct pl_delivery *d, struct pl_influx_line l)
{
	return (struct pl_str){d->batches[l.batch]->p + l.offset, l.n};
}

/* Stands for "this field of this measurement with a value of this type in this database and policy". `target` is a number for
 * these two, `type` as the server writes it ("integer"). */
uint64_t pl_influx_type_key(uint64_t target, struct pl_str measurement, struct pl_str field, struct pl_str type);

/* The same of each field of a line, one after the other. */
struct pl_influx_type_keys {
	uint64_t measurement;
	struct pl_str rest;
	struct pl_buf *scratch;
	int64_t time_ns; /* of the line; 0: none */
};

/* False when the line cannot be read. Borrows all. */
bool pl_influx_type_keys_init(struct pl_influx_type_keys *k, uint64_t target, struct pl_str line, struct pl_buf *scratch);
bool pl_influx_type_keys_next(struct pl_influx_type_keys *k, uint64_t *key);

/* Stands for the series in this database and policy. Works on any text. */
uint64_t pl_influx_series_key(uint64_t target, struct pl_str line);

/* Can we read the line ourselves? We are stricter than the server. */
bool pl_influx_line_parses(struct pl_str line);

#endif
