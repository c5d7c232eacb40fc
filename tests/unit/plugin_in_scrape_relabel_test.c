#include "scrape_page.h"

#define SOURCE(...)                                                                                                              \
	(const char *const[])                                                                                                    \
	{                                                                                                                        \
		__VA_ARGS__, NULL                                                                                                \
	}

enum { MOST_RULES = 3 };

struct row {
	struct {
		enum pl_relabel_action action;
		const char *source, *regex, *target, *replacement; /* source: one label; regex NULL ends the rules */
	} rules[MOST_RULES];
	bool honor_labels;
	struct scrape_label target[SCRAPE_MOST_LABELS];
	const char *page, *lines;
	uint64_t relabeled, nameless; /* dropped so */
};

#define NODE                                                                                                                     \
	{                                                                                                                        \
		{"job", "node"},                                                                                                 \
		{                                                                                                                \
			"instance", "h:1"                                                                                        \
		}                                                                                                                \
	}
#define TAGS ",instance=h:1,job=node"

static const struct row rows[] = {
    /* rules that change nothing */
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}}, false, NODE, "a{b=\"c\"} 1\n", "a,b=c" TAGS " value=1 1000\n", 0, 0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}}, false, {{0}}, "a 1\n", "a value=1 1000\n", 0, 0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}}, false, NODE, "a{b=\"\"} 1\n", "a" TAGS " value=1 1000\n", 0, 0},
    /* dropped */
    {{{PL_RELABEL_DROP, "__name__", "go_.*", NULL, NULL}},
     false,
     NODE,
     "go_x 1\nx{a=\"1\"} 2\ngo_y{a=\"1\"} NaN\n",
     "x,a=1" TAGS " value=2 1000\n",
     2,
     0},
    {{{PL_RELABEL_KEEP, "job", "other", NULL, NULL}}, false, NODE, "a 1\nb 2\n", "", 2, 0},
    {{{PL_RELABEL_DROP, "mode", "idle", NULL, NULL}},
     false,
     NODE,
     "cpu{mode=\"idle\"} 1\ncpu{mode=\"user\"} 2 3\n",
     "cpu,mode=user" TAGS " value=2 3000000\n",
     1,
     0},
    /* the metric's name */
    {{{PL_RELABEL_REPLACE, "__name__", "a_(.*)", "__name__", "b_$1"}},
     false,
     NODE,
     "a_x 1\nc 2\n",
     "b_x" TAGS " value=1 1000\nc" TAGS " value=2 1000\n",
     0,
     0},
    {{{PL_RELABEL_REPLACE, "__name__", "a.*", "__name__", ""}}, false, NODE, "a_x 1\nc 2\n", "c" TAGS " value=2 1000\n", 0, 1},
    {{{PL_RELABEL_LABELDROP, NULL, "__name__", NULL, NULL}}, false, NODE, "a 1\n", "", 0, 1},
    {{{PL_RELABEL_REPLACE, "job", "(.*)", "__name__", "two words, $1"}},
     false,
     NODE,
     "a 1\n",
     "two\\ words\\,\\ node" TAGS " value=1 1000\n",
     0,
     0},
    /* labels with two underscores in front vanish */
    {{{PL_RELABEL_REPLACE, "b", "(.*)", "__tmp_b", NULL}, {PL_RELABEL_REPLACE, "__tmp_b", "(.+)", "c", "<$1>"}},
     false,
     NODE,
     "a{b=\"x\"} 1\n",
     "a,b=x,c=<x>" TAGS " value=1 1000\n",
     0,
     0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}},
     false,
     NODE,
     "a{__x=\"1\",y=\"2\"} 1\n",
     "a,y=2" TAGS " value=1 1000\n",
     0,
     0},
    /* the target's labels */
    {{{PL_RELABEL_REPLACE, "job", "(.*)", "job", "my-$1"}},
     false,
     NODE,
     "a{z=\"1\"} 1\n",
     "a,instance=h:1,job=my-node,z=1 value=1 1000\n",
     0,
     0},
    {{{PL_RELABEL_LABELDROP, NULL, "instance", NULL, NULL}},
     false,
     NODE,
     "a{b=\"1\"} 1\n",
     "a,b=1,job=node value=1 1000\n",
     0,
     0},
    /* names that the page and the target have */
    {{{PL_RELABEL_KEEP, "exported_job", "mine|", NULL, NULL}},
     false,
     NODE,
     "a{job=\"mine\"} 1\na{job=\"theirs\"} 2\n",
     "a,exported_job=mine" TAGS " value=1 1000\n",
     1,
     0},
    {{{PL_RELABEL_KEEP, "job", "mine", NULL, NULL}},
     true,
     NODE,
     "a{job=\"mine\"} 1\na{job=\"theirs\"} 2\n",
     "a,instance=h:1,job=mine value=1 1000\n",
     1,
     0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}}, true, NODE, "a{job=\"\"} 1\n", "a,instance=h:1 value=1 1000\n", 0, 0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}}, false, NODE, "a{job=\"\"} 1\n", "a" TAGS " value=1 1000\n", 0, 0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}},
     false,
     NODE,
     "a{job=\"mine\",exported_job=\"x\"} 1\n",
     "a,exported_exported_job=mine,exported_job=x" TAGS " value=1 1000\n",
     0,
     0},
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}},
     false,
     {{"a", "t1"}, {"exported_a", "t2"}},
     "m{exported_a=\"s2\",a=\"s1\"} 1\n",
     "m,exported_exported_a=s1,exported_exported_exported_a=s2,a=t1,exported_a=t2 value=1 1000\n",
     0,
     0},
    /* escapes of the page and of line protocol */
    {{{PL_RELABEL_REPLACE, "p", "C:\\\\(.*)", "q", NULL}},
     false,
     NODE,
     "a{p=\"C:\\\\a b\",r=\"x\\\"y\\nz\"} 1\n",
     "a,p=C:\\a\\ b,q=a\\ b,r=x\"y_z" TAGS " value=1 1000\n",
     0,
     0},
    /* time is no tag */
    {{{PL_RELABEL_KEEP, "time", "now", NULL, NULL}},
     false,
     NODE,
     "a{time=\"now\"} 1\n",
     "a" TAGS ",time_=now value=1 1000\n",
     0,
     0},
    {{{PL_RELABEL_REPLACE, "job", "(.*)", "time", NULL}},
     false,
     {{"job", "j"}, {"time_", "x"}},
     "a 1\n",
     "a,job=j,time__=j,time_=x value=1 1000\n",
     0,
     0},
    /* values that cannot be stored */
    {{{PL_RELABEL_KEEP, "__name__", ".+", NULL, NULL}},
     false,
     NODE,
     "a NaN\nb +Inf\nc +1.50\n",
     "c" TAGS " value=1.5 1000\n",
     0,
     0},
};

static size_t rules_of(const struct row *row, struct pl_relabel_rule *rules, const char *sources[][2])
{
	size_t n = 0;
	for (; n < MOST_RULES && row->rules[n].regex != NULL; n++) {
		sources[n][0] = row->rules[n].source;
		sources[n][1] = NULL;
		rules[n] = scrape_rule(row->rules[n].action, row->rules[n].source != NULL ? sources[n] : NULL,
				       row->rules[n].regex, row->rules[n].target, row->rules[n].replacement);
	}
	return n;
}

static void relabels(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct scrape s = {.job.honor_labels = row->honor_labels};
		struct pl_relabel_rule rules[MOST_RULES];
		const char *sources[MOST_RULES][2];
		size_t n = rules_of(row, rules, sources);
		scrape_open(&s, rules, n, row->target);
		for (size_t scrape = 0; scrape < 3; scrape++) {
			scrape_read(&s, pl_str_of(row->page), scrape);
			assert_string_equal(s.page->error, "");
			assert_string_equal(pl_buf_cstr(&s.lines), row->lines);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_RELABELED], row->relabeled);
			assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_NAMELESS], row->nameless);
			assert_int_equal(s.outcome.kept, s.outcome.samples - row->relabeled - row->nameless);
			assert_int_equal(s.outcome.relabeled, scrape == 0 ? s.outcome.samples : 0);
			assert_int_equal(s.outcome.series_added, scrape == 0 ? s.outcome.kept : 0);
			assert_int_equal(s.outcome.uncached, 0);
		}
		scrape_close(&s);
	}
}

/* The same results when the cache has no room at all. */
static void relabels_without_cache(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct scrape s = {.job.honor_labels = rows[i].honor_labels};
		struct pl_relabel_rule rules[MOST_RULES];
		const char *sources[MOST_RULES][2];
		size_t n = rules_of(&rows[i], rules, sources);
		scrape_open(&s, rules, n, rows[i].target);
		s.budget.most = 0;
		for (size_t scrape = 0; scrape < 2; scrape++) {
			scrape_read(&s, pl_str_of(rows[i].page), 0);
			assert_string_equal(pl_buf_cstr(&s.lines), rows[i].lines);
			assert_int_equal(s.outcome.uncached, s.outcome.samples);
		}
		scrape_close(&s);
	}
}

static void refuses_a_series_key_that_is_too_long(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = NODE;
	static const size_t lengths[] = {65400, 65500, 65501, 65536, 70000, 200000};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_KEEP, NULL, "", NULL, NULL);
	struct scrape s = {0};
	scrape_open(&s, &rule, 1, target);
	for (size_t i = 0; i < PL_COUNT_OF(lengths); i++) {
		struct pl_buf page = {0};
		pl_buf_add_cstr(&page, "a{b=\"");
		for (size_t k = 0; k < lengths[i]; k++)
			pl_buf_add_char(&page, 'x');
		pl_buf_add_cstr(&page, "\"} 1\n");
		for (size_t scrape = 0; scrape < 2; scrape++) {
			scrape_read(&s, pl_buf_str(&page), 0);
			assert_int_equal(s.outcome.dropped[PL_SAMPLE_DROP_SERIES_KEY], lengths[i] > 65500 ? 1 : 0);
			assert_int_equal(s.outcome.kept, 1);
		}
		pl_buf_finish(&page);
	}
	scrape_close(&s);
}

/* What the job says of values and times holds for a series from the cache as for any other. */
static void keeps_to_the_policies(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = NODE;
	static const char page[] = "a NaN\nb{c=\"1\"} +Inf 7\nd 1\ne{special=\"x\"} -Inf\nf{x=\"y,special=z\"} NaN\ng 2 8\n";
	static const struct {
		int nan;
		int64_t offset;
		const char *lines;
		uint64_t nans, infinities;
	} cases[] = {
	    {PL_NAN_DROP, 0, "d" TAGS " value=1 1000\ng" TAGS " value=2 8000000\n", 2, 2},
	    {PL_NAN_ZERO, 5,
	     "a" TAGS " value=0 1005\nb,c=1" TAGS " value=0 7000000\nd" TAGS " value=1 1005\ne,special=x" TAGS " value=0 1005\n"
	     "f,x=y\\,special\\=z" TAGS " value=0 1005\ng" TAGS " value=2 8000000\n",
	     0, 0},
	    {PL_NAN_TAG, 0,
	     "a" TAGS ",special=NaN value=0 1000\nb,c=1" TAGS ",special=+Inf value=0 7000000\nd" TAGS " value=1 1000\n"
	     "e,special=x" TAGS ",special_=-Inf value=0 1000\nf,x=y\\,special\\=z" TAGS ",special=NaN value=0 1000\n"
	     "g" TAGS " value=2 8000000\n",
	     0, 0},
	};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_KEEP, NULL, "", NULL, NULL);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		for (size_t n_rules = 0; n_rules < 2; n_rules++) {
			struct scrape s = {.job.influx = {.nan = cases[i].nan, .timestamp_offset = cases[i].offset}};
			scrape_open(&s, &rule, n_rules, target);
			for (size_t scrape = 0; scrape < 3; scrape++) {
				scrape_read(&s, PL_STR(page), scrape);
				assert_string_equal(pl_buf_cstr(&s.lines), cases[i].lines);
				assert_int_equal(s.outcome.dropped[PL_SAMPLE_DROP_NAN], cases[i].nans);
				assert_int_equal(s.outcome.dropped[PL_SAMPLE_DROP_INF], cases[i].infinities);
			}
			scrape_close(&s);
		}
}

/* A target's tag `special` is seen, whether the series' text repeats it or not; and one that a rule made. */
static void finds_a_free_name_for_special(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"special", "t"}};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_REPLACE, SOURCE("b"), "(.+)", "special_", NULL);
	struct scrape s = {.job.influx.nan = PL_NAN_TAG};
	scrape_open(&s, &rule, 1, target);
	for (size_t scrape = 0; scrape < 2; scrape++) {
		scrape_read(&s, PL_STR("a NaN\na{b=\"1\"} NaN\n"), 0);
		assert_string_equal(pl_buf_cstr(&s.lines), "a,special=t,special_=NaN value=0 1000\n"
							   "a,b=1,special_=1,special=t,special__=NaN value=0 1000\n");
	}
	scrape_close(&s);
}

static void writes_own_series(void **state)
{
	(void)state;
	static const struct scrape_label none[SCRAPE_MOST_LABELS] = {{0}};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_DROP, SOURCE("__name__"), "b", NULL, NULL);
	for (size_t n = 0; n < 2; n++) {
		struct scrape s = {0};
		scrape_open(&s, &rule, n, none);
		scrape_read(&s, PL_STR("a 1\nb 2\nc NaN\n"), 0);
		assert_string_equal(
		    pl_buf_cstr(&s.own),
		    n == 0 ? "up value=1 1000\nscrape_duration_seconds value=0 1000\n"
			     "scrape_samples_scraped value=3 1000\nscrape_samples_post_metric_relabeling value=3 1000\n"
			     "scrape_samples_dropped value=1 1000\n"
			   : "up value=1 1000\nscrape_duration_seconds value=0 1000\n"
			     "scrape_samples_scraped value=3 1000\nscrape_samples_post_metric_relabeling value=2 1000\n"
			     "scrape_series_added value=2 1000\nscrape_samples_dropped value=2 1000\n");
		scrape_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(relabels),
	    cmocka_unit_test(relabels_without_cache),
	    cmocka_unit_test(refuses_a_series_key_that_is_too_long),
	    cmocka_unit_test(keeps_to_the_policies),
	    cmocka_unit_test(finds_a_free_name_for_special),
	    cmocka_unit_test(writes_own_series),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
