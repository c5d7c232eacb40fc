/* Telegraf's two layouts. Private to the transcoder. */
#ifndef PL_FORMAT_TRANSCODE_TELEGRAF_H
#define PL_FORMAT_TRANSCODE_TELEGRAF_H

#include "format/transcode.h"

void pl_transcode_telegraf_begin(struct pl_transcode *t); /* sets t->write */
void pl_transcode_telegraf_end(struct pl_transcode *t);

/* pl_transcode_series for these schemas. */
void pl_transcode_telegraf_series(struct pl_transcode *t, struct pl_str series, bool target_tags, const struct pl_sample *page);

/* Appends a bound (of a bucket or quantile) as Go's %g prints it. False when the text is no number; then nothing is appended. */
bool pl_transcode_add_bound(struct pl_buf *out, struct pl_str text);

#endif
