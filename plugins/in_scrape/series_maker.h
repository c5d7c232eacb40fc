/* Finds out what becomes of a series, mostly under metric_relabel_configs: once for each, the cache keeps it. */
#ifndef PL_IN_SCRAPE_SERIES_MAKER_H
#define PL_IN_SCRAPE_SERIES_MAKER_H

#include "format/relabel.h"
#include "format/sample_labels.h"
#include "in_scrape/label_limits.h"
#include "in_scrape/series_cache.h"

/* Zero-initialise; reused from sample to sample, for any target of a worker. */
struct pl_series_maker {
	struct pl_sample_labels labels;
	struct pl_relabel_scratch scratch;
	struct pl_buf text;
};

/* What holds for all samples of a page; all borrowed. */
struct pl_series_rules {
	const struct pl_relabel *metric_relabel; /* NULL: none */
	const struct pl_transcode_target *target;
	const struct pl_label_limits *limits;
	enum pl_schema_kind schema;
	bool honor_labels;
};

/* A cache entry's fate and text (borrowed until the next call). */
struct pl_series_made {
	uint8_t fate;
	struct pl_str text;
};

void pl_series_maker_finish(struct pl_series_maker *m);

/* Relabels the sample's labels, merged with the target's; what begins with `__` then vanishes, but the metric's name. PL_ELIMIT:
 * the set exceeds a label limit, the reason is in `reason`. */
PL_MUST_CHECK enum pl_err pl_series_make(struct pl_series_maker *m, const struct pl_series_rules *rules,
					 const struct pl_sample *sample, struct pl_series_made *out, char *reason,
					 size_t reason_size);

/* Do the labels of a sample that is not relabeled keep the limits? As above. */
PL_MUST_CHECK enum pl_err pl_series_check_limits(struct pl_series_maker *m, const struct pl_series_rules *rules,
						 const struct pl_sample *sample, char *reason, size_t reason_size);

#endif
