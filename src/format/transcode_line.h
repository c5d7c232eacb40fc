/* What the schemas' writers share: the pieces of a line. Private to the transcoder. */
#ifndef PL_FORMAT_TRANSCODE_LINE_H
#define PL_FORMAT_TRANSCODE_LINE_H

#include <stdbool.h>

#include "format/transcode.h"

/* May the sample be stored, under the job's policy for what is not finite? False: it was counted as dropped. `*special` becomes
 * the text for the tag `special`, or stays empty. */
bool pl_transcode_judge(struct pl_transcode *t, const struct pl_sample *sample, struct pl_str *special);

/* Appends measurement and tags, the target's included. False when they exceed any series key; then nothing is appended. */
bool pl_transcode_add_series(struct pl_transcode *t, struct pl_buf *out, struct pl_str measurement,
			     const struct pl_sample *sample);

/* Appends `,special=TEXT`, the name with as many `_` behind it as make it one that neither side has. */
void pl_transcode_add_special(const struct pl_transcode *t, struct pl_buf *out, const struct pl_sample *sample,
			      struct pl_str special);

/* Appends `,name=` to the series that stands from `start` to the end of `out`, whatever made its tags, with `_` behind the name
 * as long as the text has such a tag. */
void pl_transcode_add_tag_key(struct pl_buf *out, size_t start, const char *name);

/* The number's text; 0 for what is not finite. */
void pl_transcode_add_value(struct pl_buf *out, const struct pl_sample *sample);

/* ` <ns>\n`: the sample's own time or the page's. */
void pl_transcode_add_time(const struct pl_transcode *t, struct pl_buf *out, bool has_time, int64_t time_ns);
bool pl_transcode_has_own_time(const struct pl_transcode *t, const struct pl_sample *sample);

/* Appends the name and the suffix as a field key: `time`, which InfluxDB refuses, as `time_`; quotes and backslashes as `_`. */
void pl_transcode_add_field_key(struct pl_buf *out, struct pl_str name, const char *suffix);

/* Writes (or drops and counts) a whole line: this sample's tags and time, and its value as this field. */
void pl_transcode_add_line(struct pl_transcode *t, struct pl_str measurement, const struct pl_sample *sample,
			   struct pl_str field);

/* The label's value with its escapes resolved, in t->scratch if need be. */
struct pl_str pl_transcode_label_value(struct pl_transcode *t, const struct pl_sample_label *label);

bool pl_transcode_count_drop(struct pl_transcode *t, enum pl_sample_drop d); /* returns false */

#endif
