/* Writes JSON text (RFC 8259) straight into a buffer, as pulse does: `<`, `>` and `&` as \u003c, \u003e, \u0026, so that
 * the text may stand inside HTML. Bytes that are not UTF-8 become U+FFFD (written \ufffd). */
#ifndef PL_FORMAT_JSON_OUT_H
#define PL_FORMAT_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Puts the commas (none between values at the top). Zero-initialise `depth`; nests at most 31 deep. */
struct pl_json {
	struct pl_buf *out; /* borrowed */
	uint32_t filled;    /* bit d: the container at depth d has a member already */
	unsigned depth;
	bool after_key;
};

void pl_json_object_begin(struct pl_json *j);
void pl_json_object_end(struct pl_json *j);
void pl_json_array_begin(struct pl_json *j);
void pl_json_array_end(struct pl_json *j);
void pl_json_key(struct pl_json *j, const char *key);       /* a literal of our own */
void pl_json_key_str(struct pl_json *j, struct pl_str key); /* any bytes */
void pl_json_str(struct pl_json *j, struct pl_str s);
void pl_json_cstr(struct pl_json *j, const char *s); /* NULL writes null */
void pl_json_i64(struct pl_json *j, int64_t v);
void pl_json_u64(struct pl_json *j, uint64_t v);
void pl_json_double(struct pl_json *j, double v); /* shortest text that reads back the same; NaN and Inf write null */
void pl_json_bool(struct pl_json *j, bool v);
void pl_json_null(struct pl_json *j);
void pl_json_raw(struct pl_json *j, struct pl_str json); /* a value that is JSON text already */

/* Appends the quoted string only; for callers that place commas themselves. */
void pl_json_add_quoted(struct pl_buf *out, struct pl_str s);

/* Appends the shortest decimal text that reads back as the same double, as Go's encoding/json prints: without an
 * exponent from 1e-6 up to below 1e21. InfluxDB 1.x takes the text as a float. NaN and Inf write null. */
void pl_json_add_double(struct pl_buf *out, double v);

/* The same as Go's %g prints it: with an exponent of two digits or more below 1e-4 and from 1e6 up; NaN, +Inf and -Inf. So
 * Prometheus' libraries and Telegraf write the bounds of buckets. */
void pl_add_double_g(struct pl_buf *out, double v);

#endif
