/* The values that relays send, as pulse reads them: Go's ParseFloat.
 *
 * Source: https://pkg.go.dev/strconv#ParseFloat and what Go 1.19 was seen to take: decimal and hexadecimal floating-point
 * numbers, `_` between digits, `inf`, `infinity` (signed or not) and `nan` in any case. */
#ifndef PL_FORMAT_RELAY_VALUE_H
#define PL_FORMAT_RELAY_VALUE_H

#include "base/buf.h"
#include "base/str.h"

enum pl_relay_value {
	PL_RELAY_VALUE_FINITE,
	PL_RELAY_VALUE_ODD, /* NaN or an infinity, which InfluxDB cannot store */
	PL_RELAY_VALUE_BAD, /* no number, or none that fits a double */
};

/* Appends the number as line protocol takes it (the text itself where that does), if it is finite; else nothing. */
enum pl_relay_value pl_relay_value_add(struct pl_str text, struct pl_buf *out);

#endif
