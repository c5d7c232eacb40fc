/* InfluxDB 1.x line protocol, written and read.
 * Source of the format: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/ and what 1.6.7 was seen
 * to do with 28,000 random names and values made of `\`, `,`, space, `=` and `"` in every order, and with every number form:
 * - refused, the other lines of the body stored: NaN, Inf, a leading `+`, `1e400`, hex; empty tag keys and values; duplicate tag
 *   keys; a tag named `time`; a line whose only field is `time`; time outside +-9223372036854775806; a series key that is with
 *   4 more bytes and the field key over 65,535; a name or tag value that ends in a backslash (it escapes what follows).
 * - the whole body refused with 500, again and again: a measurement or field key that is not UTF-8.
 * - dropped in silence: a line that begins with `#`.
 * - **takes the next line with it**: a backslash before a space in a name or tag, with `=` and `"` behind it: the splitter into
 *   lines takes `\\` as an escape, the parser of a line does not, so one of them sees the fields and a quote begin.
 * - stored, but not to be found under its name: a measurement with a backslash before `,`, space, `=` or `"`.
 * - taken and read back exactly: every other backslash, quotes, UTF-8, tabs. */
#ifndef PL_FORMAT_LINEPROTO_H
#define PL_FORMAT_LINEPROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "format/labels.h"

enum { PL_LP_MAX_SERIES_KEY = 65535, PL_LP_KEY_OVERHEAD = 4 };

/* Does a point with so many bytes of measurement and tags (escaped) and of field key fit? */
static inline bool pl_lp_key_fits(size_t series, size_t field_key)
{
	return series + PL_LP_KEY_OVERHEAD + field_key <= PL_LP_MAX_SERIES_KEY;
}

/* Is the time within what InfluxDB stores? */
static inline bool pl_lp_time_fits(int64_t ns)
{
	return ns >= INT64_MIN + 2 && ns <= INT64_MAX - 1;
}

/* Appends the name with `,`, space (and `=` for keys and values) escaped by a backslash. What line protocol cannot carry safely
 * is replaced by `_`: control characters (newline and tab included), bytes that are not UTF-8, a backslash at the end or before a
 * space (in a measurement also before `,`, `=` and `"`), a leading `#` of a measurement. An empty name becomes `_`; an empty
 * tag value is the caller's to leave out. Deterministic, so that one label value always maps to one tag value. */
void pl_lp_add_measurement(struct pl_buf *out, struct pl_str name);
void pl_lp_add_key(struct pl_buf *out, struct pl_str name); /* tag key, field key */
void pl_lp_add_tag_value(struct pl_buf *out, struct pl_str value);

/* Appends `,key=value` for each label of `set` in its order; labels with an empty value are left out, as InfluxDB has no empty
 * tags. A label named `time` is written as `time_` (with more `_` as long as the set has that name, too). */
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

/* Walks tags (`k=v,...`): each call takes one pair off `*rest`. False at the end. The slices are still escaped. Only for text
 * that pl_lp_parse accepted. */
bool pl_lp_next_pair(struct pl_str *rest, struct pl_str *key, struct pl_str *value);

/* The same for fields; the value keeps its quotes or type suffix. A walk of its own, because `"` begins a string in a field and
 * is a character like any other in a tag: `a="x,b=y"` is two tags or one field. */
bool pl_lp_next_field(struct pl_str *rest, struct pl_str *key, struct pl_str *value);

/* Appends the name, key or tag value with its backslash escapes resolved. */
void pl_lp_unescape(struct pl_buf *out, struct pl_str escaped);

/* Reads a field value: float, integer (`i`), unsigned is refused, boolean, string. For numbers `*number` is set. */
enum pl_lp_type { PL_LP_FLOAT, PL_LP_INTEGER, PL_LP_BOOLEAN, PL_LP_STRING };
PL_MUST_CHECK enum pl_err pl_lp_value(struct pl_str value, enum pl_lp_type *type, double *number);

/* Parses and checks one line (without its newline), as strict as 1.6.7 and in a few places stricter: nothing may follow the
 * closing quote of a string, no field may be named `time`, no name may hold a line break or a backslash before an escaped space,
 * no line more than 512 tags. Spaces before the measurement are skipped. An empty line and a comment are errors: they are no
 * points. On PL_EPARSE `*column` (from 1) and `*reason` (static text) say why. */
PL_MUST_CHECK enum pl_err pl_lp_parse(struct pl_str line, struct pl_lp_line *out, size_t *column, const char **reason);

#endif
