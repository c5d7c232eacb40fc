/* A series whose labels are settled, as a text that is kept from page to page, for the writer of one schema. */
#ifndef PL_FORMAT_SERIES_TEXT_H
#define PL_FORMAT_SERIES_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "format/labels.h"
#include "format/transcode.h"

/* The metric's name with `__name__`. */
#define PL_METRIC_NAME PL_STR("__name__")

/* Removes the labels that begin with `__`, but the metric's name: they were for relabeling. */
void pl_series_text_tidy(struct pl_labels_builder *set);

/* Appends the text of `set`, which has the metric's name (and loses it). Where the set has all of the target's labels as they
 * are, they are left out, and `*with_target` becomes true: then they are to be written behind the others. False when a string is
 * longer than any series key may be; what stands in `out` then is of no use. */
bool pl_series_text_add(struct pl_buf *out, enum pl_schema_kind schema, struct pl_labels_builder *set, struct pl_labels target,
			bool *with_target);

/* Takes the next string off a text that was made for one of Telegraf's schemas: the metric's name, then each label's name and
 * value. False at the end. */
bool pl_series_text_next(struct pl_str *rest, struct pl_str *out);

/* Splits a text that was made for PL_SCHEMA_KAPACITOR: `*tags` begins with a comma, or is empty. Both are escaped. */
void pl_series_text_split(struct pl_str text, struct pl_str *measurement, struct pl_str *tags);

#endif
