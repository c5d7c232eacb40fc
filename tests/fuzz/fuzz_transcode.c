/* The transcoder: whatever the labels are, each line is one valid point with a unique set of tags, and every sample is accounted
 * for. Input: first byte: flags; second: how many of the labels are the target's (3 bits), type (3), policy for NaN (2); then
 * fields divided by newlines: the metric's name, the value's text, and names and values in turn. With the flag PAGE, what follows
 * is a page instead, read in the format that the type's lowest bit says. */
#include <stdlib.h>
#include <string.h>

#include "format/exposition.h"
#include "format/lineproto.h"
#include "format/transcode.h"

enum { MOST_LABELS = 40, PAGE = 128 };

static void must(bool good)
{
	if (!good)
		abort();
}

static struct pl_str next(struct pl_str *rest)
{
	return rest->p == NULL ? (struct pl_str){NULL, 0} : pl_str_cut(rest, '\n');
}

static size_t read_labels(struct pl_str *rest, struct pl_sample_label *labels, bool escaped)
{
	size_t n = 0;
	for (; n < MOST_LABELS && rest->p != NULL; n++) {
		labels[n].name = next(rest);
		labels[n].value = next(rest);
		labels[n].escaped = escaped;
		for (size_t i = 0; i < labels[n].name.n; i++) { /* as the reader: [a-zA-Z_][a-zA-Z0-9_]* */
			if (!pl_label_name_valid((struct pl_str){labels[n].name.p, i + 1}))
				labels[n].name.n = i;
		}
	}
	return n;
}

static void check(struct pl_str lines, const struct pl_transcode *t)
{
	size_t n = 0;
	must(lines.n == 0 || lines.p[lines.n - 1] == '\n');
	while (lines.n > 0) {
		struct pl_str text = pl_str_cut(&lines, '\n');
		struct pl_lp_line line;
		size_t column;
		const char *reason;
		must(pl_lp_parse(text, &line, &column, &reason) == PL_OK);
		must(line.has_time);
		n++;
	}
	must(n == t->lines);
}

static enum pl_schema_kind schema_of(unsigned flags)
{
	unsigned n = flags >> 5 & 3;
	return n == 1 ? PL_SCHEMA_TELEGRAF1 : n == 2 ? PL_SCHEMA_TELEGRAF2 : PL_SCHEMA_KAPACITOR;
}

static void settle(struct pl_transcode *t, struct pl_str lines, uint64_t samples)
{
	uint64_t dropped = 0;
	for (int d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		dropped += t->dropped[d];
	must(t->lines - t->added + t->merged + dropped == samples);
	check(lines, t);
}

struct page {
	struct pl_transcode *t;
	uint64_t samples;
};

static enum pl_err on_sample(void *data, const struct pl_sample *sample)
{
	struct page *p = data;
	p->samples++;
	pl_transcode_sample(p->t, sample);
	return PL_OK;
}

static void try_page(struct pl_transcode *t, struct pl_str text, enum pl_exposition_format format)
{
	static const struct pl_label labels[] = {
	    {{"instance", 8}, {"h:1", 3}}, {{"le", 2}, {"t", 1}}, {{"special", 7}, {"s", 1}}};
	struct pl_transcode_target target;
	struct pl_buf out = {0};
	struct page page = {.t = t};
	struct pl_exposition *reader = pl_exposition_create(format, (struct pl_exposition_limits){0}, on_sample, &page);
	pl_transcode_target_init(&target, (struct pl_labels){labels, text.n % 4});
	pl_transcode_begin(t, &target, &out, INT64_C(1700000000000000000));
	/* What came before an error counts all the same. */
	bool good = pl_exposition_feed(reader, text.p, text.n) == PL_OK && pl_exposition_end(reader) == PL_OK;
	(void)good;
	pl_transcode_end(t);
	settle(t, pl_buf_str(&out), page.samples);
	pl_exposition_destroy(reader);
	pl_transcode_target_finish(&target);
	pl_buf_finish(&out);
}

/* The family is what stands before the last `_`, or all of it. */
static size_t family_of(struct pl_str name)
{
	const char *last = name.n > 0 ? memrchr(name.p, '_', name.n) : NULL;
	return last != NULL ? (size_t)(last - name.p) : name.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	char *copy = malloc(size);
	memcpy(copy, data, size);
	unsigned flags = data[0];
	size_t wanted = data[1] % 8;
	struct pl_transcode t = {.honor_labels = (flags & 2) != 0, .honor_timestamps = (flags & 4) != 0};
	t.schema = schema_of(flags);
	t.nan_policy = (enum pl_nan_policy)((data[1] >> 6) % 3);
	struct pl_str rest = {copy + 2, size - 2};
	if ((flags & PAGE) != 0) {
		try_page(&t, rest, (data[1] & 8) != 0 ? PL_EXPOSITION_OPENMETRICS : PL_EXPOSITION_TEXT);
		pl_transcode_finish(&t);
		free(copy);
		return 0;
	}
	struct pl_str name = next(&rest), value = next(&rest);
	struct pl_sample_label labels[MOST_LABELS];
	size_t n = read_labels(&rest, labels, (flags & 1) != 0), of_target = wanted < n ? wanted : n;

	struct pl_labels_builder b = {0};
	for (size_t i = 0; i < of_target; i++)
		if (labels[i].name.n > 0)
			pl_labels_builder_set(&b, labels[i].name, labels[i].value);
	struct pl_transcode_target target;
	pl_transcode_target_init(&target, pl_labels_builder_view(&b));
	struct pl_buf out = {0};
	struct pl_sample sample = {.name = name, .labels = labels + of_target, .n_labels = n - of_target, .value = PL_STR("1")};
	sample.has_time = (flags & 8) != 0;
	sample.type = (enum pl_metric_type)(data[1] >> 3 & 7);
	sample.family_n = sample.type == PL_METRIC_SUMMARY && (flags & 1) != 0 ? name.n : family_of(name);
	if (value.n > 0)
		memcpy(&sample.time_ns, value.p, value.n < sizeof sample.time_ns ? value.n : sizeof sample.time_ns);
	if ((flags & 16) != 0) {
		sample.value_class = PL_VALUE_ODD;
		if (value.n > 0)
			memcpy(&sample.value_number, value.p, value.n < sizeof(double) ? value.n : sizeof(double));
	} else {
		enum pl_lp_type type;
		double number;
		if (pl_lp_value(value, &type, &number) == PL_OK && type == PL_LP_FLOAT)
			sample.value = value;
	}
	pl_transcode_begin(&t, &target, &out, INT64_C(1700000000000000000));
	pl_transcode_sample(&t, &sample);
	pl_transcode_own(&t, "up", 1);
	pl_transcode_sample(&t, &sample);
	pl_transcode_end(&t);
	settle(&t, pl_buf_str(&out), 3);
	pl_transcode_finish(&t);
	pl_transcode_target_finish(&target);
	pl_labels_builder_finish(&b);
	pl_buf_finish(&out);
	free(copy);
	return 0;
}
