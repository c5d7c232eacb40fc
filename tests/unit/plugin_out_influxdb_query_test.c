/* The InfluxQL that is asked, and how its answers are read; without a server. */
#include "plugin_out_harness.h"

#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"

static const int64_t minute = 60 * PL_NS_PER_S;

static void statements(void **state)
{
	(void)state;
	static const struct {
		const char *stat;
		enum pl_verb verb;
		size_t limit;
		const char *filters, *policy;
		enum pl_err err;
		unsigned n_fields;
		const char *text;
	} cases[] = {
	    {"cpu", PL_VERB_MEAN, 1, "", "", PL_OK, 2,
	     "SELECT mean(\"cpu\"::field), mean(\"value\"::field) FROM \"cpu\" WHERE time > now() - 120000000u GROUP BY "
	     "time(60000000u) "
	     "fill(none) ORDER BY time DESC LIMIT 3"},
	    {"cpu", PL_VERB_STDDEV, 0, "host=a&host=b&dc=", "one day", PL_OK, 2,
	     "SELECT stddev(\"cpu\"::field), stddev(\"value\"::field) FROM \"one day\".\"cpu\" WHERE (\"host\"::tag = 'a' OR "
	     "\"host\"::tag = 'b') AND (\"dc\"::tag = '') AND time > now() - 120000000u GROUP BY time(60000000u) fill(none) "
	     "ORDER BY time "
	     "DESC LIMIT 3"},
	    {"cpu", PL_VERB_NONE, 2, "host=a&host=b&dc=x", "", PL_OK, 2,
	     "SELECT \"cpu\"::field, \"value\"::field, \"host\"::tag FROM \"cpu\" WHERE (\"host\"::tag = 'a' OR \"host\"::tag = "
	     "'b') AND "
	     "(\"dc\"::tag = 'x') AND time > now() - 120000000u ORDER BY time DESC LIMIT 2"},
	    {"value", PL_VERB_LAST, 1, "", "", PL_OK, 1,
	     "SELECT last(\"value\"::field) FROM \"value\" WHERE time > now() - 120000000u GROUP BY time(60000000u) fill(none) "
	     "ORDER BY "
	     "time DESC LIMIT 3"},
	    {"a\"b\\", PL_VERB_NONE, 1, "k\"='v\\", "", PL_OK, 2,
	     "SELECT \"a\\\"b\\\\\"::field, \"value\"::field FROM \"a\\\"b\\\\\" WHERE (\"k\\\"\"::tag = '\\'v\\\\') AND time > "
	     "now() - "
	     "120000000u ORDER BY time DESC LIMIT 1"},
	    {"cpu", PL_VERB_MEAN, 1, "time=x", "", PL_ENOENT, 0, NULL},
	    {"", PL_VERB_MEAN, 1, "", "", PL_ENOENT, 0, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		unsigned n_fields = 0;
		struct pl_query *q = harness_latest(cases[i].stat, cases[i].verb, minute, cases[i].limit, cases[i].filters);
		assert_int_equal(pl_influx_read_statement(&out, q, pl_str_of(cases[i].policy), &n_fields), cases[i].err);
		if (cases[i].text != NULL) {
			assert_int_equal(n_fields, cases[i].n_fields);
			assert_string_equal(pl_buf_cstr(&out), cases[i].text);
		}
		pl_buf_finish(&out);
		pl_query_destroy(q);
	}
}

static void creating(void **state)
{
	(void)state;
	struct pl_buf out = {0};
	pl_influx_create_database(&out, PL_STR("d\"; DROP"));
	pl_buf_add_cstr(&out, "; ");
	pl_influx_create_policy(&out, PL_STR("d"), PL_STR("w"), 7200 * PL_NS_PER_S);
	assert_string_equal(
	    pl_buf_cstr(&out),
	    "CREATE DATABASE \"d\\\"; DROP\"; CREATE RETENTION POLICY \"w\" ON \"d\" DURATION 7200s REPLICATION 1");
	pl_buf_clear(&out);
	pl_influx_add_encoded(&out, PL_STR("aZ0-_.~ /?&=%\xff\0+"));
	assert_string_equal(pl_buf_cstr(&out), "aZ0-_.~%20%2F%3F%26%3D%25%FF%00%2B");
	pl_buf_finish(&out);
}

/* Rows as text, or the error. */
static void expect(struct pl_query *q, long status, const char *body, unsigned n_fields, const char *expected)
{
	struct pl_buf text = {0};
	pl_influx_read_result(q, status, pl_str_of(body), n_fields);
	if (q->err != PL_OK)
		pl_buf_addf(&text, "%s: %s", pl_err_text(q->err), q->reason);
	for (size_t i = 0; i < q->n_names; i++)
		pl_buf_addf(&text, "%.*s,", (int)q->names[i].n, q->names[i].p);
	for (size_t i = 0; i < q->n_rows; i++) {
		pl_buf_addf(&text, "%lld %g", (long long)q->rows[i].time_ms, q->rows[i].value);
		for (size_t t = 0; t < q->rows[i].n_tags; t++)
			pl_buf_addf(&text, " %.*s", (int)q->rows[i].tags[t].value.n, q->rows[i].tags[t].value.p);
		pl_buf_add_char(&text, ';');
	}
	assert_string_equal(pl_buf_cstr(&text), expected);
	pl_buf_finish(&text);
	pl_query_destroy(q);
}

#define ROWS(VALUES)                                                                                                             \
	"{\"results\":[{\"statement_id\":0,\"series\":[{\"name\":\"m\",\"columns\":[\"time\"],\"values\":[" VALUES "]}]}]}"

static void rows(void **state)
{
	(void)state;
	static const struct {
		enum pl_verb verb;
		size_t limit;
		const char *filters, *body;
		unsigned n_fields;
		const char *expected;
	} cases[] = {
	    {PL_VERB_MEAN, 1, "", ROWS("[60,null,0.5],[0,1,2]"), 2, "60000 0.5;"},
	    {PL_VERB_MEAN, 2, "", ROWS("[60,7,0.5],[0,null,null],[-60,3,null]"), 2, "60000 7;-60000 3;"},
	    {PL_VERB_NONE, 3, "h=a&h=b", ROWS("[60,7,null,\"a\"],[59,\"text\",2,null]"), 2, "60000 7 a;59000 2 ;"},
	    {PL_VERB_NONE, 3, "", ROWS("[60,true],[59,false],[58,\"x\"]"), 1, "60000 1;59000 0;"},
	    {PL_VERB_NONE, 3, "h=a&h=b", ROWS("[60,7],[60],[],7,null,{\"a\":1},[\"x\",1],[1e300,1]"), 2,
	     "not found: no such series, or nothing recent"},
	    {PL_VERB_NONE, 3, "h=a&h=b", ROWS("[60,7]"), 1, "60000 7 ;"},
	    {PL_VERB_MEAN, 1, "", "{\"results\":[{\"statement_id\":0}]}", 2, "not found: no such series, or nothing recent"},
	    {PL_VERB_MEAN, 1, "", "{\"results\":[]}", 2, "not found: no such series, or nothing recent"},
	    {PL_VERB_MEAN, 1, "",
	     "{\"results\":[{\"error\":\"unsupported mean iterator type: *query.stringInterruptIterator\"}]}", 2,
	     "not found: InfluxDB answered 200: unsupported mean iterator type: *query.stringInterruptIterator"},
	    {PL_VERB_MEAN, 1, "", "{\"results\":[{\"error\":\"timeout\"}]}", 2,
	     "input/output error: InfluxDB answered 200: timeout"},
	    {PL_VERB_MEAN, 1, "", "[[[[[", 2, "input/output error: the answer is not InfluxDB's; is this its address?"},
	    {PL_VERB_MEAN, 1, "", "", 2, "input/output error: the answer is not InfluxDB's; is this its address?"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect(harness_latest("m", cases[i].verb, minute, cases[i].limit, cases[i].filters), 200, cases[i].body,
		       cases[i].n_fields, cases[i].expected);
	expect(harness_latest("m", PL_VERB_MEAN, minute, 1, ""), 401, "{\"error\":\"authorization failed\"}", 2,
	       "input/output error: InfluxDB answered 401: authorization failed");
	expect(harness_latest("m", PL_VERB_MEAN, minute, 1, ""), 502, "<html>", 2, "input/output error: InfluxDB answered 502");
}

static void names(void **state)
{
	(void)state;
	expect(pl_query_create(PL_QUERY_KEYS), 200,
	       "{\"results\":[{\"series\":[{\"name\":\"up\",\"columns\":[\"fieldKey\",\"fieldType\"],\"values\":[[\"value\","
	       "\"float\"]]},"
	       "{\"name\":\"cpu\",\"values\":[[\"cpu\",\"integer\"],[\"idle\",\"float\"],[\"note\",\"string\"],[\"on\","
	       "\"boolean\"],[\"x\"],[7,"
	       "7],[]]},{\"name\":\"z\",\"values\":[[\"idle\",\"float\"],[\"up\",\"float\"]]},{},7]}]}",
	       0, "cpu,idle,up,");
	expect(pl_query_create(PL_QUERY_TAGS), 200,
	       "{\"results\":[{\"series\":[{\"name\":\"b\",\"values\":[[\"host\"],[\"a\"]]},{\"values\":[[\"host\"],[\"\\u00e4\"]"
	       "]}]}]}",
	       0, "a,host,\xc3\xa4,");
	expect(pl_query_create(PL_QUERY_TAGS), 200, "{\"results\":[{\"statement_id\":0}]}", 0, "");
}

static void results_of_creating(void **state)
{
	(void)state;
	static const struct {
		long status;
		const char *body;
		bool fine;
		const char *reason;
	} cases[] = {
	    {200, "{\"results\":[{\"statement_id\":0},{\"statement_id\":1}]}", true, ""},
	    {200, "{\"results\":[{\"error\":\"retention policy already exists\"}]}", true, ""},
	    {200, "{\"results\":[{\"statement_id\":0},{\"error\":\"invalid name\"}]}", false,
	     "InfluxDB answered 200: invalid name"},
	    {401, "{\"error\":\"authorization failed\"}", false, "InfluxDB answered 401: authorization failed"},
	    {200, "hello", false, "InfluxDB answered 200"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char reason[200] = "";
		enum pl_err err = pl_influx_check_result(cases[i].status, pl_str_of(cases[i].body), reason, sizeof reason);
		assert_int_equal(err == PL_OK, cases[i].fine);
		assert_string_equal(reason, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statements),          cmocka_unit_test(creating), cmocka_unit_test(rows), cmocka_unit_test(names),
	    cmocka_unit_test(results_of_creating),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
