/* The numbers and timestamps of the exposition formats. Internal to the exposition reader and checker.
 *
 * Accepted as both formats' parsers do (Go's ParseFloat without hexadecimal and underscores, OpenMetrics' `number`): decimal
 * digits with an optional sign, fraction and exponent, and `Inf`, `Infinity`, `NaN` in any case, the first two with an optional
 * sign. */
#ifndef PL_FORMAT_EXPOSITION_NUMBER_H
#define PL_FORMAT_EXPOSITION_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "format/exposition.h"

/* Longer texts are no numbers: the longest that any printer makes of a double has 1,077 bytes. */
enum { PL_EXPOSITION_NUMBER_MAX = 1100 };

/* Scans the number at `p`, which a blank or a newline must end. Returns where it ends, or NULL when it is none. A number too
 * large for a double is an infinity; `*number` is set for PL_VALUE_ODD only. */
const char *pl_exposition_number_scan(const char *p, enum pl_value_class *value_class, double *number);

/* The whole text as a double; false when it is no number. */
bool pl_exposition_number_of(struct pl_str text, double *number);

/* Scan a timestamp at `p` that a blank or a newline must end: milliseconds as a signed 64-bit integer, seconds as a decimal
 * number. Both give nanoseconds, exact to the last digit that counts, INT64_MIN or INT64_MAX when they do not fit. Return where
 * it ends, or NULL when it is none. */
const char *pl_exposition_time_ms(const char *p, int64_t *ns);
const char *pl_exposition_time_seconds(const char *p, int64_t *ns);

#endif
