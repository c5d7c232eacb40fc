#include "scrape_page.h"

/* Metric relabeling with Telegraf's two schemas. */

#define SOURCE(...)                                                                                                              \
	(const char *const[])                                                                                                    \
	{                                                                                                                        \
		__VA_ARGS__, NULL                                                                                                \
	}

enum { MOST_RULES = 2 };

struct row {
	struct {
		enum pl_relabel_action action;
		const char *source, *regex, *target, *replacement;
	} rules[MOST_RULES];
	const char *page, *telegraf1, *telegraf2;
	uint64_t relabeled;
};

#define NOTHING                                                                                                                  \
	{                                                                                                                        \
		PL_RELABEL_KEEP, NULL, "", NULL, NULL                                                                            \
	}
#define HISTOGRAM                                                                                                                \
	"# TYPE h histogram\n"                                                                                                   \
	"h_bucket{le=\"0.5\",p=\"a\"} 1\nh_bucket{le=\"1\",p=\"a\"} 2\nh_bucket{le=\"+Inf\",p=\"a\"} 3\n"                        \
	"h_sum{p=\"a\"} 4\nh_count{p=\"a\"} 3\n"
#define SUMMARY "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.9\"} 2\ns_sum 3\ns_count 4\n"
#define T       ",job=j"

static const struct row rows[] = {
    /* rules that change nothing */
    {{NOTHING},
     HISTOGRAM,
     "h,p=a" T " 0.5=1,1=2,+Inf=3,sum=4,count=3 1000\n",
     "prometheus,p=a" T ",le=0.5 h_bucket=1 1000\nprometheus,p=a" T ",le=1 h_bucket=2 1000\n"
     "prometheus,p=a" T ",le=+Inf h_bucket=3 1000\nprometheus,p=a" T " h_sum=4,h_count=3 1000\n",
     0},
    {{NOTHING},
     SUMMARY,
     "s" T " 0.5=1,0.9=2,sum=3,count=4 1000\n",
     "prometheus" T ",quantile=0.5 s=1 1000\nprometheus" T ",quantile=0.9 s=2 1000\nprometheus" T " s_sum=3,s_count=4 1000\n",
     0},
    {{NOTHING},
     "# TYPE c counter\nc 1 5\n# TYPE g gauge\ng{a=\"b c\"} 2\nu 3\n",
     "c" T " counter=1 5000000\ng,a=b\\ c" T " gauge=2 1000\nu" T " value=3 1000\n",
     "prometheus" T " c=1 5000000\nprometheus,a=b\\ c" T " g=2 1000\nprometheus" T " u=3 1000\n",
     0},
    /* a metric gets another name, and stays what it is */
    {{{PL_RELABEL_REPLACE, "__name__", "h_(.*)", "__name__", "my_h_$1"}},
     HISTOGRAM,
     "my_h,p=a" T " 0.5=1,1=2,+Inf=3,sum=4,count=3 1000\n",
     "prometheus,p=a" T ",le=0.5 my_h_bucket=1 1000\nprometheus,p=a" T ",le=1 my_h_bucket=2 1000\n"
     "prometheus,p=a" T ",le=+Inf my_h_bucket=3 1000\nprometheus,p=a" T " my_h_sum=4,my_h_count=3 1000\n",
     0},
    {{{PL_RELABEL_REPLACE, "__name__", "c_total", "__name__", "c"}},
     "# TYPE c_total counter\nc_total 1\n",
     "c" T " counter=1 1000\n",
     "prometheus" T " c=1 1000\n",
     0},
    /* the suffix that tells the part is lost: a value */
    {{{PL_RELABEL_REPLACE, "__name__", "h_count", "__name__", "seen"}},
     HISTOGRAM,
     "seen,p=a" T " value=3 1000\nh,p=a" T " 0.5=1,1=2,+Inf=3,sum=4 1000\n",
     "prometheus,p=a" T ",le=0.5 h_bucket=1 1000\nprometheus,p=a" T ",le=1 h_bucket=2 1000\n"
     "prometheus,p=a" T ",le=+Inf h_bucket=3 1000\nprometheus,p=a" T " seen=3 1000\nprometheus,p=a" T " h_sum=4 1000\n",
     0},
    /* parts are dropped: nothing is made up for them */
    {{{PL_RELABEL_DROP, "__name__", ".*_bucket", NULL, NULL}},
     HISTOGRAM,
     "h,p=a" T " sum=4,count=3 1000\n",
     "prometheus,p=a" T " h_sum=4,h_count=3 1000\n",
     3},
    {{{PL_RELABEL_DROP, "le", "0.5|\\+Inf", NULL, NULL}},
     HISTOGRAM,
     "h,p=a" T " 1=2,sum=4,count=3 1000\n",
     "prometheus,p=a" T ",le=1 h_bucket=2 1000\nprometheus,p=a" T " h_sum=4,h_count=3 1000\n",
     2},
    {{{PL_RELABEL_DROP, "__name__", ".*_(sum|count)", NULL, NULL}},
     SUMMARY,
     "s" T " 0.5=1,0.9=2 1000\n",
     "prometheus" T ",quantile=0.5 s=1 1000\nprometheus" T ",quantile=0.9 s=2 1000\n",
     2},
    /* a bound's label is dropped: a bucket or quantile without one is a value of its own */
    {{{PL_RELABEL_LABELDROP, NULL, "le", NULL, NULL}},
     HISTOGRAM,
     "h_bucket,p=a" T " value=1 1000\nh_bucket,p=a" T " value=2 1000\nh_bucket,p=a" T " value=3 1000\n"
     "h,p=a" T " sum=4,count=3 1000\n",
     "prometheus,p=a" T " h_bucket=1 1000\nprometheus,p=a" T " h_bucket=2 1000\nprometheus,p=a" T " h_bucket=3 1000\n"
     "prometheus,p=a" T " h_sum=4,h_count=3 1000\n",
     0},
    {{{PL_RELABEL_LABELDROP, NULL, "quantile", NULL, NULL}},
     SUMMARY,
     "s" T " value=1 1000\ns" T " value=2 1000\ns" T " sum=3,count=4 1000\n",
     "prometheus" T " s=1 1000\nprometheus" T " s=2 1000\nprometheus" T " s_sum=3,s_count=4 1000\n",
     0},
    /* a bound gets another value */
    {{{PL_RELABEL_REPLACE, "le", "0.5", "le", "0.50000"}},
     HISTOGRAM,
     "h,p=a" T " 0.5=1,1=2,+Inf=3,sum=4,count=3 1000\n",
     "prometheus,p=a" T ",le=0.5 h_bucket=1 1000\nprometheus,p=a" T ",le=1 h_bucket=2 1000\n"
     "prometheus,p=a" T ",le=+Inf h_bucket=3 1000\nprometheus,p=a" T " h_sum=4,h_count=3 1000\n",
     0},
    /* the target's labels */
    {{{PL_RELABEL_LABELDROP, NULL, "job|p", NULL, NULL}},
     HISTOGRAM,
     "h 0.5=1,1=2,+Inf=3,sum=4,count=3 1000\n",
     "prometheus,le=0.5 h_bucket=1 1000\nprometheus,le=1 h_bucket=2 1000\nprometheus,le=+Inf h_bucket=3 1000\n"
     "prometheus h_sum=4,h_count=3 1000\n",
     0},
    /* samples of one family on two ways: points stay whole however the names alternate */
    {{{PL_RELABEL_REPLACE, "p", "b", "__name__", "other"}, {PL_RELABEL_DROP, "__name__", "dropped", NULL, NULL}},
     "# TYPE h histogram\nh_count{p=\"a\"} 1\nh_count{p=\"b\"} 2\nh_sum{p=\"a\"} 3\nh_sum{p=\"b\"} 4\n",
     "other,p=b" T " value=2 1000\nother,p=b" T " value=4 1000\nh,p=a" T " count=1,sum=3 1000\n",
     "prometheus,p=b" T " other=2 1000\nprometheus,p=b" T " other=4 1000\nprometheus,p=a" T " h_count=1,h_sum=3 1000\n",
     0},
    {{{PL_RELABEL_REPLACE, "part", "(.+)", "__name__", "h2_$1"}, {PL_RELABEL_LABELDROP, NULL, "part", NULL, NULL}},
     "# TYPE h histogram\nh_count 1\nh_count{part=\"count\"} 2\nh_sum 3\nh_sum{part=\"sum\"} 4\n",
     "h" T " count=1,sum=3 1000\nh2" T " count=2,sum=4 1000\n",
     "prometheus" T " h_count=1,h2_count=2,h_sum=3,h2_sum=4 1000\n",
     0},
    /* names that line protocol or field keys cannot carry as they are */
    {{{PL_RELABEL_REPLACE, "job", "(.*)", "__name__", "two words, \"$1\""}},
     "a 1\n",
     "two\\ words\\,\\ \"j\"" T " value=1 1000\n",
     "prometheus" T " two\\ words\\,\\ _j_=1 1000\n",
     0},
    {{{PL_RELABEL_REPLACE, "job", "(.*)", "time", NULL}},
     "# TYPE h histogram\nh_sum 1\nh_count 2\n",
     "h" T ",time_=j sum=1,count=2 1000\n",
     "prometheus" T ",time_=j h_sum=1,h_count=2 1000\n",
     0},
};

static void relabel(const struct row *row, int schema, size_t cache, const char *lines)
{
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"job", "j"}};
	struct scrape s = {.job.influx.schema = schema};
	struct pl_relabel_rule rules[MOST_RULES];
	const char *sources[MOST_RULES][2] = {{NULL}};
	size_t n = 0;
	for (; n < MOST_RULES && row->rules[n].regex != NULL; n++) {
		sources[n][0] = row->rules[n].source;
		rules[n] = scrape_rule(row->rules[n].action, sources[n][0] != NULL ? sources[n] : NULL, row->rules[n].regex,
				       row->rules[n].target, row->rules[n].replacement);
	}
	scrape_open(&s, rules, n, target);
	s.budget.most = cache;
	for (size_t scrape = 0; scrape < 3; scrape++) {
		scrape_read(&s, pl_str_of(row->page), scrape);
		assert_string_equal(s.page->error, "");
		assert_string_equal(pl_buf_cstr(&s.lines), lines);
		assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_RELABELED], row->relabeled);
		assert_int_equal(s.outcome.added, 0);
	}
	scrape_close(&s);
}

static void relabels(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
		for (size_t cache = 0; cache <= 1 << 20; cache += 1 << 20) {
			relabel(&rows[i], PL_SCHEMA_TELEGRAF1, cache, rows[i].telegraf1);
			relabel(&rows[i], PL_SCHEMA_TELEGRAF2, cache, rows[i].telegraf2);
		}
}

/* What else a job says holds as for any other. */
static void keeps_to_the_policies(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"job", "j"}};
	static const char page[] = "# TYPE h histogram\nh_bucket{le=\"1\",job=\"x\"} NaN\nh_count{job=\"x\"} 2\n";
	static const struct {
		struct pl_job job;
		const char *lines, *error;
	} cases[] = {
	    {{0}, "h,exported_job=x,job=j count=2 1000\n", ""},
	    {{.honor_labels = true}, "h,job=x count=2 1000\n", ""},
	    {{.influx.nan = PL_NAN_ZERO}, "h,exported_job=x,job=j 1=0,count=2 1000\n", ""},
	    {{.influx.nan = PL_NAN_TAG},
	     "h,exported_job=x,job=j,special=NaN 1=0 1000\nh,exported_job=x,job=j count=2 1000\n",
	     ""},
	    {{.series_limit = 1}, "", ""},
	    {{.sample_limit = 1}, "", "the page holds more than sample_limit = 1 samples"},
	    {{.label_limit = 3}, "", "metric h_bucket has 4 labels (__name__ and the target's included); label_limit is 3"},
	};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_KEEP, NULL, "", NULL, NULL);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct scrape s = {.job = cases[i].job};
		s.job.influx.schema = PL_SCHEMA_TELEGRAF1;
		scrape_open(&s, &rule, 1, target);
		for (size_t scrape = 0; scrape < 3; scrape++) {
			scrape_read(&s, PL_STR(page), 0);
			assert_string_equal(pl_buf_cstr(&s.lines), cases[i].lines);
			assert_string_equal(s.page->error, cases[i].error);
		}
		scrape_close(&s);
	}
}

/* A target with a label `le`: the page's becomes exported_le, so that no bucket has a bound of its own. */
static void target_with_a_bound(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"le", "7"}};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_LABELDROP, NULL, "le", NULL, NULL);
	const struct pl_relabel_rule back = scrape_rule(PL_RELABEL_REPLACE, SOURCE("exported_le"), "(.+)", "le", NULL);
	for (size_t n = 1; n <= 2; n++) {
		const struct pl_relabel_rule rules[] = {rule, back};
		struct scrape s = {.job.influx.schema = PL_SCHEMA_TELEGRAF1};
		scrape_open(&s, rules, n, target);
		scrape_read(&s, PL_STR("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 2\n"), 0);
		assert_string_equal(pl_buf_cstr(&s.lines), n == 1 ? "h_bucket,exported_le=1 value=2 1000\nh count=2 1000\n"
								  : "h,exported_le=1 1=2 1000\nh count=2 1000\n");
		scrape_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(relabels),
	    cmocka_unit_test(keeps_to_the_policies),
	    cmocka_unit_test(target_with_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
