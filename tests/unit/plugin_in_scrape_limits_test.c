#include "base/clock.h"
#include "scrape_page.h"

static const struct scrape_label node[SCRAPE_MOST_LABELS] = {{"job", "node"}, {"instance", "h:1"}};

/* Both ways to the same verdict: without rules, and with one that keeps everything. */
static struct pl_relabel_rule keep_all(void)
{
	return scrape_rule(PL_RELABEL_KEEP, NULL, "", NULL, NULL);
}

static void bounds_labels(void **state)
{
	(void)state;
	static const struct {
		int64_t labels, name, value;
		bool honor_labels;
		const char *page, *error; /* error NULL: it fits */
	} cases[] = {
	    {0, 0, 0, false, "a{b=\"1\",c=\"2\"} 1\n", NULL},
	    {3, 0, 0, false, "a 1\n", NULL},
	    {4, 0, 0, false, "a 1\nb{c=\"1\"} 1\n", NULL},
	    {4, 0, 0, false, "a{b=\"\",c=\"1\"} 1\n", NULL}, /* an empty label is none */
	    {3, 0, 0, false, "a 1\nb{c=\"1\"} 1\nd{e=\"1\",f=\"1\"} 1\n",
	     "metric b has 4 labels (__name__ and the target's included); label_limit is 3"},
	    {3, 0, 0, true, "a{job=\"x\"} 1\n", NULL}, /* one label of the two */
	    {3, 0, 0, false, "a{job=\"x\"} 1\n", "metric a has 4 labels (__name__ and the target's included); label_limit is 3"},
	    {0, 8, 0, false, "a{bcdefghi=\"1\"} 1\n", NULL},
	    {0, 8, 0, false, "a{bcdefghij=\"1\"} 1\n",
	     "label bcdefghij of metric a has a name of 9 bytes; label_name_length_limit is 8"},
	    {0, 11, 0, false, "a{job=\"x\"} 1\n",
	     "label exported_job of metric a has a name of 12 bytes; label_name_length_limit is 11"},
	    {0, 7, 0, false, "a 1\n", "label __name__ of metric a has a name of 8 bytes; label_name_length_limit is 7"},
	    {0, 0, 4, false, "abcd{b=\"1234\"} 1\n", NULL},
	    {0, 0, 4, false, "abcd{b=\"12\\\\\\\\\"} 1\n", NULL}, /* counted without its escapes */
	    {0, 0, 4, false, "abcd{b=\"12345\"} 1\n",
	     "label b of metric abcd has a value of 5 bytes; label_value_length_limit is 4"},
	    {0, 0, 4, false, "abcde 1\n", "label __name__ of metric abcde has a value of 5 bytes; label_value_length_limit is 4"},
	    {0, 0, 3, false, "a 1\n", "label job of metric a has a value of 4 bytes; label_value_length_limit is 3"},
	    {0, 0, 10, false, "abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc 1\n",
	     "label __name__ of metric abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_abc_ab... has a value of 71 bytes; "
	     "label_value_length_limit is 10"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		for (size_t n_rules = 0; n_rules < 2; n_rules++) {
			const struct pl_relabel_rule rule = keep_all();
			struct scrape s = {.job = {.label_limit = cases[i].labels,
						   .label_name_length_limit = cases[i].name,
						   .label_value_length_limit = cases[i].value,
						   .honor_labels = cases[i].honor_labels}};
			scrape_open(&s, &rule, n_rules, node);
			for (size_t scrape = 0; scrape < 2; scrape++) {
				scrape_read(&s, pl_str_of(cases[i].page), 0);
				assert_string_equal(s.page->error, cases[i].error != NULL ? cases[i].error : "");
				assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_LABEL_LIMIT],
						 cases[i].error != NULL ? s.outcome.samples : 0);
				if (cases[i].error != NULL)
					assert_int_equal(s.lines.n, 0);
			}
			scrape_close(&s);
		}
}

static void bounds_labels_after_relabeling(void **state)
{
	(void)state;
	static const char *const name[] = {"__name__", NULL};
	const struct pl_relabel_rule rules[] = {scrape_rule(PL_RELABEL_LABELDROP, NULL, "long.*", NULL, NULL),
						scrape_rule(PL_RELABEL_DROP, name, "bad", NULL, NULL)};
	struct scrape s = {.job = {.label_limit = 4, .label_name_length_limit = 8, .label_value_length_limit = 8}};
	scrape_open(&s, rules, 2, node);
	scrape_read(&s, PL_STR("a{longer_than_9=\"1\",b=\"2\"} 1\nbad{c=\"0123456789\",d=\"1\"} 1\n"), 0);
	assert_string_equal(s.page->error, "");
	assert_string_equal(pl_buf_cstr(&s.lines), "a,b=2,instance=h:1,job=node value=1 1000\n");
	scrape_close(&s);
}

static void bounds_samples_after_relabeling(void **state)
{
	(void)state;
	static const char *const name[] = {"__name__", NULL};
	static const struct {
		const char *page, *lines;
		uint64_t over, relabeled;
	} cases[] = {
	    {"a 1\nb 1\n", "a value=1 1000\nb value=1 1000\n", 0, 0},
	    {"a 1\nbad 1\nb 1\nbad 2\nbad 3\n", "a value=1 1000\nb value=1 1000\n", 0, 3},
	    {"bad 1\na 1\nb 1\nc 1\n", "", 3, 1},
	    {"a NaN\nbad 1\nb 1\nc 1\nd 1\n", "", 2, 1}, /* what cannot be stored was a sample, too */
	};
	static const struct scrape_label none[SCRAPE_MOST_LABELS] = {{0}};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_DROP, name, "bad", NULL, NULL);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct scrape s = {.job = {.sample_limit = 2}};
		scrape_open(&s, &rule, 1, none);
		for (size_t scrape = 0; scrape < 2; scrape++) {
			scrape_read(&s, pl_str_of(cases[i].page), 0);
			assert_string_equal(s.page->error,
					    cases[i].over > 0 ? "the page holds more than sample_limit = 2 samples" : "");
			assert_string_equal(pl_buf_cstr(&s.lines), cases[i].lines);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_LIMIT], cases[i].over);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_RELABELED], cases[i].relabeled);
		}
		scrape_close(&s);
	}
}

/* The limits hold for every schema, and the accounts, which scrape_read checks, come out. */
static void bounds_samples_of_all_schemas(void **state)
{
	(void)state;
	static const char page[] = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n"
				   "# TYPE g gauge\ng 1\ng{a=\"1\",b=\"2\"} 2\n";
	static const struct {
		int schema;
		int64_t labels, series;
		const char *lines;
		uint64_t over_labels, over_series;
	} cases[] = {
	    {PL_SCHEMA_KAPACITOR, 4, 5,
	     "h_bucket,le=1 value=1 1000\nh_bucket,le=+Inf value=3 1000\nh_sum value=4 1000\nh_count value=3 1000\ng value=1 "
	     "1000\n",
	     0, 1},
	    {PL_SCHEMA_TELEGRAF1, 4, 5, "h 1=1,+Inf=3,sum=4,count=3 1000\ng gauge=1 1000\n", 0, 1},
	    {PL_SCHEMA_TELEGRAF2, 4, 4,
	     "prometheus,le=1 h_bucket=1 1000\nprometheus,le=+Inf h_bucket=3 1000\nprometheus h_sum=4,h_count=3 1000\n", 0, 2},
	    {PL_SCHEMA_KAPACITOR, 2, 0, "", 6, 0},
	    {PL_SCHEMA_TELEGRAF1, 2, 0, "", 6, 0},
	    {PL_SCHEMA_TELEGRAF2, 2, 0, "", 6, 0},
	};
	static const struct scrape_label none[SCRAPE_MOST_LABELS] = {{0}};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct scrape s = {.job = {.label_limit = cases[i].labels, .series_limit = cases[i].series}};
		s.job.influx.schema = cases[i].schema;
		scrape_open(&s, NULL, 0, none);
		for (size_t scrape = 0; scrape < 2; scrape++) {
			scrape_read(&s, PL_STR(page), 0);
			assert_string_equal(pl_buf_cstr(&s.lines), cases[i].lines);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_LABEL_LIMIT], cases[i].over_labels);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_SERIES_LIMIT], cases[i].over_series);
		}
		scrape_close(&s);
	}
}

static void add_series(struct pl_buf *page, const char *metric, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		pl_buf_addf(page, "%s{n=\"%zu\"} 1\n", metric, i);
}

static void keeps_known_series(void **state)
{
	(void)state;
	for (size_t n_rules = 0; n_rules < 2; n_rules++) {
		const struct pl_relabel_rule rule = keep_all();
		struct scrape s = {.job = {.series_limit = 10}};
		struct pl_buf page = {0};
		scrape_open(&s, &rule, n_rules, node);
		add_series(&page, "a", 0, 8);
		scrape_read(&s, pl_buf_str(&page), 0);
		assert_int_equal(s.outcome.series_added, 8);
		assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_SERIES_LIMIT], 0);
		assert_null(s.series->offenders);

		/* New ones in front of the known ones take what room there is, and the known ones stay. */
		pl_buf_clear(&page);
		add_series(&page, "c", 0, 1);
		add_series(&page, "b", 0, 20);
		add_series(&page, "a", 0, 8);
		for (size_t scrape = 0; scrape < 40; scrape++) {
			scrape_read(&s, pl_buf_str(&page), 0);
			assert_int_equal(s.outcome.series_added, scrape == 0 ? 2 : 0);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_SERIES_LIMIT], 19);
			assert_int_equal(s.outcome.points - s.outcome.own_points, 10);
			assert_non_null(strstr(pl_buf_cstr(&s.lines), "c,n=0,"));
			assert_non_null(strstr(pl_buf_cstr(&s.lines), "b,n=0,"));
			assert_null(strstr(pl_buf_cstr(&s.lines), "b,n=1,"));
			assert_non_null(strstr(pl_buf_cstr(&s.lines), "a,n=7,"));
			assert_int_equal(s.series->offenders[1].n, 1);
			assert_string_equal(s.series->offenders[1].v[0].metric, "b");
			assert_int_equal(s.series->offenders[1].v[0].dropped, 19);
		}

		/* A page that fails makes nobody older; pages without them do, and then others have their room. */
		for (size_t scrape = 0; scrape < 100; scrape++)
			scrape_read(&s, PL_STR("bad{\n"), 0);
		assert_int_equal(s.series->known.n, 10);
		for (size_t scrape = 0; scrape < 32; scrape++)
			scrape_read(&s, PL_STR("a{n=\"0\"} 1\n"), 0);
		assert_int_equal(s.series->known.n, 1);
		assert_int_equal(s.series->offenders[1].n, 0);
		scrape_read(&s, pl_buf_str(&page), 0);
		assert_int_equal(s.outcome.series_added, 9);
		pl_buf_finish(&page);
		scrape_close(&s);
	}
}

static void names_the_worst_offenders(void **state)
{
	(void)state;
	struct scrape s = {.job = {.series_limit = 1}};
	struct pl_buf page = {0};
	char metric[120];
	scrape_open(&s, NULL, 0, node);
	scrape_read(&s, PL_STR("first 1\n"), 0);
	for (size_t i = 0; i < 50; i++) { /* many with one series each, in front of two with many */
		snprintf(metric, sizeof metric, "few_%zu", i);
		add_series(&page, metric, 0, 1);
	}
	memset(metric, 'x', 100);
	metric[100] = '\0';
	add_series(&page, metric, 0, 300);
	add_series(&page, "many", 0, 200);
	scrape_read(&s, pl_buf_str(&page), 0);
	assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_SERIES_LIMIT], 550);
	const struct pl_target_offenders *o = &s.series->offenders[1];
	metric[63] = '\0';
	assert_int_equal(o->n, PL_TARGET_OFFENDERS);
	assert_string_equal(o->v[0].metric, metric);
	assert_in_range(o->v[0].dropped, 300, 307);
	assert_string_equal(o->v[1].metric, "many");
	assert_in_range(o->v[1].dropped, 200, 207);
	pl_buf_finish(&page);
	scrape_close(&s);
}

/* What a logger wrote, one message a line. */
static void take_messages(FILE *f, long *at, struct pl_buf *out)
{
	char line[512];
	pl_buf_clear(out);
	fseek(f, *at, SEEK_SET);
	while (fgets(line, sizeof line, f) != NULL) {
		char *message = strstr(line, "msg=\""), *end = message != NULL ? strchr(message + 5, '"') : NULL;
		assert_non_null(end);
		pl_buf_addf(out, "%.*s\n", (int)(end - message - 5), message + 5);
	}
	*at = ftell(f);
}

static void warns_once(void **state)
{
	(void)state;
	static const struct {
		size_t series, scrapes; /* so many scrapes of so many series */
		const char *messages;
	} steps[] = {
	    {7, 3, ""},
	    {8, 3, "80 % of series_limit reached\n"},
	    {9, 3, ""},
	    {10, 3, "series_limit reached: new series are dropped\n"},
	    {15, 3, ""},
	    {9, 40, ""}, /* not yet below 80 % */
	    {10, 3, ""},
	    {7, 40, "series are below 80 % of series_limit again\n"},
	    {12, 1, "series_limit reached: new series are dropped\n"},
	    {1, 40, "series are below 80 % of series_limit again\n"},
	};
	struct scrape s = {.job = {.series_limit = 10}};
	struct pl_target target = {.job = &s.job, .url = "http://h:1/metrics"};
	FILE *f = tmpfile();
	struct pl_log *log = pl_log_create(fileno(f), PL_LOG_LOGFMT, PL_LOG_INFO);
	struct pl_buf messages = {0}, page = {0};
	long at = 0;
	scrape_open(&s, NULL, 0, node);
	for (size_t i = 0; i < PL_COUNT_OF(steps); i++) {
		pl_buf_clear(&page);
		add_series(&page, "a", 0, steps[i].series);
		for (size_t scrape = 0; scrape < steps[i].scrapes; scrape++) {
			scrape_read(&s, pl_buf_str(&page), 0);
			pl_target_series_warn(s.series, &target, log, (int64_t)(scrape + 1) * PL_NS_PER_S);
		}
		take_messages(f, &at, &messages);
		assert_string_equal(pl_buf_cstr(&messages), steps[i].messages);
	}
	pl_log_destroy(log);
	fclose(f);
	pl_buf_finish(&messages);
	pl_buf_finish(&page);
	scrape_close(&s);
}

static void leaves_other_jobs_alone(void **state)
{
	(void)state;
	struct scrape s = {.job = {.sample_limit = 5}};
	scrape_open(&s, NULL, 0, node);
	assert_null(s.series);
	scrape_read(&s, PL_STR("a 1\n"), 0);
	assert_string_equal(pl_buf_cstr(&s.lines), "a,instance=h:1,job=node value=1 1000\n");
	scrape_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounds_labels),
	    cmocka_unit_test(bounds_labels_after_relabeling),
	    cmocka_unit_test(bounds_samples_after_relabeling),
	    cmocka_unit_test(bounds_samples_of_all_schemas),
	    cmocka_unit_test(keeps_known_series),
	    cmocka_unit_test(names_the_worst_offenders),
	    cmocka_unit_test(warns_once),
	    cmocka_unit_test(leaves_other_jobs_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
