/* A streaming reader of the Prometheus text format 0.0.4 and of OpenMetrics 1.0.
 * Sources: https://github.com/prometheus/docs exposition_formats.md (text 0.0.4) and the OpenMetrics 1.0 specification's ABNF.
 *
 * Text 0.0.4 is read as Prometheus' parsers read it: blanks between tokens, a trailing comma, empty lines and comments are fine;
 * hexadecimal numbers, underscores, unescaped line breaks and carriage returns are errors, and so is a last line without its
 * newline: it may be half a line. OpenMetrics is read by the letter of its grammar. The protobuf formats, native histograms and
 * names in quotes are not supported.
 *
 * Bytes come in pieces of any size; each complete sample goes to a callback as views of the piece (or of a small carry buffer for
 * a line that straddles two pieces). Nothing is allocated per sample, and a number's text is checked, not converted. */
#ifndef PL_FORMAT_EXPOSITION_H
#define PL_FORMAT_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* What to ask a server for. Text 0.0.4 first: its names are the ones Kapacitor's scraper stored, while OpenMetrics renames
 * counters. */
#define PL_EXPOSITION_ACCEPT "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"

enum pl_exposition_format { PL_EXPOSITION_TEXT, PL_EXPOSITION_OPENMETRICS };

/* PL_METRIC_UNKNOWN is text 0.0.4's `untyped` and also stands where no TYPE line was seen. */
enum pl_metric_type {
	PL_METRIC_UNKNOWN,
	PL_METRIC_COUNTER,
	PL_METRIC_GAUGE,
	PL_METRIC_HISTOGRAM,
	PL_METRIC_GAUGEHISTOGRAM,
	PL_METRIC_SUMMARY,
	PL_METRIC_INFO,
	PL_METRIC_STATESET,
};

/* How a value's text may be used: PLAIN ([-]digits[.digits][e[+-]digits]) is copied as it is into line protocol, ODD (a leading
 * `+`, `.5`, `5.`, `1E5`) is written anew from `value_number`, the others not at all. What exceeds the range of a double is an
 * infinity. */
enum pl_value_class { PL_VALUE_PLAIN, PL_VALUE_ODD, PL_VALUE_NAN, PL_VALUE_INF, PL_VALUE_NEG_INF };

struct pl_sample_label {
	struct pl_str name;
	struct pl_str value; /* as written between the quotes */
	bool escaped;        /* value holds backslash escapes: resolve with pl_exposition_unescape */
};

struct pl_sample {
	struct pl_str name;
	const struct pl_sample_label *labels;
	size_t n_labels;
	struct pl_str value; /* the number's text */
	enum pl_value_class value_class;
	double value_number; /* only for PL_VALUE_ODD */
	bool has_time;
	int64_t time_ns;          /* Unix time, when has_time; INT64_MIN or INT64_MAX when it does not fit */
	enum pl_metric_type type; /* of the family by the last TYPE line whose name this sample fits */
	size_t family_n;          /* the bytes of `name` that are the family's; undefined for PL_METRIC_UNKNOWN */
	size_t line;              /* from 1 */
};

/* Views are valid during the call only. Anything but PL_OK ends the reading with that result. */
typedef enum pl_err (*pl_sample_fn)(void *data, const struct pl_sample *sample);

struct pl_exposition_limits {
	size_t max_line;   /* bytes of one line; 0: 1 MiB */
	size_t max_labels; /* of one sample; 0: 128 */
};

struct pl_exposition_error {
	size_t line, column; /* from 1; bytes */
	char reason[160];    /* printable ASCII, no line breaks */
};

struct pl_exposition;

struct pl_exposition *pl_exposition_create(enum pl_exposition_format format, struct pl_exposition_limits limits, pl_sample_fn fn,
					   void *data);
void pl_exposition_destroy(struct pl_exposition *e);

/* Ready for another page, with all memory kept. */
void pl_exposition_reset(struct pl_exposition *e, enum pl_exposition_format format, pl_sample_fn fn, void *data);

/* PL_EPARSE or PL_ELIMIT: pl_exposition_error tells; else what the callback returned. After an error, feed no more. */
PL_MUST_CHECK enum pl_err pl_exposition_feed(struct pl_exposition *e, const char *p, size_t n);

/* The page is complete: checks the last line, and `# EOF` for OpenMetrics. */
PL_MUST_CHECK enum pl_err pl_exposition_end(struct pl_exposition *e);

const struct pl_exposition_error *pl_exposition_error(const struct pl_exposition *e);

/* By the Content-Type of an answer: `application/openmetrics-text` is OpenMetrics, everything textual or missing is text 0.0.4; a
 * binary or unsuitable one (protobuf, JSON, HTML, image ...) is PL_EUNSUPPORTED. */
PL_MUST_CHECK enum pl_err pl_exposition_format_of(struct pl_str content_type, enum pl_exposition_format *out);

/* Appends a label value with `\\`, `\"` and `\n` resolved. */
void pl_exposition_unescape(struct pl_buf *out, struct pl_str raw);

#endif
