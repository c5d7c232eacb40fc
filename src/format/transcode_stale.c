#include "format/transcode.h"

#include "format/lineproto.h"
#include "format/series_text.h"
#include "format/transcode_line.h"

static const char field[] = " value=1";

static void add_packed_tags(struct pl_buf *out, struct pl_str series)
{
	struct pl_labels_builder set = {0};
	struct pl_str name, value;
	while (pl_series_text_next(&series, &name) && pl_series_text_next(&series, &value))
		pl_labels_builder_set(&set, name, value);
	pl_lp_add_tags(out, pl_labels_builder_view(&set));
	pl_labels_builder_finish(&set);
}

void pl_transcode_stale(struct pl_transcode *t, struct pl_str series, bool target_tags)
{
	struct pl_buf *out = t->out;
	struct pl_str metric = {NULL, 0}, tags;
	size_t start = out->n;
	pl_buf_add_cstr(out, "pulseline_stale");
	if (t->schema == PL_SCHEMA_KAPACITOR) {
		pl_series_text_split(series, &metric, &tags);
		pl_buf_clear(&t->scratch);
		pl_lp_unescape(&t->scratch, metric);
		metric = pl_buf_str(&t->scratch);
		pl_buf_add_str(out, tags);
	} else if (pl_series_text_next(&series, &metric)) {
		add_packed_tags(out, series);
	}
	if (target_tags)
		pl_buf_add_str(out, pl_buf_str(&t->target->tags));
	pl_transcode_add_tag_key(out, start, "metric");
	pl_lp_add_tag_value(out, metric);
	if (!pl_lp_key_fits(out->n - start, sizeof "value" - 1)) {
		out->n = start;
		return;
	}
	pl_buf_add_cstr(out, field);
	pl_transcode_add_time(t, out, false, 0);
	t->lines++;
}
