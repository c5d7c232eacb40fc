/* A stat's history from InfluxDB: what is asked, and how the answers of several sources become one; without a server. */
#include "plugin_out_harness.h"

#include "out_influxdb/history.h"

static const int64_t hour = 3600 * PL_NS_PER_S;

static struct pl_query *question(const char *stat, enum pl_verb verb, const char *filters)
{
	struct pl_query *q = harness_latest(stat, verb, 1, 1, filters);
	q->kind = PL_QUERY_HISTORY;
	q->from_ns = 10 * hour + 5;
	q->until_ns = 13 * hour;
	q->width_ns = hour;
	return q;
}

#define RANGE "time > 36000000000005 AND time < 46800000000000"
#define GROUP " GROUP BY time(3600s) fill(none)"

static const char *both[] = {"mean", "count"}, *peaks[] = {"max", "sum", "median"}, *one[] = {"cpu"};
static struct pl_influx_downsampling_config rules[] = {
    {.from = "", .into = "five \"m", .functions = {both, 2}},
    {.from = "", .into = "top", .functions = {peaks, 3}, .measurements = {one, 1}},
};
static const struct pl_influx_provision_config provision = {.downsampling = {.v = rules, .n = 2}};

static void statements(void **state)
{
	(void)state;
	static const struct {
		const char *stat;
		enum pl_verb verb;
		const char *filters, *policy;
		const struct pl_influx_provision_config *provision;
		const char *texts[6];
	} cases[] = {
	    {"cpu",
	     PL_VERB_MEAN,
	     "h=a'&h=&k\"=c",
	     "one day",
	     NULL,
	     {"SELECT mean(\"cpu\"::field), count(\"cpu\"::field), mean(\"value\"::field), count(\"value\"::field) FROM \"one "
	      "day\".\"cpu\" WHERE (\"h\"::tag = 'a\\'' OR \"h\"::tag = '') AND (\"k\\\"\"::tag = 'c') AND " RANGE GROUP,
	      "SELECT mean(\"cpu\"::field) FROM \"one_week\".\"aggregate\" WHERE (\"h\"::tag = 'a\\'' OR \"h\"::tag = '') AND "
	      "(\"k\\\"\"::tag = 'c') AND " RANGE GROUP}},
	    {"va\"lue; DROP",
	     PL_VERB_MAX,
	     "",
	     "",
	     NULL,
	     {"SELECT max(\"va\\\"lue; DROP\"::field), count(\"va\\\"lue; DROP\"::field), max(\"value\"::field), "
	      "count(\"value\"::field) FROM \"va\\\"lue; DROP\" WHERE " RANGE GROUP,
	      "SELECT max(\"va\\\"lue; DROP\"::field) FROM \"one_week\".\"aggregate_max\" WHERE " RANGE GROUP,
	      "SELECT max(\"va\\\"lue; DROP\"::field) FROM \"one_week\".\"aggregate\" WHERE " RANGE GROUP}},
	    {"value",
	     PL_VERB_MEAN,
	     "",
	     "",
	     &provision,
	     {"SELECT mean(\"value\"::field), count(\"value\"::field) FROM \"value\" WHERE " RANGE GROUP,
	      "SELECT sum(\"p0\")/sum(\"n0\"), sum(\"n0\") FROM (SELECT \"mean_value\"::field * \"count_value\"::field AS "
	      "\"p0\", "
	      "\"count_value\"::field AS \"n0\" FROM \"five \\\"m\".\"value\" WHERE " RANGE ") WHERE " RANGE GROUP,
	      "SELECT mean(\"value\"::field) FROM \"one_week\".\"aggregate\" WHERE " RANGE GROUP}},
	    {"cpu",
	     PL_VERB_MEDIAN,
	     "",
	     "raw",
	     &provision,
	     {"SELECT median(\"cpu\"::field), count(\"cpu\"::field), median(\"value\"::field), count(\"value\"::field) FROM "
	      "\"raw\".\"cpu\" WHERE " RANGE GROUP,
	      "SELECT median(\"mean_cpu\"::field), median(\"mean_value\"::field) FROM \"five \\\"m\".\"cpu\" WHERE " RANGE GROUP,
	      "SELECT median(\"median_cpu\"::field), median(\"median_value\"::field) FROM \"top\".\"cpu\" WHERE " RANGE GROUP,
	      "SELECT median(\"cpu\"::field) FROM \"one_week\".\"aggregate\" WHERE " RANGE GROUP}},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_influx_history h;
		struct pl_buf out = {0};
		struct pl_query *q = question(cases[i].stat, cases[i].verb, cases[i].filters);
		assert_int_equal(pl_influx_history_begin(&h, q, pl_str_of(cases[i].policy), cases[i].provision), PL_OK);
		for (size_t k = 0; cases[i].texts[k] != NULL; k++) {
			assert_true(pl_influx_history_next(&h, &out));
			assert_string_equal(pl_buf_cstr(&out), cases[i].texts[k]);
			pl_buf_clear(&out);
		}
		assert_false(pl_influx_history_next(&h, &out));
		assert_int_equal(q->err, PL_ENOENT);
		pl_buf_finish(&out);
		pl_query_destroy(q);
	}
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		const char *stat, *filters;
		enum pl_verb verb;
		int64_t from_ns, until_ns, width_ns;
		enum pl_err err;
	} cases[] = {
	    {"", "", PL_VERB_MEAN, 0, 10 * hour, hour, PL_ENOENT},
	    {"s", "time=x", PL_VERB_MEAN, 0, hour, hour, PL_ENOENT},
	    {"s", "", PL_VERB_NONE, 0, hour, hour, PL_EINVAL},
	    {"s", "", PL_VERB_MEAN, 5, 5, hour, PL_ENOENT},
	    {"s", "", PL_VERB_MEAN, 5, 6, hour, PL_ENOENT},
	    {"s", "", PL_VERB_MEAN, -1, hour, hour, PL_ENOENT},
	    {"s", "", PL_VERB_MEAN, 0, hour, hour + 1, PL_ENOENT},
	    {"s", "", PL_VERB_MEAN, 0, hour, 0, PL_ENOENT},
	    {"s", "", PL_VERB_MEAN, 0, 100001 * hour, hour, PL_EINVAL},
	    {"s", "", PL_VERB_MEAN, 0, 100000 * hour, hour, PL_OK},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_influx_history h;
		struct pl_query *q = question(cases[i].stat, cases[i].verb, cases[i].filters);
		q->from_ns = cases[i].from_ns;
		q->until_ns = cases[i].until_ns;
		q->width_ns = cases[i].width_ns;
		assert_int_equal(pl_influx_history_begin(&h, q, PL_STR(""), NULL), cases[i].err);
		pl_query_destroy(q);
	}
}

#define ROWS(VALUES) "{\"results\":[{\"series\":[{\"name\":\"m\",\"columns\":[\"time\"],\"values\":[" VALUES "]}]}]}"

/* Two sources: raw points (with two fields and their counts), then the aggregates of pulse. */
static void answers(void **state)
{
	(void)state;
	static const struct {
		long status;
		const char *raw, *aggregate, *expected; /* aggregate NULL: not asked any more */
	} cases[] = {
	    {200, ROWS("[36000,1,5,9,9],[39600,null,0,2,3]"), ROWS("[39600,7],[43200,8]"), "36000 1 x5;39600 2 x3;43200 8 x0;"},
	    {200, ROWS("[43200,1,null,2,2],[36000,true,1,null,null]"), ROWS(""), "36000 1 x1;43200 1 x0;"},
	    {200, "{\"results\":[{\"error\":\"retention policy not found: x\"}]}", ROWS("[36000,7]"), "36000 7 x0;"},
	    {200, "{\"results\":[{\"error\":\"unsupported mean iterator type: *query.stringInterruptIterator\"}]}",
	     ROWS("[32400,7],[46800,7],[36001,7],[-36000,7],[1e300,7],[36000,\"7\"],[36000],[],7,[null,7]"), "not found"},
	    {200, "{\"results\":[{\"error\":\"timeout\"}]}", NULL, "input/output error"},
	    {401, "{\"error\":\"authorization failed\"}", NULL, "input/output error"},
	    {200, "<html>", NULL, "input/output error"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_influx_history h;
		struct pl_buf out = {0}, text = {0};
		struct pl_query *q = question("m", PL_VERB_MEAN, "");
		assert_int_equal(pl_influx_history_begin(&h, q, PL_STR(""), NULL), PL_OK);
		assert_true(pl_influx_history_next(&h, &out));
		assert_int_equal(pl_influx_history_read(&h, cases[i].status, pl_str_of(cases[i].raw)),
				 cases[i].aggregate != NULL);
		if (cases[i].aggregate != NULL) {
			assert_true(pl_influx_history_next(&h, &out));
			assert_true(pl_influx_history_read(&h, 200, pl_str_of(cases[i].aggregate)));
			assert_false(pl_influx_history_next(&h, &out));
		}
		if (q->err != PL_OK)
			pl_buf_add_cstr(&text, pl_err_text(q->err));
		for (size_t r = 0; q->err == PL_OK && r < q->n_rows; r++)
			pl_buf_addf(&text, "%lld %g x%g;", (long long)q->rows[r].time_ms / 1000, q->rows[r].value,
				    q->rows[r].weight);
		assert_string_equal(pl_buf_cstr(&text), cases[i].expected);
		pl_buf_finish(&out);
		pl_buf_finish(&text);
		pl_query_destroy(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statements),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests_name("plugin_out_influxdb_history", tests, NULL, NULL);
}
