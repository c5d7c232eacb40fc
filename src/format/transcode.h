/* Samples to line protocol: one object per page being read, reused for the next. */
#ifndef PL_FORMAT_TRANSCODE_H
#define PL_FORMAT_TRANSCODE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/exposition.h"
#include "format/labels.h"

/* All values are floats.
 *
 * PL_SCHEMA_KAPACITOR: measurement = metric name, tags = labels, field `value`, as Kapacitor's scraper writes, but: without
 * its tag `__name__`; with the tag `job`; a sum, count or bucket of +Inf that the page does not have is not made up.
 * PL_SCHEMA_TELEGRAF1: as Telegraf's inputs.prometheus with metric_version = 1: measurement = family; fields `counter`, `gauge`,
 * `value` (untyped); a histogram or summary is one point with `count`, `sum` and a field for each bound or quantile.
 * PL_SCHEMA_TELEGRAF2: with metric_version = 2: one measurement; field = metric name; `_count` and `_sum` share a point, each
 * bucket (the one of +Inf is added) and quantile is one with the tag `le` or `quantile`.
 * Both as https://github.com/influxdata/telegraf/tree/master/plugins/inputs/prometheus and plugins/parsers/prometheus tell;
 * bounds are written as Go's %g prints them, a missing count or sum as 0. A bucket or quantile without a bound, which Telegraf
 * leaves out, is a value like any other here. OpenMetrics pages come out as the same page in text 0.0.4 would: counters keep
 * `_total`,
 * `_created`, info and stateset are gauges, a gaugehistogram is a histogram. */
enum pl_schema_kind { PL_SCHEMA_KAPACITOR, PL_SCHEMA_TELEGRAF1, PL_SCHEMA_TELEGRAF2 };

/* What becomes of NaN, +Inf and -Inf, which InfluxDB cannot store: dropped and counted; 0; or 0 in a point of its own with the
 * tag `special` (`special_` when there is a label of that name) that says which. */
enum pl_nan_policy { PL_NAN_DROP, PL_NAN_ZERO, PL_NAN_TAG };

/* What tells of a series that is no longer there: nothing, or a point of its own (pl_transcode_stale). */
enum pl_stale_policy { PL_STALE_NONE, PL_STALE_MARKER };

/* Why a sample did not become a line. */
#define PL_SAMPLE_DROP_MAP(X)                                                                                                    \
	X(PL_SAMPLE_DROP_NAN, "nan", "NaN cannot be stored in InfluxDB")                                                         \
	X(PL_SAMPLE_DROP_INF, "inf", "an infinity cannot be stored in InfluxDB")                                                 \
	X(PL_SAMPLE_DROP_SERIES_KEY, "series_key_too_long", "the series key exceeds InfluxDB's 65535 bytes")                     \
	X(PL_SAMPLE_DROP_TIME, "time_out_of_range", "the timestamp is not between the years 1677 and 2262")

enum pl_sample_drop {
#define X(name, label, text) name,
	PL_SAMPLE_DROP_MAP(X)
#undef X
	    PL_SAMPLE_DROP_COUNT
};

/* The short name used as label `reason` of counters, and the sentence that explains it. Static storage. */
const char *pl_sample_drop_label(enum pl_sample_drop d);
const char *pl_sample_drop_text(enum pl_sample_drop d);

/* What is the same for every sample of one target; render once, keep for the target's life. Zero-initialise. */
struct pl_transcode_target {
	struct pl_labels labels; /* borrowed; labels whose name starts with `__` must have been removed */
	struct pl_buf tags;      /* `,key=value...` escaped; some bytes of room behind it */
	uint64_t taken;          /* a bit for each name that a sample's label may have only after a closer look */
};

void pl_transcode_target_init(struct pl_transcode_target *t, struct pl_labels labels); /* borrows the labels */
void pl_transcode_target_finish(struct pl_transcode_target *t);

struct pl_gather;

/* Zero-initialise, set schema, nan_policy, measurement and the two honor_ fields, then begin each page. */
struct pl_transcode {
	const struct pl_transcode_target *target; /* borrowed */
	/* Writes a sample by the schema; chosen when a page begins. */
	void (*write)(struct pl_transcode *t, const struct pl_sample *sample);
	enum pl_schema_kind schema;
	enum pl_nan_policy nan_policy;
	struct pl_str measurement; /* of PL_SCHEMA_TELEGRAF2, borrowed; empty: prometheus */
	bool honor_labels;         /* a sample's label wins over a target's of the same name; else it becomes exported_<name> */
	bool honor_timestamps;     /* a sample's own time wins over `time_ns` */
	struct pl_buf *out;        /* borrowed; lines are appended */
	struct pl_buf scratch;     /* one label value without its escapes */
	struct pl_buf renamed;     /* new names of one sample's labels */
	struct pl_gather *gather;  /* owned; NULL until a schema needs it */
	uint64_t lines;            /* written */
	uint64_t merged;           /* samples that share a line with another */
	uint64_t added;            /* lines without a sample */
	uint64_t parts;            /* points written before they were complete, for want of room to gather them */
	uint64_t dropped[PL_SAMPLE_DROP_COUNT];
	char time_text[24]; /* ` <ns>\n` of this page */
	size_t time_len;
};

/* Starts a page: counters to 0, all samples without their own time get `time_ns`. */
void pl_transcode_begin(struct pl_transcode *t, const struct pl_transcode_target *target, struct pl_buf *out, int64_t time_ns);
void pl_transcode_finish(struct pl_transcode *t);

/* Writes, gathers or drops-and-counts one sample. Tags are the sample's labels, then the target's; not sorted, no key twice.
 * Labels with an empty value are left out (with honor_labels, such a label also keeps away the target's of its name, as in
 * Prometheus). `time` becomes `time_`, on both sides, before names are compared. Of two labels of one name in a sample the first
 * counts. Fits pl_sample_fn through a wrapper; never fails. */
static inline void pl_transcode_sample(struct pl_transcode *t, const struct pl_sample *sample)
{
	t->write(t, sample);
}

/* The page is complete: writes what is still being gathered. Then samples = lines - added + merged + sum of dropped. */
void pl_transcode_end(struct pl_transcode *t);

/* The page is no good: forgets what is being gathered. */
void pl_transcode_discard(struct pl_transcode *t);

/* As pl_transcode_sample for a sample that was relabeled: `series` is its name and labels as pl_series_text_add made them for
 * this schema; with `target_tags` the target's follow. For Telegraf's schemas its type stays the page's while its name keeps the
 * suffix that tells its part (`_bucket`, `_sum` ...), points are gathered as the page's families stand, and nothing is added for
 * what is missing. */
void pl_transcode_series(struct pl_transcode *t, struct pl_str series, bool target_tags, const struct pl_sample *sample);

/* One line, whatever the schema, that says: this series is not there any more. Measurement `pulseline_stale`, tags: the series'
 * and `metric` (with `_` behind it where the series has such a tag), field `value`, 1. `series` as above. Nothing is written when
 * that would be too long for a series key. */
void pl_transcode_stale(struct pl_transcode *t, struct pl_str series, bool target_tags);

/* One line for a value of our own (up, scrape_duration_seconds ...), a gauge. */
void pl_transcode_own(struct pl_transcode *t, const char *name, double value);

#endif
