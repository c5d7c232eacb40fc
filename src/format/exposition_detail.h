/* What a page holds beyond its samples: for checkers and explainers. The scraping path does not use this. */
#ifndef PL_FORMAT_EXPOSITION_DETAIL_H
#define PL_FORMAT_EXPOSITION_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "format/exposition.h"

/* PL_METADATA_COMMENT is any other comment of text 0.0.4; OpenMetrics has none. */
enum pl_metadata_kind { PL_METADATA_HELP, PL_METADATA_TYPE, PL_METADATA_UNIT, PL_METADATA_EOF, PL_METADATA_COMMENT };

struct pl_metadata {
	enum pl_metadata_kind kind;
	struct pl_str name;       /* of the family; HELP, TYPE and UNIT only */
	struct pl_str text;       /* as written behind the name: help with its escapes, type, unit */
	enum pl_metric_type type; /* TYPE only */
	size_t line;              /* from 1 */
};

struct pl_exemplar {
	const struct pl_sample_label *labels;
	size_t n_labels;
	struct pl_str value;
	const char *at; /* its `#` */
};

/* Views are valid during the call only; anything but PL_OK ends the reading. */
typedef enum pl_err (*pl_metadata_fn)(void *data, const struct pl_metadata *metadata);

/* Calls `fn` with the reader's data for each comment, HELP, TYPE, UNIT and EOF line; NULL ends that. A reset does not. */
void pl_exposition_on_metadata(struct pl_exposition *e, pl_metadata_fn fn);

/* During a sample's callback: its exemplar, or NULL. */
const struct pl_exemplar *pl_exposition_exemplar(const struct pl_exposition *e);

/* For a callback to return: sets the error to this reason (printf; what is not printable ASCII becomes `?`) at the byte `at` of
 * the current line, or, when `at` is NULL, at the start of `line`, an earlier one. Returns PL_EPARSE. */
PL_MUST_CHECK enum pl_err pl_exposition_refuse(struct pl_exposition *e, size_t line, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
