#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/exposition.h"
#include "format/lineproto.h"
#include "format/transcode.h"
#include "format/transcode_gather.h"
#include "format/transcode_telegraf.h"

enum { TIME = 1000 };

struct job {
	enum pl_schema_kind schema;
	enum pl_nan_policy nan;
	const char *measurement; /* NULL: default */
	bool honor_labels, ignore_times, openmetrics;
	struct pl_label label; /* of the target; default: url=x */
};

struct conversion {
	struct pl_transcode t;
	struct pl_buf out;
	uint64_t samples;
};

static enum pl_err on_sample(void *data, const struct pl_sample *sample)
{
	struct conversion *c = data;
	c->samples++;
	pl_transcode_sample(&c->t, sample);
	return PL_OK;
}

static void assert_settled(const struct conversion *c)
{
	uint64_t dropped = 0, lines = 0;
	for (int d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		dropped += c->t.dropped[d];
	assert_int_equal(c->t.lines - c->t.added + c->t.merged + dropped, c->samples);
	for (struct pl_str rest = pl_buf_str(&c->out); rest.n > 0; lines++) {
		struct pl_lp_line line;
		size_t column;
		const char *reason = "";
		enum pl_err err = pl_lp_parse(pl_str_cut(&rest, '\n'), &line, &column, &reason);
		assert_string_equal(reason == NULL ? "" : reason, "");
		assert_int_equal(err, PL_OK);
	}
	assert_int_equal(lines, c->t.lines);
}

static void convert(struct conversion *c, const struct job *job, struct pl_str page)
{
	static const struct pl_label url = {{"url", 3}, {"x", 1}};
	struct pl_transcode_target target;
	*c = (struct conversion){.t = {.schema = job->schema, .nan_policy = job->nan, .honor_labels = job->honor_labels}};
	c->t.honor_timestamps = !job->ignore_times;
	c->t.measurement = pl_str_of(job->measurement);
	pl_transcode_target_init(&target, (struct pl_labels){job->label.name.n > 0 ? &job->label : &url, 1});
	struct pl_exposition *reader = pl_exposition_create(job->openmetrics ? PL_EXPOSITION_OPENMETRICS : PL_EXPOSITION_TEXT,
							    (struct pl_exposition_limits){0}, on_sample, c);
	pl_transcode_begin(&c->t, &target, &c->out, TIME);
	assert_int_equal(pl_exposition_feed(reader, page.p, page.n), PL_OK);
	assert_int_equal(pl_exposition_end(reader), PL_OK);
	pl_transcode_end(&c->t);
	assert_settled(c);
	pl_exposition_destroy(reader);
	pl_transcode_finish(&c->t);
	pl_transcode_target_finish(&target);
}

/* What Telegraf documents for both versions, with the tag `url` that it adds. */
static const char documented[] = "# HELP go_gc_duration_seconds A summary.\n"
				 "# TYPE go_gc_duration_seconds summary\n"
				 "go_gc_duration_seconds{quantile=\"0\"} 7.4545e-05\n"
				 "go_gc_duration_seconds{quantile=\"0.25\"} 7.6999e-05\n"
				 "go_gc_duration_seconds{quantile=\"0.5\"} 0.000277935\n"
				 "go_gc_duration_seconds{quantile=\"0.75\"} 0.000706591\n"
				 "go_gc_duration_seconds{quantile=\"1\"} 0.000706591\n"
				 "go_gc_duration_seconds_sum 0.00113607\n"
				 "go_gc_duration_seconds_count 4\n"
				 "# TYPE go_goroutines gauge\n"
				 "go_goroutines 15\n"
				 "# TYPE cpu_usage_user gauge\n"
				 "cpu_usage_user{cpu=\"cpu0\"} 1.4112903225816156\n"
				 "cpu_usage_user{cpu=\"cpu1\"} 0.702106318955865\n";

/* The examples of plugins/parsers/prometheus, all types on one page; those of the README stand above. */
static const char parsed[] =
    "# TYPE get_token_fail_count counter\n"
    "get_token_fail_count 0\n"
    "# TYPE cadvisor_version_info gauge\n"
    "cadvisor_version_info{cadvisorRevision=\"\",dockerVersion=\"1.8.2\",osVersion=\"CentOS Linux 7 (Core)\"} 1\n"
    "# TYPE latencies histogram\n"
    "latencies_bucket{verb=\"POST\",le=\"125000\"} 1994\n"
    "latencies_bucket{verb=\"POST\",le=\"1e+06\"} 2005\n"
    "latencies_bucket{verb=\"POST\",le=\"8e+06\"} 2024\n"
    "latencies_sum{verb=\"POST\"} 1.02726334e+08\n"
    "latencies_count{verb=\"POST\"} 2025\n"
    "# TYPE duration summary\n"
    "duration{handler=\"prometheus\",quantile=\"0.5\"} 552048.506\n"
    "duration{handler=\"prometheus\",quantile=\"0.99\"} 5.876804288e+06\n"
    "duration_sum{handler=\"prometheus\"} 1.8909097205e+07\n"
    "duration_count{handler=\"prometheus\"} 9\n"
    "# TYPE test_counter counter\n"
    "test_counter{label=\"test\"} 1 1601830800000\n";

#define HISTOGRAM                                                                                                                \
	"# TYPE rtt histogram\n"                                                                                                 \
	"rtt_bucket{verb=\"PUT\",le=\"0.1\"} 1\n"                                                                                \
	"rtt_bucket{verb=\"PUT\",le=\"+Inf\"} 3\n"                                                                               \
	"rtt_sum{verb=\"PUT\"} 4.5\n"                                                                                            \
	"rtt_count{verb=\"PUT\"} 3\n"

static const struct {
	struct job job;
	const char *page, *lines;
} pages[] = {
    {{.schema = PL_SCHEMA_TELEGRAF1},
     documented,
     "go_gc_duration_seconds,url=x 0=7.4545e-05,0.25=7.6999e-05,0.5=0.000277935,0.75=0.000706591,1=0.000706591,"
     "sum=0.00113607,count=4 1000\n"
     "go_goroutines,url=x gauge=15 1000\n"
     "cpu_usage_user,cpu=cpu0,url=x gauge=1.4112903225816156 1000\n"
     "cpu_usage_user,cpu=cpu1,url=x gauge=0.702106318955865 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2},
     documented,
     "prometheus,url=x,quantile=0 go_gc_duration_seconds=7.4545e-05 1000\n"
     "prometheus,url=x,quantile=0.25 go_gc_duration_seconds=7.6999e-05 1000\n"
     "prometheus,url=x,quantile=0.5 go_gc_duration_seconds=0.000277935 1000\n"
     "prometheus,url=x,quantile=0.75 go_gc_duration_seconds=0.000706591 1000\n"
     "prometheus,url=x,quantile=1 go_gc_duration_seconds=0.000706591 1000\n"
     "prometheus,url=x go_gc_duration_seconds_sum=0.00113607,go_gc_duration_seconds_count=4 1000\n"
     "prometheus,url=x go_goroutines=15 1000\n"
     "prometheus,cpu=cpu0,url=x cpu_usage_user=1.4112903225816156 1000\n"
     "prometheus,cpu=cpu1,url=x cpu_usage_user=0.702106318955865 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF1},
     parsed,
     "get_token_fail_count,url=x counter=0 1000\n"
     "cadvisor_version_info,dockerVersion=1.8.2,osVersion=CentOS\\ Linux\\ 7\\ (Core),url=x gauge=1 1000\n"
     "latencies,verb=POST,url=x 125000=1994,1e+06=2005,8e+06=2024,sum=1.02726334e+08,count=2025 1000\n"
     "duration,handler=prometheus,url=x 0.5=552048.506,0.99=5.876804288e+06,sum=1.8909097205e+07,count=9 1000\n"
     "test_counter,label=test,url=x counter=1 1601830800000000000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2,
      .ignore_times = true,
      .label = {{"dockerVersion", 13}, {"default", 7}},
      .honor_labels = true},
     parsed,
     "prometheus,dockerVersion=default get_token_fail_count=0 1000\n"
     "prometheus,dockerVersion=1.8.2,osVersion=CentOS\\ Linux\\ 7\\ (Core) cadvisor_version_info=1 1000\n"
     "prometheus,verb=POST,dockerVersion=default,le=125000 latencies_bucket=1994 1000\n"
     "prometheus,verb=POST,dockerVersion=default,le=1e+06 latencies_bucket=2005 1000\n"
     "prometheus,verb=POST,dockerVersion=default,le=8e+06 latencies_bucket=2024 1000\n"
     "prometheus,verb=POST,dockerVersion=default,le=+Inf latencies_bucket=2025 1000\n"
     "prometheus,verb=POST,dockerVersion=default latencies_sum=1.02726334e+08,latencies_count=2025 1000\n"
     "prometheus,handler=prometheus,dockerVersion=default,quantile=0.5 duration=552048.506 1000\n"
     "prometheus,handler=prometheus,dockerVersion=default,quantile=0.99 duration=5.876804288e+06 1000\n"
     "prometheus,handler=prometheus,dockerVersion=default duration_sum=1.8909097205e+07,duration_count=9 1000\n"
     "prometheus,label=test,dockerVersion=default test_counter=1 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF1}, HISTOGRAM, "rtt,verb=PUT,url=x 0.1=1,+Inf=3,sum=4.5,count=3 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2, .measurement = "my page"},
     HISTOGRAM,
     "my\\ page,verb=PUT,url=x,le=0.1 rtt_bucket=1 1000\n"
     "my\\ page,verb=PUT,url=x,le=+Inf rtt_bucket=3 1000\n"
     "my\\ page,verb=PUT,url=x rtt_sum=4.5,rtt_count=3 1000\n"},
    /* field names by type; no type is untyped */
    {{.schema = PL_SCHEMA_TELEGRAF1},
     "# TYPE a counter\na 1\n# TYPE b untyped\nb 2\nc 3\n# TYPE time gauge\ntime 4\n",
     "a,url=x counter=1 1000\nb,url=x value=2 1000\nc,url=x value=3 1000\ntime,url=x gauge=4 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2},
     "# TYPE a counter\na{k=\"v\"} 1\ntime 4\n",
     "prometheus,k=v,url=x a=1 1000\nprometheus,url=x time_=4 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2},
     "# TYPE time summary\ntime{quantile=\"1\"} 1\ntime_sum 2\ntime_count 3\n",
     "prometheus,url=x,quantile=1 time_=1 1000\nprometheus,url=x time_sum=2,time_count=3 1000\n"},
    /* series in any order come together, times apart stay apart; what misses is 0, the last bucket is added */
    {{.schema = PL_SCHEMA_TELEGRAF1},
     "# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"2\",le=\"1\"} 2\nh_count{a=\"1\"} 3\nh_count{a=\"2\"} 4\n"
     "h_count{a=\"2\"} 5 7\n",
     "h,a=1,url=x 1=1,count=3,sum=0 1000\nh,a=2,url=x 1=2,count=4,sum=0 1000\nh,a=2,url=x count=5,sum=0 7000000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF1, .ignore_times = true},
     "# TYPE h histogram\nh_count 5 7\nh_sum 6 8\n",
     "h,url=x count=5,sum=6 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2},
     "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 5\n",
     "prometheus,url=x,le=1 h_bucket=1 1000\nprometheus,url=x,le=+Inf h_bucket=5 1000\n"
     "prometheus,url=x h_count=5,h_sum=0 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2},
     "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n",
     "prometheus,url=x,le=1 h_bucket=1 1000\nprometheus,url=x,le=+Inf h_bucket=0 1000\n"
     "prometheus,url=x h_count=0,h_sum=0 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2}, "# TYPE s summary\ns_sum 1\n", "prometheus,url=x s_sum=1,s_count=0 1000\n"},
    /* families one after the other, and one whose name ends like a sample of another */
    {{.schema = PL_SCHEMA_TELEGRAF1},
     "# TYPE s summary\ns_count 1\ns_sum 2\n# TYPE s_sum summary\ns_sum{quantile=\"1\"} 3\ns_sum_sum 4\ns_sum_count 5\n",
     "s,url=x count=1,sum=2 1000\ns_sum,url=x 1=3,sum=4,count=5 1000\n"},
    /* a bound where none belongs is left out */
    {{.schema = PL_SCHEMA_TELEGRAF2},
     "# TYPE h histogram\nh_count{le=\"1\"} 1\nh_sum 2\n# TYPE s summary\ns_count{quantile=\"x\"} 3\ns_sum 4\n",
     "prometheus,url=x,le=+Inf h_bucket=1 1000\nprometheus,url=x h_count=1,h_sum=2 1000\n"
     "prometheus,url=x s_count=3,s_sum=4 1000\n"},
    /* bounds that are none */
    {{.schema = PL_SCHEMA_TELEGRAF1},
     "# TYPE h histogram\nh_bucket 1\nh_bucket{le=\"x\"} 2\nh_bucket{le=\"NaN\"} 3\n# TYPE s summary\ns 4\n",
     "h_bucket,url=x value=1 1000\nh_bucket,le=x,url=x value=2 1000\nh_bucket,le=NaN,url=x value=3 1000\ns,url=x value=4 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2}, "# TYPE s summary\ns 4\n", "prometheus,url=x s=4 1000\n"},
    /* the target's labels */
    {{.schema = PL_SCHEMA_TELEGRAF2, .label = {{"le", 2}, {"t", 1}}},
     "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n",
     "prometheus,exported_le=1,le=t h_bucket=1 1000\nprometheus,exported_le=+Inf,le=t h_bucket=1 1000\n"
     "prometheus,le=t h_count=1,h_sum=1 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2, .honor_labels = true, .label = {{"le", 2}, {"t", 1}}},
     "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n",
     "prometheus,le=+Inf h_bucket=1 1000\nprometheus,le=t h_count=1,h_sum=1 1000\n"},
    /* what is not finite */
    {{.schema = PL_SCHEMA_TELEGRAF1},
     "# TYPE s summary\ns{quantile=\"1\"} NaN\ns_sum NaN\ns_count 0\n",
     "s,url=x count=0 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF1, .nan = PL_NAN_ZERO},
     "# TYPE s summary\ns{quantile=\"1\"} NaN\ns_sum -Inf\ns_count 2\na NaN\n",
     "s,url=x 1=0,sum=0,count=2 1000\na,url=x value=0 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF1, .nan = PL_NAN_TAG},
     "# TYPE s summary\ns{quantile=\"1\"} NaN\ns_sum 3\ns_count 2\na -Inf\n",
     "s,url=x,special=NaN 1=0 1000\ns,url=x sum=3,count=2 1000\na,url=x,special=-Inf value=0 1000\n"},
    {{.schema = PL_SCHEMA_TELEGRAF2, .nan = PL_NAN_TAG},
     "# TYPE h histogram\nh_bucket{le=\"+Inf\"} NaN\nh_sum +Inf\nh_count NaN\n",
     "prometheus,url=x,le=+Inf,special=NaN h_bucket=0 1000\nprometheus,url=x,special=+Inf h_sum=0 1000\n"
     "prometheus,url=x,special=NaN h_count=0 1000\n"},
    {{.schema = PL_SCHEMA_KAPACITOR, .nan = PL_NAN_ZERO}, "a NaN\nb +Inf 5\n", "a,url=x value=0 1000\nb,url=x value=0 5000000\n"},
    {{.schema = PL_SCHEMA_KAPACITOR, .nan = PL_NAN_TAG},
     "a NaN\na{special=\"s\"} +Inf\na{special_=\"s\",special=\"t\"} 1e400\n",
     "a,url=x,special=NaN value=0 1000\na,special=s,url=x,special_=+Inf value=0 1000\n"
     "a,special_=s,special=t,url=x,special__=+Inf value=0 1000\n"},
    {{.schema = PL_SCHEMA_KAPACITOR, .nan = PL_NAN_TAG, .label = {{"special", 7}, {"t", 1}}},
     "a NaN\na{special=\"s\"} 1\n",
     "a,special=t,special_=NaN value=0 1000\na,exported_special=s,special=t value=1 1000\n"},
    /* OpenMetrics as text would have it */
    {{.schema = PL_SCHEMA_TELEGRAF1, .openmetrics = true},
     "# TYPE c counter\nc_total 1\nc_created 2\n# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 3\ng_gcount 3\ng_gsum 4\n"
     "# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE e stateset\ne{e=\"a\"} 1\n# TYPE s summary\ns_count 1\ns_sum 1\ns_created 9\n# "
     "EOF\n",
     "c_total,url=x counter=1 1000\nc_created,url=x gauge=2 1000\ng,url=x +Inf=3,count=3,sum=4 1000\ni_info,v=1,url=x gauge=1 "
     "1000\ne,e=a,url=x gauge=1 1000\ns_created,url=x gauge=9 1000\ns,url=x count=1,sum=1 1000\n"},
};

static void writes_pages_as_telegraf_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(pages); i++) {
		struct conversion c;
		convert(&c, &pages[i].job, pl_str_of(pages[i].page));
		assert_string_equal(pl_buf_cstr(&c.out), pages[i].lines);
		assert_int_equal(c.t.parts, 0);
		pl_buf_finish(&c.out);
	}
}

static void writes_bounds_as_go_does(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bound; /* NULL: none */
	} cases[] = {
	    {"0", "0"},
	    {"1", "1"},
	    {"1.0", "1"},
	    {"01", "1"},
	    {"+5", "5"},
	    {"-5", "-5"},
	    {"0.50", "0.5"},
	    {".5", "0.5"},
	    {"0.0001", "0.0001"},
	    {"0.00001", "1e-05"},
	    {"0.00012", "0.00012"},
	    {"123456", "123456"},
	    {"123456.7", "123456.7"},
	    {"999999.5", "999999.5"},
	    {"1000000", "1e+06"},
	    {"1e6", "1e+06"},
	    {"1234567", "1.234567e+06"},
	    {"1e-300", "1e-300"},
	    {"0.1234567890123456789", "0.12345678901234568"},
	    {"1.7976931348623157e308", "1.7976931348623157e+308"},
	    {"1e400", "+Inf"},
	    {"+Inf", "+Inf"},
	    {"inf", "+Inf"},
	    {"-Inf", "-Inf"},
	    {"-0", "-0"},
	    {"NaN", NULL},
	    {"", NULL},
	    {"x", NULL},
	    {"1 ", NULL},
	    {"0x10", NULL},
	};
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&out);
		assert_int_equal(pl_transcode_add_bound(&out, pl_str_of(cases[i].text)), cases[i].bound != NULL);
		assert_string_equal(pl_buf_cstr(&out), cases[i].bound != NULL ? cases[i].bound : "");
	}
	pl_buf_finish(&out);
}

/* More series, or more bytes, than are held: all is written, only not together; nothing is made up. */
static void writes_in_parts_what_is_too_much(void **state)
{
	(void)state;
	static const struct {
		size_t series, label_bytes;
	} cases[] = {{PL_GATHER_MAX_GROUPS + 10, 1}, {300, 4000}};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf page = {0};
		struct conversion c;
		pl_buf_add_cstr(&page, "# TYPE h histogram\n");
		for (int sum = 0; sum < 2; sum++)
			for (size_t k = 0; k < cases[i].series; k++) {
				pl_buf_addf(&page, "h_%s{k=\"%zu\",l=\"", sum ? "sum" : "count", k);
				for (size_t b = 0; b < cases[i].label_bytes; b++)
					pl_buf_add_char(&page, 'a');
				pl_buf_add_cstr(&page, "\"} 1\n");
			}
		pl_buf_add_cstr(&page, "# TYPE s summary\ns_count 1\n");
		convert(&c, &(struct job){.schema = PL_SCHEMA_TELEGRAF1}, pl_buf_str(&page));
		assert_int_equal(c.t.lines, 2 * cases[i].series + 1);
		assert_int_equal(c.t.merged, 0);
		assert_int_equal(c.t.parts, 2 * cases[i].series);
		size_t last = sizeof "s,url=x count=1,sum=0 1000\n" - 1;
		assert_null(memmem(c.out.p, c.out.n - last, "=0 ", 3));
		assert_true(pl_str_ends(pl_buf_str(&c.out), PL_STR("s,url=x count=1,sum=0 1000\n")));
		pl_buf_finish(&c.out);
		pl_buf_finish(&page);
	}
}

static void drops_a_series_key_that_is_too_long(void **state)
{
	(void)state;
	for (int schema = PL_SCHEMA_TELEGRAF1; schema <= PL_SCHEMA_TELEGRAF2; schema++)
		for (size_t bytes = 65480; bytes < 65540; bytes++) {
			struct pl_buf page = {0}, value = {0};
			struct conversion c;
			for (size_t i = 0; i < bytes; i++)
				pl_buf_add_char(&value, 'a');
			const char *v = pl_buf_cstr(&value);
			pl_buf_addf(
			    &page,
			    "# TYPE h histogram\nh_bucket{k=\"%s\",le=\"1\"} 1\nh_count{k=\"%s\"} NaN\nh_sum{k=\"%s\"} 1\n", v, v,
			    v);
			convert(&c, &(struct job){.schema = (enum pl_schema_kind)schema, .nan = PL_NAN_TAG},
				pl_buf_str(&page)); /* asserts enough */
			assert_true(bytes < 65526 || c.t.dropped[PL_SAMPLE_DROP_SERIES_KEY] == 3);
			pl_buf_finish(&c.out);
			pl_buf_finish(&page);
			pl_buf_finish(&value);
		}
}

static void forgets_a_page_that_is_discarded(void **state)
{
	(void)state;
	struct pl_transcode_target target;
	struct pl_transcode t = {.schema = PL_SCHEMA_TELEGRAF1};
	struct pl_buf out = {0};
	struct pl_sample sample = {.name = PL_STR("h_count"), .type = PL_METRIC_HISTOGRAM, .family_n = 1, .value = PL_STR("1")};
	pl_transcode_target_init(&target, (struct pl_labels){NULL, 0});
	pl_transcode_begin(&t, &target, &out, TIME);
	pl_transcode_sample(&t, &sample);
	pl_transcode_discard(&t);
	pl_transcode_own(&t, "up", 0);
	assert_string_equal(pl_buf_cstr(&out), "up gauge=0 1000\n");
	pl_transcode_sample(&t, &sample); /* abandoned without a word */
	pl_buf_clear(&out);
	pl_transcode_begin(&t, &target, &out, TIME);
	pl_transcode_own(&t, "up", 1);
	pl_transcode_end(&t);
	assert_string_equal(pl_buf_cstr(&out), "up gauge=1 1000\n");
	pl_transcode_finish(&t);
	pl_transcode_target_finish(&target);
	pl_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_pages_as_telegraf_does),    cmocka_unit_test(writes_bounds_as_go_does),
	    cmocka_unit_test(writes_in_parts_what_is_too_much), cmocka_unit_test(drops_a_series_key_that_is_too_long),
	    cmocka_unit_test(forgets_a_page_that_is_discarded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
