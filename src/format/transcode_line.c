#include "format/transcode_line.h"

#include <math.h>

#include "format/json_out.h"
#include "format/lineproto.h"

bool pl_transcode_count_drop(struct pl_transcode *t, enum pl_sample_drop d)
{
	t->dropped[d]++;
	return false;
}

struct pl_str pl_transcode_label_value(struct pl_transcode *t, const struct pl_sample_label *label)
{
	if (!label->escaped)
		return label->value;
	pl_buf_clear(&t->scratch);
	pl_exposition_unescape(&t->scratch, label->value);
	return pl_buf_str(&t->scratch);
}

/* The name of what is not finite, as Prometheus writes it, or nothing. */
static struct pl_str special_of(const struct pl_sample *sample)
{
	static const struct pl_str nan_text = {"NaN", 3}, inf = {"+Inf", 4}, negative_inf = {"-Inf", 4};
	double v = sample->value_number;
	switch (sample->value_class) {
	case PL_VALUE_NAN:
		return nan_text;
	case PL_VALUE_INF:
		return inf;
	case PL_VALUE_NEG_INF:
		return negative_inf;
	case PL_VALUE_ODD:
		if (isnan(v))
			return nan_text;
		if (isinf(v))
			return v > 0 ? inf : negative_inf;
		break;
	case PL_VALUE_PLAIN:
		break;
	}
	return (struct pl_str){NULL, 0};
}

bool pl_transcode_has_own_time(const struct pl_transcode *t, const struct pl_sample *sample)
{
	return sample->has_time && t->honor_timestamps;
}

bool pl_transcode_judge(struct pl_transcode *t, const struct pl_sample *sample, struct pl_str *special)
{
	*special = special_of(sample);
	if (special->n > 0 && t->nan_policy == PL_NAN_DROP)
		return pl_transcode_count_drop(t, special->p[0] == 'N' ? PL_SAMPLE_DROP_NAN : PL_SAMPLE_DROP_INF);
	if (t->nan_policy == PL_NAN_ZERO)
		special->n = 0;
	if (pl_transcode_has_own_time(t, sample) && !pl_lp_time_fits(sample->time_ns))
		return pl_transcode_count_drop(t, PL_SAMPLE_DROP_TIME);
	return true;
}

static bool has_label(const struct pl_transcode *t, const struct pl_sample *sample, struct pl_str name)
{
	for (size_t i = 0; i < sample->n_labels; i++)
		if (pl_str_eq(sample->labels[i].name, name))
			return true;
	return pl_labels_get(t->target->labels, name) != NULL;
}

void pl_transcode_add_special(const struct pl_transcode *t, struct pl_buf *out, const struct pl_sample *sample,
			      struct pl_str special)
{
	pl_buf_add_char(out, ',');
	size_t at = out->n;
	pl_buf_add_cstr(out, "special");
	while (has_label(t, sample, (struct pl_str){out->p + at, out->n - at}))
		pl_buf_add_char(out, '_');
	pl_buf_add_char(out, '=');
	pl_buf_add_str(out, special);
}

/* The text may seem to have one tag too many: `,` behind a backslash begins none. */
void pl_transcode_add_tag_key(struct pl_buf *out, size_t start, const char *name)
{
	size_t at = out->n;
	pl_buf_addf(out, ",%s=", name);
	while (memmem(out->p + start, at - start, out->p + at, out->n - at) != NULL) {
		out->n--;
		pl_buf_add_cstr(out, "_=");
	}
}

void pl_transcode_add_value(struct pl_buf *out, const struct pl_sample *sample)
{
	if (special_of(sample).n > 0)
		pl_buf_add_char(out, '0');
	else if (sample->value_class == PL_VALUE_PLAIN)
		pl_buf_add_str(out, sample->value);
	else
		pl_json_add_double(out, sample->value_number);
}

void pl_transcode_add_time(const struct pl_transcode *t, struct pl_buf *out, bool has_time, int64_t time_ns)
{
	if (!has_time) {
		pl_buf_add(out, t->time_text, t->time_len);
		return;
	}
	pl_buf_add_char(out, ' ');
	pl_buf_add_i64(out, time_ns);
	pl_buf_add_char(out, '\n');
}

/* A quote or a backslash in a field's key is read in different ways by InfluxDB's splitter and parser. The reader of pages lets
 * no such name through, but relabeling may make one. */
void pl_transcode_add_field_key(struct pl_buf *out, struct pl_str name, const char *suffix)
{
	size_t done = 0;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != '"' && name.p[i] != '\\')
			continue;
		if (i > done)
			pl_lp_add_key(out, (struct pl_str){name.p + done, i - done});
		pl_buf_add_char(out, '_');
		done = i + 1;
	}
	if (done == 0)
		pl_lp_add_key(out, name);
	else if (done < name.n)
		pl_lp_add_key(out, (struct pl_str){name.p + done, name.n - done});
	if (suffix[0] == '\0' && pl_str_is(name, "time"))
		pl_buf_add_char(out, '_');
	pl_buf_add_cstr(out, suffix);
}

void pl_transcode_add_line(struct pl_transcode *t, struct pl_str measurement, const struct pl_sample *sample, struct pl_str field)
{
	struct pl_buf *out = t->out;
	struct pl_str special;
	size_t start = out->n;
	if (!pl_transcode_judge(t, sample, &special))
		return;
	if (!pl_transcode_add_series(t, out, measurement, sample)) {
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	if (special.n > 0)
		pl_transcode_add_special(t, out, sample, special);
	size_t series = out->n - start;
	pl_buf_add_char(out, ' ');
	pl_transcode_add_field_key(out, field, "");
	if (!pl_lp_key_fits(series, out->n - start - series - 1)) {
		out->n = start;
		pl_transcode_count_drop(t, PL_SAMPLE_DROP_SERIES_KEY);
		return;
	}
	pl_buf_add_char(out, '=');
	pl_transcode_add_value(out, sample);
	pl_transcode_add_time(t, out, pl_transcode_has_own_time(t, sample), sample->time_ns);
	t->lines++;
}
