/* The rules for what one metric of a family shows at one moment: a value, or a histogram's buckets with their sum and count.
 * Internal to the exposition checker.
 * Sources: the OpenMetrics 1.0 specification, "Metric Types"; for text 0.0.4 exposition_formats.md, "Histograms and summaries".
 */
#ifndef PL_FORMAT_EXPOSITION_POINT_H
#define PL_FORMAT_EXPOSITION_POINT_H

#include "format/exposition_detail.h"

/* The family whose samples are checked. */
struct pl_exposition_rules {
	struct pl_exposition *reader; /* borrowed: errors are set there */
	enum pl_exposition_format format;
	enum pl_metric_type type;
	struct pl_str family;
};

/* Zero-initialise. */
struct pl_exposition_point {
	size_t line; /* of its last sample */
	bool has_time;
	int64_t time_ns;
	bool has_total, has_sum, has_count, has_bucket, has_infinity, has_negative_bucket, has_quantile;
	double total, sum, count; /* total: of the last bucket */
	double bound;             /* le of the last bucket, or the last quantile */
};

/* The label that tells the samples of one point apart (`le`, `quantile`, the stateset's name); empty when the sample has none. */
struct pl_str pl_exposition_point_label(const struct pl_exposition_rules *r, const char *suffix);

/* Checks the sample and adds it; `suffix` as pl_metric_type_suffix gives it. */
PL_MUST_CHECK enum pl_err pl_exposition_point_add(struct pl_exposition_point *point, const struct pl_exposition_rules *r,
						  const struct pl_sample *sample, const char *suffix);

/* Checks that nothing is missing in a point that has samples. */
PL_MUST_CHECK enum pl_err pl_exposition_point_end(const struct pl_exposition_point *point, const struct pl_exposition_rules *r);

#endif
