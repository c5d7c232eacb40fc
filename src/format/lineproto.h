/* InfluxDB 1.x line protocol, written and read.
 * Source of the format: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/ and what 1.6.7 was seen
 * to refuse: NaN and Inf, a leading `+`, empty tag keys and values, duplicate tag keys, a tag or field named `time`, a series key
 * over 65,535 bytes. A tag value ending in a backslash cannot be expressed, nor can a newline in a name or tag. */
#ifndef PL_FORMAT_LINEPROTO_H
#define PL_FORMAT_LINEPROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "format/labels.h"

enum { PL_LP_MAX_SERIES_KEY = 65535 };

/* Appends the name with `,`, space (and `=` for keys and values) escaped by a backslash. What line protocol cannot carry is
 * replaced: control characters (newline included) by `_`, a backslash that would end the name by `_`; a leading `#` of a
 * measurement is escaped away by `_`. Deterministic, so that one label value always maps to one tag value. */
void pl_lp_add_measurement(struct pl_buf *out, struct pl_str name);
void pl_lp_add_key(struct pl_buf *out, struct pl_str name); /* tag key, field key */
void pl_lp_add_tag_value(struct pl_buf *out, struct pl_str value);

/* Appends `,key=value` for each label of `set` in its order; labels with an empty value are left out, as InfluxDB has no empty
 * tags. A label named `time` is written as `time_`. */
void pl_lp_add_tags(struct pl_buf *out, struct pl_labels set);

/* One parsed line; all slices are views of the line, still escaped. */
struct pl_lp_line {
	struct pl_str series;      /* measurement and tags, as written */
	struct pl_str measurement; /* escaped */
	struct pl_str tags;        /* escaped, without the leading comma; may be empty */
	struct pl_str fields;      /* as written */
	int64_t time_ns;           /* 0 when has_time is false */
	bool has_time;
};

/* Walks tags (`k=v,...`) or fields: each call takes one pair off `*rest`. False at the end. The slices are still escaped; a field
 * value keeps its quotes or type suffix. Only for text that pl_lp_parse accepted. */
bool pl_lp_next_pair(struct pl_str *rest, struct pl_str *key, struct pl_str *value);

/* Appends the name, key or tag value with its backslash escapes resolved. */
void pl_lp_unescape(struct pl_buf *out, struct pl_str escaped);

/* Reads a field value: float, integer (`i`), unsigned is refused, boolean, string. For numbers `*number` is set. */
enum pl_lp_type { PL_LP_FLOAT, PL_LP_INTEGER, PL_LP_BOOLEAN, PL_LP_STRING };
PL_MUST_CHECK enum pl_err pl_lp_value(struct pl_str value, enum pl_lp_type *type, double *number);

/* Parses and checks one line (without its newline). On PL_EPARSE `*column` (from 1) and `*reason` (static text) say why. */
PL_MUST_CHECK enum pl_err pl_lp_parse(struct pl_str line, struct pl_lp_line *out, size_t *column, const char **reason);

#endif
