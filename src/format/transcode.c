#include "format/transcode.h"

#include <math.h>
#include <stdlib.h>

#include "format/json_out.h"
#include "format/lineproto.h"
#include "format/lp_put.h"
#include "format/transcode_gather.h"
#include "format/transcode_line.h"
#include "format/transcode_tags.h"
#include "format/transcode_telegraf.h"

enum { ODD_NUMBER_BYTES = 40, TAGS_SLACK = 16 };

const char *pl_sample_drop_label(enum pl_sample_drop d)
{
	static const char *const labels[] = {
#define X(name, label, text) [name] = label,
	    PL_SAMPLE_DROP_MAP(X)
#undef X
	};
	return d < PL_SAMPLE_DROP_COUNT ? labels[d] : "unknown";
}

const char *pl_sample_drop_text(enum pl_sample_drop d)
{
	static const char *const texts[] = {
#define X(name, label, text) [name] = text,
	    PL_SAMPLE_DROP_MAP(X)
#undef X
	};
	return d < PL_SAMPLE_DROP_COUNT ? texts[d] : "unknown reason";
}

void pl_transcode_target_init(struct pl_transcode_target *t, struct pl_labels labels)
{
	*t = (struct pl_transcode_target){.labels = labels};
	pl_lp_add_tags(&t->tags, labels);
	pl_buf_reserve(&t->tags, TAGS_SLACK);
	t->taken = pl_transcode_name_bit(PL_STR("time"));
	for (size_t i = 0; i < labels.n; i++) {
		t->taken |= pl_transcode_name_bit(labels.v[i].name);
		if (pl_str_is(labels.v[i].name, "time")) /* is a tag time_, time__ ...: look at all names */
			t->taken = UINT64_MAX;
	}
}

void pl_transcode_target_finish(struct pl_transcode_target *t)
{
	pl_buf_finish(&t->tags);
	*t = (struct pl_transcode_target){0};
}

/* ` <ns>\n`; returns the end. */
static char *put_time(char *w, int64_t ns)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	*w++ = ' ';
	if (ns < 0)
		*w++ = '-';
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	memcpy(w, digits + at, sizeof digits - at);
	w += sizeof digits - at;
	*w++ = '\n';
	return w;
}

static char *put_target_tags(char *w, const struct pl_transcode_target *target)
{
	const char *p = target->tags.p;
	for (size_t i = 0; i < target->tags.n; i += 16) /* both sides have room behind */
		memcpy(w + i, p + i, 16);
	return w + target->tags.n;
}

/* The labels as tags, as long as each keeps its name; NULL at the first that does not. */
static char *put_tags(struct pl_transcode *t, const struct pl_sample *sample, char *w)
{
	uint64_t taken = t->target->taken;
	for (size_t i = 0; i < sample->n_labels; i++) {
		const struct pl_sample_label *label = &sample->labels[i];
		uint64_t bit = pl_transcode_name_bit(label->name);
		if ((taken & bit) != 0 && pl_transcode_name_taken(t, sample, i))
			return NULL;
		taken |= bit;
		if (label->value.n == 0)
			continue;
		*w++ = ',';
		w = pl_lp_put(w, label->name, PL_LP_KEY);
		*w++ = '=';
		w = pl_lp_put(w, pl_transcode_label_value(t, label), PL_LP_TAG_VALUE);
	}
	return put_target_tags(w, t->target);
}

/* What the series key needs at most, not counting renamed labels. */
static size_t worst_series(const struct pl_transcode *t, const struct pl_sample *sample)
{
	size_t n = PL_LP_WORST(sample->name.n) + t->target->tags.n + TAGS_SLACK;
	for (size_t i = 0; i < sample->n_labels; i++)
		n += PL_LP_WORST(sample->labels[i].name.n) + PL_LP_WORST(sample->labels[i].value.n) + 2;
	return n;
}

/* Resolving escapes halves a text at most, so beyond this no series key fits: do not reserve megabytes for it. */
static bool hopeless(const struct pl_transcode *t, size_t worst)
{
	return worst > 5 * (size_t)PL_LP_MAX_SERIES_KEY + t->target->tags.n;
}

bool pl_transcode_add_series(struct pl_transcode *t, struct pl_buf *out, struct pl_str measurement,
			     const struct pl_sample *sample)
{
	size_t worst = worst_series(t, sample) + PL_LP_WORST(measurement.n);
	if (hopeless(t, worst))
		return false;
	char *w = pl_buf_reserve(out, worst + PL_LP_SLACK);
	char *tags = pl_lp_put(w, measurement, PL_LP_MEASUREMENT);
	w = put_tags(t, sample, tags);
	out->n = (size_t)((w != NULL ? w : tags) - out->p);
	if (w == NULL)
		pl_transcode_tags(t, out, sample);
	return true;
}

static const char field[] = " value=";
enum { FIELD_BYTES = sizeof field - 1, KEY_BYTES = FIELD_BYTES - 2 };

static bool is_finite(const struct pl_sample *sample)
{
	return sample->value_class == PL_VALUE_ODD && isfinite(sample->value_number);
}

/* Bytes behind the series, at most. */
static inline size_t worst_rest(const struct pl_transcode *t, const struct pl_sample *sample)
{
	return FIELD_BYTES + sample->value.n + ODD_NUMBER_BYTES + sizeof t->time_text + PL_LP_SLACK;
}

/* The series stands from `start` of the output to `w`: adds field and time, for which there is room. */
static inline void put_rest(struct pl_transcode *t, const struct pl_sample *sample, bool own_time, size_t start, char *w)
{
	struct pl_buf *out = t->out;
	if (!pl_lp_key_fits((size_t)(w - out->p) - start, KEY_BYTES)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	memcpy(w, field, FIELD_BYTES + 1);
	w += FIELD_BYTES;
	if (sample->value_class == PL_VALUE_PLAIN) {
		pl_lp_copy(w, sample->value.p, sample->value.n);
		w += sample->value.n;
	} else {
		out->n = (size_t)(w - out->p);
		pl_json_add_double(out, sample->value_number);
		w = pl_buf_reserve(out, sizeof t->time_text);
	}
	if (own_time) {
		w = put_time(w, sample->time_ns);
	} else {
		memcpy(w, t->time_text, sizeof t->time_text);
		w += t->time_len;
	}
	out->n = (size_t)(w - out->p);
	t->lines++;
}

static void write_kapacitor(struct pl_transcode *t, const struct pl_sample *sample)
{
	if (sample->value_class != PL_VALUE_PLAIN && !is_finite(sample)) {
		pl_transcode_add_line(t, sample->name, sample, PL_STR("value"));
		return;
	}
	bool own_time = sample->has_time && t->honor_timestamps;
	if (own_time && !pl_lp_time_fits(sample->time_ns)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_TIME);
		return;
	}
	struct pl_buf *out = t->out;
	size_t start = out->n, series = worst_series(t, sample);
	if (hopeless(t, series)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	size_t rest = worst_rest(t, sample);

	char *w = pl_buf_reserve(out, series + rest);
	char *tags = pl_lp_put(w, sample->name, PL_LP_MEASUREMENT);
	w = put_tags(t, sample, tags);
	if (w == NULL) {
		out->n = (size_t)(tags - out->p);
		pl_transcode_tags(t, out, sample);
		w = pl_buf_reserve(out, rest);
		out->n = start;
	}
	put_rest(t, sample, own_time, start, w);
}

/* As put_rest, for a value that is not finite but to be stored. */
static void add_odd_rest(struct pl_transcode *t, const struct pl_sample *sample, bool own_time, size_t start,
			 struct pl_str special)
{
	struct pl_buf *out = t->out;
	if (special.n > 0) {
		pl_transcode_add_tag_key(out, start, "special");
		pl_buf_add_str(out, special);
	}
	if (!pl_lp_key_fits(out->n - start, KEY_BYTES)) {
		out->n = start;
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	pl_buf_add_cstr(out, field);
	pl_transcode_add_value(out, sample);
	pl_transcode_add_time(t, out, own_time, sample->time_ns);
	t->lines++;
}

void pl_transcode_series(struct pl_transcode *t, struct pl_str series, bool target_tags, const struct pl_sample *sample)
{
	struct pl_buf *out = t->out;
	struct pl_str special;
	size_t start = out->n;
	bool own_time = pl_transcode_has_own_time(t, sample);
	if (t->schema != PL_SCHEMA_KAPACITOR) {
		pl_transcode_telegraf_series(t, series, target_tags, sample);
		return;
	}
	if (!pl_transcode_judge(t, sample, &special))
		return;
	char *w = pl_buf_reserve(out, series.n + t->target->tags.n + TAGS_SLACK + worst_rest(t, sample));
	memcpy(w, series.p, series.n);
	w += series.n;
	if (target_tags)
		w = put_target_tags(w, t->target);
	if (sample->value_class == PL_VALUE_PLAIN || is_finite(sample)) {
		put_rest(t, sample, own_time, start, w);
	} else {
		out->n = (size_t)(w - out->p);
		add_odd_rest(t, sample, own_time, start, special);
	}
}

void pl_transcode_begin(struct pl_transcode *t, const struct pl_transcode_target *target, struct pl_buf *out, int64_t time_ns)
{
	t->target = target;
	t->out = out;
	t->lines = t->merged = t->added = t->parts = 0;
	memset(t->dropped, 0, sizeof t->dropped);
	t->time_len = (size_t)(put_time(t->time_text, time_ns) - t->time_text);
	if (t->schema == PL_SCHEMA_KAPACITOR)
		t->write = write_kapacitor;
	else
		pl_transcode_telegraf_begin(t);
}

void pl_transcode_end(struct pl_transcode *t)
{
	if (t->schema != PL_SCHEMA_KAPACITOR)
		pl_transcode_telegraf_end(t);
}

void pl_transcode_discard(struct pl_transcode *t)
{
	if (t->gather != NULL)
		pl_gather_clear(t->gather);
}

void pl_transcode_finish(struct pl_transcode *t)
{
	pl_buf_finish(&t->scratch);
	pl_buf_finish(&t->renamed);
	if (t->gather != NULL)
		pl_gather_finish(t->gather);
	free(t->gather);
	t->gather = NULL;
}

void pl_transcode_own(struct pl_transcode *t, const char *name, double value)
{
	struct pl_sample sample = {
	    .name = pl_str_of(name), .value_class = PL_VALUE_ODD, .value_number = value, .type = PL_METRIC_GAUGE};
	sample.family_n = sample.name.n;
	pl_transcode_sample(t, &sample);
}
