#include "format/exposition_point.h"

#include <math.h>

#include "format/exposition_number.h"

enum { SHOWN = 48, MAX_EXEMPLAR = 128 };

/* Printf arguments for `%.*s`. */
#define SHOW(S) (int)((S).n < SHOWN ? (S).n : SHOWN), (S).p

static bool is(const char *suffix, const char *what)
{
	return strcmp(suffix, what) == 0;
}

struct pl_str pl_exposition_point_label(const struct pl_exposition_rules *r, const char *suffix)
{
	if (is(suffix, "_bucket"))
		return PL_STR("le");
	if (r->type == PL_METRIC_SUMMARY && is(suffix, ""))
		return PL_STR("quantile");
	if (r->type == PL_METRIC_STATESET)
		return r->family;
	return (struct pl_str){0};
}

static const struct pl_sample_label *find_label(const struct pl_sample *s, struct pl_str name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (pl_str_eq(s->labels[i].name, name))
			return &s->labels[i];
	return NULL;
}

static double value_of(const struct pl_sample *s)
{
	double v = NAN;
	return pl_exposition_number_of(s->value, &v) ? v : NAN;
}

static enum pl_err check_counted(const struct pl_exposition_rules *r, const struct pl_sample *s, double v)
{
	if (v >= 0)
		return PL_OK;
	return pl_exposition_refuse(r->reader, 0, s->value.p, "`%.*s` counts: expected a value of 0 or more, found %.*s",
				    SHOW(s->name), SHOW(s->value));
}

/* ---- histograms ---- */

static enum pl_err check_bound(const struct pl_exposition_point *point, const struct pl_exposition_rules *r,
			       const struct pl_sample *s, double *bound)
{
	const struct pl_sample_label *le = find_label(s, PL_STR("le"));
	if (le == NULL)
		return pl_exposition_refuse(r->reader, 0, s->name.p, "a bucket needs the label `le` with its upper bound");
	if (!pl_exposition_number_of(le->value, bound) || isnan(*bound))
		return pl_exposition_refuse(r->reader, 0, le->value.p, "expected a number as upper bound in `le`, found `%.*s`",
					    SHOW(le->value));
	if (isinf(*bound) && *bound > 0 && !pl_str_is(le->value, "+Inf"))
		return pl_exposition_refuse(r->reader, 0, le->value.p, "the last bucket's bound is written `+Inf`, found `%.*s`",
					    SHOW(le->value));
	if (point->has_bucket && !(*bound > point->bound))
		return pl_exposition_refuse(r->reader, 0, le->value.p,
					    "buckets stand in rising order of `le`: `%.*s` is behind %g", SHOW(le->value),
					    point->bound);
	return PL_OK;
}

static enum pl_err add_bucket(struct pl_exposition_point *point, const struct pl_exposition_rules *r, const struct pl_sample *s,
			      double v)
{
	double bound;
	enum pl_err err = check_bound(point, r, s, &bound);
	if (err == PL_OK)
		err = check_counted(r, s, v);
	if (err != PL_OK)
		return err;
	if (point->has_bucket && v < point->total)
		return pl_exposition_refuse(r->reader, 0, s->value.p,
					    "buckets add up: expected %g or more as in the bucket before, found %.*s",
					    point->total, SHOW(s->value));
	point->has_bucket = true;
	point->has_negative_bucket |= bound < 0;
	point->has_infinity |= isinf(bound) && bound > 0;
	point->bound = bound;
	point->total = v;
	return PL_OK;
}

static enum pl_err add_sum(struct pl_exposition_point *point, const struct pl_exposition_rules *r, const struct pl_sample *s,
			   double v)
{
	point->has_sum = true;
	point->sum = v;
	if (r->format == PL_EXPOSITION_TEXT)
		return PL_OK;
	if (r->type != PL_METRIC_GAUGEHISTOGRAM)
		return check_counted(r, s, v);
	if (isnan(v))
		return pl_exposition_refuse(r->reader, 0, s->value.p, "`%.*s` must not be NaN", SHOW(s->name));
	return PL_OK;
}

static enum pl_err add_count(struct pl_exposition_point *point, const struct pl_exposition_rules *r, const struct pl_sample *s,
			     double v)
{
	point->has_count = true;
	point->count = v;
	return check_counted(r, s, v);
}

static enum pl_err end_histogram(const struct pl_exposition_point *point, const struct pl_exposition_rules *r)
{
	bool gauge = r->type == PL_METRIC_GAUGEHISTOGRAM;
	const char *sum = gauge ? "_gsum" : "_sum", *count = gauge ? "_gcount" : "_count";
	if (!point->has_infinity)
		return pl_exposition_refuse(r->reader, point->line, NULL,
					    "this histogram of `%.*s` ends without a bucket of le=\"+Inf\"", SHOW(r->family));
	if (point->has_count && point->count != point->total)
		return pl_exposition_refuse(r->reader, point->line, NULL,
					    "`%.*s%s` is %g, but its le=\"+Inf\" bucket is %g: they must be equal",
					    SHOW(r->family), count, point->count, point->total);
	if (r->format == PL_EXPOSITION_TEXT)
		return PL_OK;
	if (point->has_sum && !gauge && point->has_negative_bucket)
		return pl_exposition_refuse(r->reader, point->line, NULL,
					    "a histogram with buckets below 0 must not have `%.*s%s`", SHOW(r->family), sum);
	if (point->has_sum != point->has_count)
		return pl_exposition_refuse(r->reader, point->line, NULL, "`%.*s` has %s without %s: expected both or none",
					    SHOW(r->family), point->has_sum ? sum : count, point->has_sum ? count : sum);
	if (point->has_sum && point->sum < 0 && !point->has_negative_bucket)
		return pl_exposition_refuse(r->reader, point->line, NULL, "`%.*s%s` is negative, though no bucket is below 0",
					    SHOW(r->family), sum);
	return PL_OK;
}

/* ---- the other types ---- */

static enum pl_err add_quantile(struct pl_exposition_point *point, const struct pl_exposition_rules *r, const struct pl_sample *s,
				double v)
{
	const struct pl_sample_label *label = find_label(s, PL_STR("quantile"));
	double q;
	if (label == NULL)
		return pl_exposition_refuse(r->reader, 0, s->name.p, "a summary's `%.*s` needs the label `quantile`",
					    SHOW(s->name));
	if (!pl_exposition_number_of(label->value, &q) || !(q >= 0 && q <= 1))
		return pl_exposition_refuse(r->reader, 0, label->value.p, "expected a quantile from 0 to 1, found `%.*s`",
					    SHOW(label->value));
	if (r->format == PL_EXPOSITION_TEXT && point->has_quantile && !(q > point->bound))
		return pl_exposition_refuse(r->reader, 0, label->value.p, "quantiles stand in rising order: `%.*s` is behind %g",
					    SHOW(label->value), point->bound);
	point->has_quantile = true;
	point->bound = q;
	return r->format == PL_EXPOSITION_OPENMETRICS && !isnan(v) ? check_counted(r, s, v) : PL_OK;
}

static enum pl_err add_state(const struct pl_exposition_rules *r, const struct pl_sample *s, double v)
{
	if (find_label(s, r->family) == NULL)
		return pl_exposition_refuse(r->reader, 0, s->name.p,
					    "a stateset's sample needs the label `%.*s` with the state's name", SHOW(r->family));
	if (v != 0 && v != 1)
		return pl_exposition_refuse(r->reader, 0, s->value.p, "expected 0 or 1 as a state's value, found %.*s",
					    SHOW(s->value));
	return PL_OK;
}

static enum pl_err check_created(const struct pl_exposition_rules *r, const struct pl_sample *s, double v)
{
	if (isfinite(v))
		return PL_OK;
	return pl_exposition_refuse(r->reader, 0, s->value.p, "`%.*s` is a time: expected seconds, found %.*s", SHOW(s->name),
				    SHOW(s->value));
}

/* ---- exemplars ---- */

/* Characters of the names and values together. */
static size_t exemplar_length(const struct pl_exemplar *x)
{
	size_t length = 0;
	struct pl_buf value = {0};
	for (size_t i = 0; i < x->n_labels; i++) {
		pl_buf_clear(&value);
		pl_exposition_unescape(&value, x->labels[i].value);
		length += x->labels[i].name.n;
		for (size_t k = 0; k < value.n; k++)
			length += ((unsigned char)value.p[k] & 0xC0) != 0x80;
	}
	pl_buf_finish(&value);
	return length;
}

static enum pl_err check_exemplar(const struct pl_exposition_rules *r, const char *suffix)
{
	const struct pl_exemplar *x = pl_exposition_exemplar(r->reader);
	if (x == NULL)
		return PL_OK;
	if (!is(suffix, "_bucket") && !is(suffix, "_total"))
		return pl_exposition_refuse(r->reader, 0, x->at,
					    "exemplars stand only behind a counter's `_total` and a histogram's `_bucket`");
	size_t length = exemplar_length(x);
	if (length > MAX_EXEMPLAR)
		return pl_exposition_refuse(r->reader, 0, x->at, "the exemplar's labels have %zu characters together: at most %d",
					    length, MAX_EXEMPLAR);
	return PL_OK;
}

enum pl_err pl_exposition_point_add(struct pl_exposition_point *point, const struct pl_exposition_rules *r,
				    const struct pl_sample *sample, const char *suffix)
{
	double v = value_of(sample);
	bool openmetrics = r->format == PL_EXPOSITION_OPENMETRICS;
	enum pl_err err = check_exemplar(r, suffix);
	if (err != PL_OK)
		return err;
	point->line = sample->line;
	if (is(suffix, "_created"))
		return check_created(r, sample, v);
	if (is(suffix, "_bucket"))
		return add_bucket(point, r, sample, v);
	if (is(suffix, "_sum") || is(suffix, "_gsum"))
		return add_sum(point, r, sample, v);
	if (is(suffix, "_count") || is(suffix, "_gcount"))
		return add_count(point, r, sample, v);
	if (r->type == PL_METRIC_SUMMARY)
		return add_quantile(point, r, sample, v);
	if (r->type == PL_METRIC_STATESET)
		return add_state(r, sample, v);
	if (r->type == PL_METRIC_INFO && v != 1)
		return pl_exposition_refuse(r->reader, 0, sample->value.p, "expected 1 as an info's value, found %.*s",
					    SHOW(sample->value));
	if (r->type == PL_METRIC_COUNTER) {
		point->has_total = true;
		return openmetrics ? check_counted(r, sample, v) : PL_OK;
	}
	return PL_OK;
}

enum pl_err pl_exposition_point_end(const struct pl_exposition_point *point, const struct pl_exposition_rules *r)
{
	if (r->type == PL_METRIC_HISTOGRAM || r->type == PL_METRIC_GAUGEHISTOGRAM)
		return end_histogram(point, r);
	if (r->type == PL_METRIC_COUNTER && !point->has_total)
		return pl_exposition_refuse(r->reader, point->line, NULL, "the counter `%.*s` has no `_total` beside this",
					    SHOW(r->family));
	return PL_OK;
}
