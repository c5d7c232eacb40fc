/* Statements that provision and roll up, to the letter, and what the server answers to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/aggregate.h"
#include "out_influxdb/roll_statement.h"
#include "out_influxdb/shown.h"
#include "out_influxdb/statement.h"

static void expect(struct pl_buf *b, const char *text)
{
	assert_string_equal(pl_buf_cstr(b), text);
	pl_buf_finish(b);
}

static const struct pl_influx_roll roll = {.database = "d\"b",
					   .from = "one\nday",
					   .into = "in\\to",
					   .interval_ns = 90 * PL_NS_PER_S,
					   .begin_ns = 90 * PL_NS_PER_S,
					   .end_ns = 270 * PL_NS_PER_S};

static void statements(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	const char *functions[] = {"min", "max"}, *measurements[] = {"a\"; DROP", "b\n"};
	const struct pl_strings none = {0}, f = {functions, 2}, m = {measurements, 2};
#define WINDOWS " WHERE time >= 90000000000 AND time < 270000000000 GROUP BY time(90000ms), * fill(none)"
	pl_influx_roll_all(&b, &roll, &none, &none);
	expect(&b, "SELECT mean(*) INTO \"d\\\"b\".\"in\\\\to\".:MEASUREMENT FROM \"d\\\"b\".\"one\\nday\"./.*/" WINDOWS);
	pl_influx_roll_all(&b, &roll, &f, &m);
	expect(&b,
	       "SELECT min(*), max(*) INTO \"d\\\"b\".\"in\\\\to\".:MEASUREMENT FROM \"d\\\"b\".\"one\\nday\".\"a\\\"; DROP\", "
	       "\"d\\\"b\".\"one\\nday\".\"b\\n\"" WINDOWS);
	pl_influx_roll_field(&b, &roll, "max", PL_STR("m'"), PL_STR("f\""), PL_STR("t"), PL_STR("s\n"));
	expect(&b, "SELECT max(\"f\\\"\"::field) AS \"s\\n\" INTO \"d\\\"b\".\"in\\\\to\".\"t\" FROM "
		   "\"d\\\"b\".\"one\\nday\".\"m'\"" WINDOWS);
	pl_influx_show_fields(&b, "p\"q");
	expect(&b, "SHOW FIELD KEYS FROM \"p\\\"q\"./.*/");
	pl_influx_show_policies(&b, PL_STR("d\nb"));
	expect(&b, "SHOW RETENTION POLICIES ON \"d\\nb\"");
	const struct {
		struct pl_influx_policy_change change;
		const char *text;
	} changes[] = {
	    {{.create = true, .duration_ns = 0, .shard_ns = -1, .make_default = true},
	     "CREATE RETENTION POLICY \"p\" ON \"d\" DURATION INF REPLICATION 1 DEFAULT"},
	    {{.create = true, .duration_ns = 3600 * PL_NS_PER_S, .shard_ns = 1500 * PL_NS_PER_MS},
	     "CREATE RETENTION POLICY \"p\" ON \"d\" DURATION 3600s REPLICATION 1 SHARD DURATION 1500ms"},
	    {{.duration_ns = 3600 * PL_NS_PER_S, .shard_ns = -1}, "ALTER RETENTION POLICY \"p\" ON \"d\" DURATION 3600s"},
	    {{.duration_ns = -1, .shard_ns = 7200 * PL_NS_PER_S}, "ALTER RETENTION POLICY \"p\" ON \"d\" SHARD DURATION 7200s"},
	    {{.duration_ns = -1, .shard_ns = -1, .make_default = true}, "ALTER RETENTION POLICY \"p\" ON \"d\" DEFAULT"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(changes); i++) {
		pl_influx_change_policy(&b, PL_STR("d"), PL_STR("p"), &changes[i].change);
		expect(&b, changes[i].text);
	}
}

static size_t count(const struct pl_buf *b, const char *what)
{
	size_t n = 0;
	for (const char *p = b->p; (p = memmem(p, (size_t)(b->p + b->n - p), what, strlen(what))) != NULL; p++)
		n++;
	return n;
}

/* One bad stat costs itself: its group is given again one by one, the others go on in groups. */
static void groups_of_aggregates(void **state)
{
	(void)state;
	struct pl_influx_aggregate a = {0};
	struct pl_influx_shown_field fields[100];
	struct pl_buf b = {0};
	struct pl_str stat;
	for (size_t i = 0; i < PL_COUNT_OF(fields); i++) {
		struct pl_str name = pl_str_of(pl_arena_printf(&a.arena, "m%zu", i / 4));
		const struct pl_str keys[] = {PL_STR("value"), name, PL_STR("other"), PL_STR("value")};
		fields[i] = (struct pl_influx_shown_field){.measurement = name, .key = keys[i % 4], .numeric = i % 4 < 3};
	}
	fields[0].measurement = PL_STR("time");
	pl_influx_aggregate_begin(&a, fields, PL_COUNT_OF(fields));
	assert_int_equal(a.n_stats, 49); /* 25 measurements, each `value` and its own, without "time" */
	size_t statements_given = 0, groups = 0, singles = 0;
	bool failed = false;
	for (; pl_buf_clear(&b), pl_influx_aggregate_next(&a, &roll, &b); groups++) {
		size_t n = count(&b, "SELECT ");
		assert_int_equal(n, count(&b, "; ") + 1);
		assert_true(n <= 60);
		if (groups == 1 && !failed) {
			failed = true;
			assert_true(n > 1);
			assert_true(pl_influx_aggregate_retry(&a, &stat));
			continue;
		}
		statements_given += n;
		if (n == 1) {
			singles++;
			assert_false(pl_influx_aggregate_retry(&a, &stat));
			assert_int_equal(stat.p[0], 'm');
		}
	}
	assert_int_equal(statements_given, 49 * 3);
	assert_true(singles >= 60);
	pl_buf_finish(&b);
	pl_influx_aggregate_finish(&a);
	pl_influx_aggregate_begin(&a, NULL, 0);
	assert_false(pl_influx_aggregate_next(&a, &roll, &b));
	pl_influx_aggregate_finish(&a);
}

static void answers(void **state)
{
	(void)state;
	static const struct {
		long status;
		const char *body;
		enum pl_err err;
	} cases[] = {
	    {200, "{\"results\":[{\"statement_id\":0}]}", PL_OK},
	    {200, "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: x\"}]}", PL_ENOENT},
	    {200, "{\"results\":[{\"statement_id\":0,\"error\":\"retention policy not found: x\"}]}", PL_ENOENT},
	    {200, "{\"results\":[{\"statement_id\":0,\"error\":\"not executed\"}]}", PL_EIO},
	    {400, "{\"error\":\"error parsing query: found X\"}", PL_EIO},
	    {401, "{\"error\":\"authorization failed\"}", PL_EACCES},
	    {403, "{\"error\":\"not authorized\"}", PL_EACCES},
	    {404, "404 page not found", PL_EUNSUPPORTED},
	    {404, "{\"error\":\"something\"}", PL_EIO},
	    {405, "", PL_EUNSUPPORTED},
	    {200, "<html>", PL_EUNSUPPORTED},
	    {503, "busy", PL_EIO},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_influx_shown_policy *policies;
		struct pl_influx_shown_field *fields;
		size_t n;
		uint64_t written;
		char reason[256];
		struct pl_str body = pl_str_of(cases[i].body);
		assert_int_equal(pl_influx_read_policies(cases[i].status, body, &arena, &policies, &n, reason, sizeof reason),
				 cases[i].err);
		assert_int_equal(pl_influx_read_fields(cases[i].status, body, &arena, &fields, &n, reason, sizeof reason),
				 cases[i].err);
		assert_int_equal(pl_influx_read_rolled(cases[i].status, body, &written, reason, sizeof reason), cases[i].err);
		assert_int_equal(n + written, 0);
		pl_arena_finish(&arena);
	}
}

static void results(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_influx_shown_policy *p;
	struct pl_influx_shown_field *f;
	size_t n;
	uint64_t written;
	char reason[256];
	assert_int_equal(
	    pl_influx_read_policies(
		200,
		PL_STR(
		    "{\"results\":[{\"series\":[{\"columns\":[\"name\",\"duration\",\"shardGroupDuration\",\"replicaN\","
		    "\"default\"],"
		    "\"values\":[[\"autogen\",\"0s\",\"168h0m0s\",1,true],[\"a\\\"b\\n\",\"24h0m0s\",\"1h0m0s\",1,false]]}]}]}"),
		&arena, &p, &n, reason, sizeof reason),
	    PL_OK);
	assert_int_equal(n, 2);
	assert_true(pl_str_is(p[0].name, "autogen") && p[0].duration_ns == 0 && p[0].is_default);
	assert_true(pl_str_is(p[1].name, "a\"b\n") && p[1].duration_ns == 86400 * PL_NS_PER_S && !p[1].is_default);
	assert_int_equal(p[1].shard_ns, 3600 * PL_NS_PER_S);
	assert_int_equal(
	    pl_influx_read_fields(200,
				  PL_STR("{\"results\":[{\"series\":[{\"name\":\"m\",\"columns\":[\"fieldKey\",\"fieldType\"],"
					 "\"values\":[[\"f\",\"float\"],[\"s\",\"string\"]]},{\"name\":\"k\",\"values\":[[\"i\","
					 "\"integer\"],[7],{}]}]}]}"),
				  &arena, &f, &n, reason, sizeof reason),
	    PL_OK);
	assert_int_equal(n, 5);
	assert_true(pl_str_is(f[0].measurement, "m") && pl_str_is(f[0].key, "f") && f[0].numeric && !f[1].numeric &&
		    f[2].numeric);
	assert_int_equal(
	    pl_influx_read_rolled(200,
				  PL_STR("{\"results\":[{\"series\":[{\"columns\":[\"time\",\"written\"],\"values\":[[0,3]]}]},"
					 "{\"series\":[{\"columns\":[\"time\",\"written\"],\"values\":[[0,4]]}]}]}"),
				  &written, reason, sizeof reason),
	    PL_OK);
	assert_int_equal(written, 7);
	pl_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statements),
	    cmocka_unit_test(groups_of_aggregates),
	    cmocka_unit_test(answers),
	    cmocka_unit_test(results),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
