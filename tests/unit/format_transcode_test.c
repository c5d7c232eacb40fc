#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/lineproto.h"
#include "format/transcode.h"

enum { MOST = 6, TIME = 1000 };

struct pair {
	const char *name, *value;
};

/* A target's labels from pairs in any order, and a sample's as they stand. */
static struct pl_labels labels_of(struct pl_labels_builder *b, const struct pair *pairs)
{
	for (size_t i = 0; i < MOST && pairs[i].name != NULL; i++)
		pl_labels_builder_set(b, pl_str_of(pairs[i].name), pl_str_of(pairs[i].value));
	return pl_labels_builder_view(b);
}

static size_t sample_labels(struct pl_sample_label *to, const struct pair *pairs)
{
	size_t n = 0;
	for (; n < MOST && pairs[n].name != NULL; n++)
		to[n] = (struct pl_sample_label){pl_str_of(pairs[n].name), pl_str_of(pairs[n].value),
						 strchr(pairs[n].value, '\\') != NULL};
	return n;
}

static const char *transcoded(const struct pair *target, const struct pair *labels, bool honor_labels, struct pl_buf *out)
{
	struct pl_labels_builder b = {0};
	struct pl_transcode_target t;
	struct pl_sample_label room[MOST];
	struct pl_sample sample = {.name = PL_STR("m"), .labels = room, .value = PL_STR("1")};
	struct pl_transcode transcode = {.honor_labels = honor_labels};
	sample.n_labels = sample_labels(room, labels);
	pl_transcode_target_init(&t, labels_of(&b, target));
	pl_buf_clear(out);
	pl_transcode_begin(&transcode, &t, out, TIME);
	pl_transcode_sample(&transcode, &sample);
	assert_int_equal(transcode.lines, 1);
	pl_transcode_finish(&transcode);
	pl_transcode_target_finish(&t);
	pl_labels_builder_finish(&b);
	return pl_buf_cstr(out);
}

static void makes_tags(void **state)
{
	(void)state;
	static const struct {
		struct pair target[MOST], labels[MOST];
		const char *own_wins, *target_wins; /* tags with honor_labels and without; NULL: the same */
	} cases[] = {
	    {{{0}}, {{0}}, "", NULL},
	    {{{"job", "node"}, {"instance", "h:1"}}, {{0}}, ",instance=h:1,job=node", NULL},
	    {{{"job", "node"}}, {{"cpu", "0"}, {"mode", "idle"}}, ",cpu=0,mode=idle,job=node", NULL},
	    {{{"job", "node"}}, {{"cpu", ""}, {"mode", "x"}}, ",mode=x,job=node", NULL},
	    {{{"job", ""}, {"a", "b"}}, {{"cpu", "0"}}, ",cpu=0,a=b", NULL},
	    {{{"dc", "eu 1"}}, {{"path", "C:\\\\dir\\\\"}}, ",path=C:\\dir_,dc=eu\\ 1", NULL},
	    {{{0}}, {{"q", "say \\\"a=b, c\\\"\\n"}}, ",q=say\\ \"a\\=b\\,\\ c\"_", NULL},
	    {{{0}}, {{"a", "1"}, {"a", "2"}, {"b", "3"}}, ",a=1,b=3", NULL},
	    /* names that collide with the target's */
	    {{{"job", "node"}}, {{"job", "mine"}}, ",job=mine", ",exported_job=mine,job=node"},
	    {{{"job", "node"}, {"z", "1"}},
	     {{"a", "0"}, {"job", "mine"}},
	     ",a=0,job=mine,z=1",
	     ",a=0,exported_job=mine,job=node,z=1"},
	    {{{"a", "1"}, {"job", "node"}}, {{"job", ""}}, ",a=1", ",a=1,job=node"},
	    {{{"job", ""}}, {{"job", "mine"}}, ",job=mine", NULL},
	    {{{"job", "node"}},
	     {{"job", "mine"}, {"exported_job", "x"}},
	     ",job=mine,exported_job=x",
	     ",exported_exported_job=mine,exported_job=x,job=node"},
	    {{{"job", "node"}},
	     {{"exported_job", "x"}, {"job", "mine"}},
	     ",exported_job=x,job=mine",
	     ",exported_job=x,exported_exported_job=mine,job=node"},
	    {{{"job", "node"}}, {{"job", "mine"}, {"exported_job", ""}}, ",job=mine", ",exported_job=mine,job=node"},
	    {{{"exported_job", "t"}, {"job", "node"}},
	     {{"job", "mine"}},
	     ",job=mine,exported_job=t",
	     ",exported_exported_job=mine,exported_job=t,job=node"},
	    {{{"a", "t1"}, {"exported_a", "t2"}},
	     {{"exported_a", "s2"}, {"a", "s1"}},
	     ",exported_a=s2,a=s1",
	     ",exported_exported_exported_a=s2,exported_exported_a=s1,a=t1,exported_a=t2"},
	    /* time */
	    {{{"job", "node"}}, {{"time", "now"}}, ",time_=now,job=node", NULL},
	    {{{"job", "node"}}, {{"time", ""}}, ",job=node", NULL},
	    {{{0}}, {{"time", "now"}, {"time_", "x"}}, ",time__=now,time_=x", NULL},
	    {{{"time", "t"}}, {{"time", "s"}}, ",time_=s", ",exported_time_=s,time_=t"},
	    {{{"time", "t"}}, {{"time_", "s"}}, ",time_=s", ",exported_time_=s,time_=t"},
	    {{{"time_", "t"}}, {{"time", "s"}}, ",time_=s", ",exported_time_=s,time_=t"},
	    {{{"time", "t"}, {"time_", "u"}}, {{"time", "s"}}, ",time_=s,time__=t", ",exported_time_=s,time__=t,time_=u"},
	    {{{"time", "t"}, {"time_", "u"}}, {{"time__", "s"}}, ",time__=s,time_=u", ",exported_time__=s,time__=t,time_=u"},
	    {{{"time", "t"}}, {{"a", "b"}}, ",a=b,time_=t", NULL},
	};
	struct pl_buf out = {0}, want = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		for (int honor = 0; honor < 2; honor++) {
			const char *tags = honor || cases[i].target_wins == NULL ? cases[i].own_wins : cases[i].target_wins;
			pl_buf_clear(&want);
			pl_buf_addf(&want, "m%s value=1 1000\n", tags);
			assert_string_equal(transcoded(cases[i].target, cases[i].labels, honor, &out), pl_buf_cstr(&want));
		}
	pl_buf_finish(&out);
	pl_buf_finish(&want);
}

static void writes_values_and_times(void **state)
{
	(void)state;
	static const struct {
		struct pl_sample sample;
		bool honor_timestamps;
		const char *line;
		int drop; /* -1: none */
	} cases[] = {
	    {{.value = {"1", 1}}, true, "x value=1 1000\n", -1},
	    {{.value = {"1.7976931348623157e+308", 23}}, true, "x value=1.7976931348623157e+308 1000\n", -1},
	    {{.value = {"0.10000000", 10}}, true, "x value=0.10000000 1000\n", -1},
	    {{.value = {"+5", 2}, .value_class = PL_VALUE_ODD, .value_number = 5}, true, "x value=5 1000\n", -1},
	    {{.value = {"1.", 2}, .value_class = PL_VALUE_ODD, .value_number = -1.5e-9}, true, "x value=-1.5e-9 1000\n", -1},
	    {{.value_class = PL_VALUE_ODD, .value_number = 1e21}, true, "x value=1e+21 1000\n", -1},
	    {{.value_class = PL_VALUE_ODD, .value_number = (double)NAN}, true, "", PL_SAMPLE_DROP_NAN},
	    {{.value_class = PL_VALUE_ODD, .value_number = (double)INFINITY}, true, "", PL_SAMPLE_DROP_INF},
	    {{.value = {"NaN", 3}, .value_class = PL_VALUE_NAN}, true, "", PL_SAMPLE_DROP_NAN},
	    {{.value = {"+Inf", 4}, .value_class = PL_VALUE_INF}, true, "", PL_SAMPLE_DROP_INF},
	    {{.value = {"-Inf", 4}, .value_class = PL_VALUE_NEG_INF}, true, "", PL_SAMPLE_DROP_INF},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = 0}, true, "x value=1 0\n", -1},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = -7}, true, "x value=1 -7\n", -1},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = 1700000000123000000}, true, "x value=1 1700000000123000000\n", -1},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = 1700000000123000000}, false, "x value=1 1000\n", -1},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = INT64_MAX}, false, "x value=1 1000\n", -1},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = INT64_MAX}, true, "", PL_SAMPLE_DROP_TIME},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = INT64_MIN}, true, "", PL_SAMPLE_DROP_TIME},
	    {{.value = {"1", 1}, .has_time = true, .time_ns = INT64_MIN + 2}, true, "x value=1 -9223372036854775806\n", -1},
	};
	struct pl_buf out = {0};
	struct pl_transcode_target target;
	pl_transcode_target_init(&target, (struct pl_labels){NULL, 0});
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_transcode t = {.honor_timestamps = cases[i].honor_timestamps};
		struct pl_sample sample = cases[i].sample;
		sample.name = PL_STR("x");
		pl_buf_clear(&out);
		pl_transcode_begin(&t, &target, &out, TIME);
		pl_transcode_sample(&t, &sample);
		assert_string_equal(pl_buf_cstr(&out), cases[i].line);
		assert_int_equal(t.lines, cases[i].drop < 0);
		for (int d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
			assert_int_equal(t.dropped[d], d == cases[i].drop);
		pl_transcode_finish(&t);
	}
	pl_transcode_target_finish(&target);
	pl_buf_finish(&out);
}

static void drops_a_series_key_that_is_too_long(void **state)
{
	(void)state;
	/* m,k=V,job=node: 12 bytes and the value; the field key and its separator take 9 of the 65535 */
	static const struct {
		size_t bytes, escapes; /* of the value; how many of its bytes are written as `\\` on the page */
		bool fits;
	} cases[] = {{65513, 0, true}, {65514, 0, false}, {65513, 65512, true}, {65514, 65513, false}, {5000000, 0, false}};
	struct pl_label job = {PL_STR("job"), PL_STR("node")};
	struct pl_transcode_target target;
	pl_transcode_target_init(&target, (struct pl_labels){&job, 1});
	for (int collide = 0; collide < 2; collide++)
		for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
			struct pl_buf text = {0}, out = {0};
			struct pl_transcode t = {.honor_labels = true};
			for (size_t k = 0; k < cases[i].bytes; k++)
				pl_buf_add_cstr(&text, k < cases[i].escapes ? "\\\\" : "a");
			struct pl_sample_label labels[] = {{PL_STR("k"), pl_buf_str(&text), cases[i].escapes > 0},
							   {PL_STR("k"), PL_STR("2"), false}};
			struct pl_sample sample = {
			    .name = PL_STR("m"), .labels = labels, .n_labels = collide ? 2 : 1, .value = PL_STR("1")};
			pl_transcode_begin(&t, &target, &out, TIME);
			pl_transcode_own(&t, "before", 1);
			size_t before = out.n;
			pl_transcode_sample(&t, &sample);
			assert_int_equal(t.lines, 1 + cases[i].fits);
			assert_int_equal(t.dropped[PL_SAMPLE_DROP_SERIES_KEY], !cases[i].fits);
			assert_int_equal(out.n > before, cases[i].fits);
			assert_true(out.cap < 1000000);
			if (cases[i].fits) {
				struct pl_lp_line line;
				size_t column;
				const char *reason;
				struct pl_str written = {out.p + before, out.n - before - 1};
				assert_int_equal(pl_lp_parse(written, &line, &column, &reason), PL_OK);
				assert_int_equal(line.series.n, 65526);
			}
			pl_transcode_finish(&t);
			pl_buf_finish(&out);
			pl_buf_finish(&text);
		}
	pl_transcode_target_finish(&target);
}

static void begins_each_page_anew(void **state)
{
	(void)state;
	struct pl_label job = {PL_STR("job"), PL_STR("node")};
	struct pl_transcode_target target;
	struct pl_transcode t = {0};
	struct pl_buf out = {0};
	pl_transcode_target_init(&target, (struct pl_labels){&job, 1});
	pl_transcode_begin(&t, &target, &out, INT64_C(1700000000000000001));
	pl_transcode_own(&t, "up", 1);
	pl_transcode_own(&t, "scrape_duration_seconds", 0.0125);
	pl_transcode_own(&t, "odd", (double)NAN);
	assert_int_equal(t.lines, 2);
	assert_int_equal(t.dropped[PL_SAMPLE_DROP_NAN], 1);
	pl_transcode_begin(&t, &target, &out, -1);
	assert_int_equal(t.lines + t.dropped[PL_SAMPLE_DROP_NAN], 0);
	pl_transcode_own(&t, "up", 0);
	assert_string_equal(pl_buf_cstr(&out), "up,job=node value=1 1700000000000000001\n"
					       "scrape_duration_seconds,job=node value=0.0125 1700000000000000001\n"
					       "up,job=node value=0 -1\n");
	pl_transcode_finish(&t);
	pl_transcode_target_finish(&target);
	pl_buf_finish(&out);
}

/* Names in and out of the short, middle and long way of copying, on the heap for the sanitizer. */
static void copies_texts_of_each_length(void **state)
{
	(void)state;
	struct pl_transcode_target target;
	struct pl_transcode t = {0};
	pl_transcode_target_init(&target, (struct pl_labels){NULL, 0});
	for (size_t n = 1; n < 100; n++) {
		char *text = pl_alloc(n);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)('0' + i % 10);
		struct pl_str s = {text, n};
		struct pl_sample_label label = {s, s, false};
		struct pl_sample sample = {.name = s, .labels = &label, .n_labels = 1, .value = s};
		struct pl_buf out = {0}, want = {0};
		pl_transcode_begin(&t, &target, &out, TIME);
		pl_transcode_sample(&t, &sample);
		for (const char *p = "N,N=N value=N 1000\n"; *p != '\0'; p++) {
			if (*p == 'N')
				pl_buf_add_str(&want, s);
			else
				pl_buf_add_char(&want, *p);
		}
		assert_string_equal(pl_buf_cstr(&out), pl_buf_cstr(&want));
		pl_buf_finish(&out);
		pl_buf_finish(&want);
		free(text);
	}
	pl_transcode_finish(&t);
	pl_transcode_target_finish(&target);
}

static void takes_more_labels_than_it_has_room_for(void **state)
{
	(void)state;
	enum { N = 300 };
	struct pl_sample_label labels[N];
	struct pl_label job = {PL_STR("n0"), PL_STR("target")};
	struct pl_buf names = {0}, out = {0};
	pl_buf_reserve(&names, 8 * (size_t)N);
	for (size_t i = 0; i < N; i++) {
		size_t at = names.n;
		pl_buf_addf(&names, "n%zu", i);
		labels[i] = (struct pl_sample_label){{names.p + at, names.n - at}, PL_STR("v"), false};
	}
	struct pl_sample sample = {.name = PL_STR("m"), .labels = labels, .n_labels = N, .value = PL_STR("1")};
	struct pl_transcode_target target;
	struct pl_transcode t = {0};
	pl_transcode_target_init(&target, (struct pl_labels){&job, 1});
	pl_transcode_begin(&t, &target, &out, TIME);
	pl_transcode_sample(&t, &sample);
	struct pl_lp_line line;
	size_t column;
	const char *reason;
	assert_int_equal(pl_lp_parse((struct pl_str){out.p, out.n - 1}, &line, &column, &reason), PL_OK);
	assert_true(pl_str_starts(line.tags, PL_STR("exported_n0=v,n1=v,")));
	assert_true(pl_str_ends(line.tags, PL_STR(",n299=v,n0=target")));
	pl_transcode_finish(&t);
	pl_transcode_target_finish(&target);
	pl_buf_finish(&names);
	pl_buf_finish(&out);
}

static void names_its_drops(void **state)
{
	(void)state;
	assert_string_equal(pl_sample_drop_label(PL_SAMPLE_DROP_NAN), "nan");
	for (int d = 0; d < PL_SAMPLE_DROP_COUNT; d++) {
		assert_true(strlen(pl_sample_drop_text((enum pl_sample_drop)d)) > 10);
		for (int other = 0; other < d; other++)
			assert_string_not_equal(pl_sample_drop_label((enum pl_sample_drop)d),
						pl_sample_drop_label((enum pl_sample_drop)other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_tags),
	    cmocka_unit_test(writes_values_and_times),
	    cmocka_unit_test(drops_a_series_key_that_is_too_long),
	    cmocka_unit_test(begins_each_page_anew),
	    cmocka_unit_test(copies_texts_of_each_length),
	    cmocka_unit_test(takes_more_labels_than_it_has_room_for),
	    cmocka_unit_test(names_its_drops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
