#include "format/transcode_telegraf.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/exposition_number.h"
#include "format/json_out.h"
#include "format/lineproto.h"
#include "format/series_text.h"
#include "format/transcode_gather.h"
#include "format/transcode_line.h"
#include "format/transcode_tags.h"

/* What a sample is within its histogram or summary. */
enum role { ROLE_NONE, ROLE_BUCKET, ROLE_QUANTILE, ROLE_SUM, ROLE_COUNT };

struct part {
	enum role role;
	struct pl_sample bare; /* the sample without the label that holds its bound */
	struct pl_str family;
	const struct pl_sample *page; /* the sample as it stands on the page */
	bool relabeled;               /* so that name and labels may be others than the page's */
};

static const struct pl_str le = {"le", 2}, quantile = {"quantile", 8}, infinity = {"+Inf", 4};

static bool is_gathered(enum pl_metric_type type)
{
	return type == PL_METRIC_HISTOGRAM || type == PL_METRIC_GAUGEHISTOGRAM || type == PL_METRIC_SUMMARY;
}

static struct pl_str suffix_of(const struct pl_sample *sample)
{
	size_t n = sample->family_n <= sample->name.n ? sample->family_n : sample->name.n;
	return (struct pl_str){sample->name.p + n, sample->name.n - n};
}

static enum role role_of(const struct pl_sample *sample)
{
	if (!is_gathered(sample->type) || sample->family_n > sample->name.n)
		return ROLE_NONE;
	struct pl_str suffix = suffix_of(sample);
	if (pl_str_is(suffix, "_sum") || pl_str_is(suffix, "_gsum"))
		return ROLE_SUM;
	if (pl_str_is(suffix, "_count") || pl_str_is(suffix, "_gcount"))
		return ROLE_COUNT;
	if (sample->type == PL_METRIC_SUMMARY)
		return suffix.n == 0 ? ROLE_QUANTILE : ROLE_NONE;
	return pl_str_is(suffix, "_bucket") ? ROLE_BUCKET : ROLE_NONE;
}

/* Most bounds on real pages stand there as %g prints them: digits that need no exponent and have no zero too many. */
static bool is_g(struct pl_str s)
{
	enum { MOST_WHOLE = 6, MOST_DIGITS = 15 };
	size_t whole = 0;
	while (whole < s.n && s.p[whole] >= '0' && s.p[whole] <= '9')
		whole++;
	if (whole == 0 || whole > MOST_WHOLE || s.n > MOST_DIGITS || (whole > 1 && s.p[0] == '0'))
		return false;
	if (whole == s.n)
		return true;
	if (s.p[whole] != '.' || whole + 1 == s.n || s.p[s.n - 1] == '0')
		return false;
	for (size_t i = whole + 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.p[0] != '0' || s.n < 6 || memcmp(s.p, "0.0000", 6) != 0;
}

bool pl_transcode_add_bound(struct pl_buf *out, struct pl_str text)
{
	double number;
	if (is_g(text) || pl_str_eq(text, infinity)) {
		pl_buf_add_str(out, text);
		return true;
	}
	if (!pl_exposition_number_of(text, &number) || isnan(number))
		return false;
	pl_add_double_g(out, number);
	return true;
}

/* Copies the labels but those called `name`; the value of the first of those becomes the bound. Returns whether it is one. */
static bool take_bound(struct pl_transcode *t, struct pl_sample *bare, struct pl_str name)
{
	struct pl_gather *g = t->gather;
	bool found = false, good = false;
	size_t n = 0;
	if (bare->n_labels > g->labels_cap) {
		g->labels_cap = bare->n_labels;
		g->labels = pl_realloc(g->labels, g->labels_cap * sizeof *g->labels);
	}
	for (size_t i = 0; i < bare->n_labels; i++) {
		if (!pl_str_eq(bare->labels[i].name, name)) {
			g->labels[n++] = bare->labels[i];
		} else if (!found) {
			found = true;
			pl_buf_clear(&g->bound);
			good = pl_transcode_add_bound(&g->bound, pl_transcode_label_value(t, &bare->labels[i]));
		}
	}
	bare->labels = g->labels;
	bare->n_labels = n;
	return good;
}

/* False when the sample is no part of a histogram or summary, or has no bound where it needs one. */
static bool take_apart(struct pl_transcode *t, const struct pl_sample *sample, const struct pl_sample *page, struct part *part)
{
	*part = (struct part){.role = role_of(sample), .bare = *sample, .page = page, .relabeled = page != sample};
	part->family = (struct pl_str){sample->name.p, sample->family_n};
	if (part->role == ROLE_NONE)
		return false;
	bool bounded = take_bound(t, &part->bare, sample->type == PL_METRIC_SUMMARY ? quantile : le);
	return bounded || part->role == ROLE_SUM || part->role == ROLE_COUNT;
}

static unsigned seen_by(const struct pl_transcode *t, const struct part *part)
{
	enum role role = part->role;
	if (part->relabeled) /* what is missing may have been dropped: nothing is to be added for it */
		return PL_GATHER_COUNT | PL_GATHER_SUM | PL_GATHER_INFINITY;
	if (role == ROLE_BUCKET)
		return pl_str_eq(pl_buf_str(&t->gather->bound), infinity) ? PL_GATHER_INFINITY : 0;
	return role == ROLE_SUM ? PL_GATHER_SUM : role == ROLE_COUNT ? PL_GATHER_COUNT : 0;
}

static struct pl_str measurement_of(const struct pl_transcode *t, struct pl_str family)
{
	if (t->schema == PL_SCHEMA_TELEGRAF1)
		return family;
	return t->measurement.n > 0 ? t->measurement : PL_STR("prometheus");
}

/* Sets g->field to the name of the family's count or sum; `suffix` is `_count` or `_sum`. */
static void name_total(struct pl_transcode *t, struct pl_str family, const char *suffix)
{
	struct pl_buf *field = &t->gather->field;
	pl_buf_clear(field);
	if (t->schema == PL_SCHEMA_TELEGRAF2)
		pl_transcode_add_field_key(field, family, suffix);
	else
		pl_buf_add_cstr(field, suffix + 1);
}

static void name_field(struct pl_transcode *t, const struct part *part)
{
	struct pl_gather *g = t->gather;
	if (part->role == ROLE_SUM || part->role == ROLE_COUNT) {
		name_total(t, part->family, part->role == ROLE_SUM ? "_sum" : "_count");
		return;
	}
	pl_buf_clear(&g->field);
	if (t->schema == PL_SCHEMA_TELEGRAF1)
		pl_buf_add_str(&g->field, pl_buf_str(&g->bound));
	else
		pl_transcode_add_field_key(&g->field, part->bare.name, "");
}

/* ---- writing the groups ---- */

static void add_default(struct pl_transcode *t, struct pl_gather_group *group, const char *suffix)
{
	struct pl_gather *g = t->gather;
	name_total(t, pl_buf_str(&g->family), suffix);
	if (!pl_lp_key_fits(group->series_n, g->field.n))
		return;
	pl_buf_add_char(&group->text, ',');
	pl_buf_add_str(&group->text, pl_buf_str(&g->field));
	pl_buf_add_cstr(&group->text, "=0");
}

/* The bucket that metric_version = 2 adds: what the count says. */
static void add_infinity(struct pl_transcode *t, const struct pl_gather_group *group)
{
	struct pl_gather *g = t->gather;
	bool unknown = (group->seen & PL_GATHER_COUNT) != 0 && (group->seen & PL_GATHER_COUNT_STORED) == 0;
	size_t start = t->out->n;
	if ((group->seen & PL_GATHER_INFINITY) != 0 || unknown || g->type == PL_METRIC_SUMMARY)
		return;
	pl_buf_add(t->out, group->text.p, group->series_n);
	pl_buf_add_cstr(t->out, ",le=+Inf");
	size_t series = t->out->n - start;
	pl_buf_add_char(t->out, ' ');
	pl_transcode_add_field_key(t->out, pl_buf_str(&g->family), "_bucket");
	if (pl_labels_get(t->target->labels, le) != NULL || !pl_lp_key_fits(series, t->out->n - start - series - 1)) {
		t->out->n = start;
		return;
	}
	pl_buf_add_char(t->out, '=');
	if (group->count_n > 0)
		pl_buf_add(t->out, group->text.p + group->count_at, group->count_n);
	else
		pl_buf_add_char(t->out, '0');
	pl_transcode_add_time(t, t->out, group->has_time, group->time_ns);
	t->lines++;
	t->added++;
}

static void write_group(struct pl_transcode *t, struct pl_gather_group *group)
{
	struct pl_gather *g = t->gather;
	if (!g->in_parts) {
		if ((group->seen & PL_GATHER_COUNT) == 0)
			add_default(t, group, "_count");
		if ((group->seen & PL_GATHER_SUM) == 0)
			add_default(t, group, "_sum");
		if (t->schema == PL_SCHEMA_TELEGRAF2)
			add_infinity(t, group);
	}
	if (group->text.n == group->series_n)
		return;
	group->text.p[group->series_n] = ' '; /* the first field's comma */
	pl_buf_add_str(t->out, pl_buf_str(&group->text));
	pl_transcode_add_time(t, t->out, group->has_time, group->time_ns);
	t->lines++;
	if (group->samples > 0)
		t->merged += group->samples - 1;
	else
		t->added++;
}

static void write_groups(struct pl_transcode *t)
{
	struct pl_gather *g = t->gather;
	for (size_t i = 0; i < g->n; i++)
		write_group(t, &g->groups[i]);
	if (g->in_parts)
		t->parts += g->n;
	pl_gather_clear(g);
}

static void end_family(struct pl_transcode *t)
{
	if (t->gather->type == PL_METRIC_UNKNOWN)
		return;
	write_groups(t);
	t->gather->in_parts = false;
	t->gather->type = PL_METRIC_UNKNOWN;
}

/* Families are the page's, under whatever names their samples go on: relabeling may send those of one family different ways, and
 * then back and forth between names would tear their points apart. */
static void begin_family(struct pl_transcode *t, const struct pl_sample *page)
{
	struct pl_gather *g = t->gather;
	struct pl_str family = {page->name.p, page->family_n};
	if (g->type == page->type && pl_str_eq(pl_buf_str(&g->family), family))
		return;
	end_family(t);
	pl_buf_clear(&g->family);
	pl_buf_add_str(&g->family, family);
	g->type = page->type;
}

/* ---- samples ---- */

/* The group of the sample, with room for its field; NULL when the series key is too long. */
static struct pl_gather_group *group_of(struct pl_transcode *t, const struct part *part, bool own_time)
{
	struct pl_gather *g = t->gather;
	pl_buf_clear(&g->key);
	if (!pl_transcode_add_series(t, &g->key, measurement_of(t, part->family), &part->bare) ||
	    !pl_lp_key_fits(g->key.n, g->field.n)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return NULL;
	}
	size_t more = g->key.n + g->field.n + part->bare.value.n + sizeof ",=" + 32;
	if (!pl_gather_fits(g, more) || (g->n == PL_GATHER_MAX_GROUPS)) {
		g->in_parts = true;
		write_groups(t);
	}
	return pl_gather_group(g, own_time, part->bare.time_ns);
}

/* A line of its own: the series in g->key, a tag more or two, and g->field. */
static void add_own_line(struct pl_transcode *t, const struct part *part, struct pl_str tag, struct pl_str special)
{
	struct pl_gather *g = t->gather;
	struct pl_buf *out = t->out;
	size_t start = out->n;
	pl_buf_add_str(out, pl_buf_str(&g->key));
	if (tag.n > 0) {
		pl_buf_add_char(out, ',');
		pl_buf_add_str(out, tag);
		pl_buf_add_char(out, '=');
		pl_buf_add_str(out, pl_buf_str(&g->bound));
	}
	if (special.n > 0)
		pl_transcode_add_special(t, out, &part->bare, special);
	if (!pl_lp_key_fits(out->n - start, g->field.n)) {
		out->n = start;
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	pl_buf_add_char(out, ' ');
	pl_buf_add_str(out, pl_buf_str(&g->field));
	pl_buf_add_char(out, '=');
	pl_transcode_add_value(out, &part->bare);
	pl_transcode_add_time(t, out, pl_transcode_has_own_time(t, &part->bare), part->bare.time_ns);
	t->lines++;
}

static void add_to_group(struct pl_transcode *t, const struct part *part, struct pl_gather_group *group)
{
	struct pl_gather *g = t->gather;
	struct pl_buf *text = &group->text;
	size_t before = text->n;
	pl_buf_add_char(text, ',');
	pl_buf_add_str(text, pl_buf_str(&g->field));
	pl_buf_add_char(text, '=');
	size_t at = text->n;
	pl_transcode_add_value(text, &part->bare);
	if (part->role == ROLE_COUNT) {
		group->seen |= PL_GATHER_COUNT_STORED;
		group->count_at = at;
		group->count_n = text->n - at;
	}
	group->samples++;
	g->bytes += text->n - before;
}

/* The target (or with honor_labels nobody) has a label of the bound's name: let the names be settled as everywhere. */
static void add_line_with_bound(struct pl_transcode *t, const struct pl_sample *sample, struct pl_str name)
{
	struct pl_gather *g = t->gather;
	struct pl_sample_label *labels = pl_alloc((sample->n_labels + 1) * sizeof *labels);
	struct pl_sample with = *sample;
	memcpy(labels, g->labels, sample->n_labels * sizeof *labels);
	labels[with.n_labels++] = (struct pl_sample_label){.name = name, .value = pl_buf_str(&g->bound)};
	with.labels = labels;
	pl_transcode_add_line(t, measurement_of(t, PL_STR("")), &with, sample->name);
	free(labels);
}

static void write_part(struct pl_transcode *t, const struct part *part)
{
	bool own_time = pl_transcode_has_own_time(t, &part->bare);
	begin_family(t, part->page);
	if (own_time && !pl_lp_time_fits(part->bare.time_ns)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_TIME);
		return;
	}
	name_field(t, part);
	struct pl_gather_group *group = group_of(t, part, own_time);
	if (group == NULL)
		return;
	group->seen |= seen_by(t, part);
	bool alone = t->schema == PL_SCHEMA_TELEGRAF2 && (part->role == ROLE_BUCKET || part->role == ROLE_QUANTILE);
	struct pl_str tag = {NULL, 0}, special;
	if (alone) {
		tag = part->role == ROLE_BUCKET ? le : quantile;
		if (pl_labels_get(t->target->labels, tag) != NULL) {
			add_line_with_bound(t, &part->bare, tag);
			return;
		}
	}
	if (!pl_transcode_judge(t, &part->bare, &special))
		return;
	if (alone || special.n > 0)
		add_own_line(t, part, tag, special);
	else
		add_to_group(t, part, group);
}

static struct pl_str field_of(const struct pl_sample *sample)
{
	switch (sample->type) {
	case PL_METRIC_COUNTER:
		return pl_str_is(suffix_of(sample), "_created") ? PL_STR("gauge") : PL_STR("counter");
	case PL_METRIC_GAUGE:
	case PL_METRIC_INFO:
	case PL_METRIC_STATESET:
		return PL_STR("gauge");
	case PL_METRIC_HISTOGRAM:
	case PL_METRIC_GAUGEHISTOGRAM:
	case PL_METRIC_SUMMARY:
		return pl_str_is(suffix_of(sample), "_created") ? PL_STR("gauge") : PL_STR("value");
	case PL_METRIC_UNKNOWN:
		break;
	}
	return PL_STR("value");
}

static void write_sample(struct pl_transcode *t, const struct pl_sample *sample, const struct pl_sample *page)
{
	struct part part;
	if (is_gathered(sample->type) && take_apart(t, sample, page, &part)) {
		write_part(t, &part);
		return;
	}
	if (!is_gathered(page->type))
		end_family(t);
	if (t->schema == PL_SCHEMA_TELEGRAF1)
		pl_transcode_add_line(t, sample->name, sample, field_of(sample));
	else
		pl_transcode_add_line(t, measurement_of(t, sample->name), sample, sample->name);
}

static void write_telegraf(struct pl_transcode *t, const struct pl_sample *sample)
{
	write_sample(t, sample, sample);
}

/* ---- samples that were relabeled ---- */

/* With its new name a sample stays what it is as long as it keeps the suffix that tells its part. Without: a counter's `_total`
 * is no loss; what was a part of a histogram or summary, or `_created`, becomes a value without a type. */
static void settle_family(struct pl_sample *sample, const struct pl_sample *page)
{
	struct pl_str suffix = suffix_of(page);
	sample->family_n = sample->name.n;
	if (page->type == PL_METRIC_UNKNOWN || suffix.n == 0)
		return;
	if (sample->name.n > suffix.n && memcmp(sample->name.p + sample->name.n - suffix.n, suffix.p, suffix.n) == 0)
		sample->family_n = sample->name.n - suffix.n;
	else if (is_gathered(page->type) || pl_str_is(suffix, "_created"))
		sample->type = PL_METRIC_UNKNOWN;
}

void pl_transcode_telegraf_series(struct pl_transcode *t, struct pl_str series, bool target_tags, const struct pl_sample *page)
{
	const struct pl_transcode_target nothing = {.taken = pl_transcode_name_bit(PL_STR("time"))};
	const struct pl_transcode_target *target = t->target;
	struct pl_gather *g = t->gather;
	struct pl_sample sample = *page;
	struct pl_str name, value;
	if (!pl_series_text_next(&series, &sample.name))
		return;
	settle_family(&sample, page);
	sample.n_labels = 0;
	while (pl_series_text_next(&series, &name) && pl_series_text_next(&series, &value)) {
		if (sample.n_labels == g->settled_cap) {
			g->settled_cap = 2 * g->settled_cap + 16;
			g->settled = pl_realloc(g->settled, g->settled_cap * sizeof *g->settled);
		}
		g->settled[sample.n_labels++] = (struct pl_sample_label){.name = name, .value = value};
	}
	sample.labels = g->settled;
	if (!target_tags)
		t->target = &nothing;
	write_sample(t, &sample, page);
	t->target = target;
}

void pl_transcode_telegraf_begin(struct pl_transcode *t)
{
	if (t->gather == NULL)
		t->gather = pl_calloc(1, sizeof *t->gather);
	pl_gather_clear(t->gather);
	t->gather->type = PL_METRIC_UNKNOWN;
	t->gather->in_parts = false;
	t->write = write_telegraf;
}

void pl_transcode_telegraf_end(struct pl_transcode *t)
{
	end_family(t);
}
