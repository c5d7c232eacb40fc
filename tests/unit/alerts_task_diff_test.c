#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "alerts/task_diff.h"
#include "base/mem.h"

#define VAR(TYPE, VALUE) "{\"v\":{\"type\":\"" TYPE "\",\"value\":" VALUE "}}"
#define DBRPS            "[{\"db\":\"a\",\"rp\":\"b\"}]"

static uint64_t print_of(const char *script, const char *vars, const char *dbrps)
{
	char reason[256];
	uint64_t print = 0;
	enum pl_err err =
	    pl_task_fingerprint_of(pl_str_of(script), pl_str_of(vars), pl_str_of(dbrps), &print, reason, sizeof reason);
	if (err != PL_OK)
		fail_msg("%s %s: %s", vars, dbrps, reason);
	assert_int_not_equal(print, 0);
	return print;
}

static void vars_that_are_the_same_or_not(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {VAR("float", "1"), VAR("float", "1.0"), true},
	    {VAR("float", "1e300"), VAR("float", "1e+300"), true},
	    {VAR("float", "1e300"), VAR("float", "1e301"), false},
	    {VAR("float", "0.1"), VAR("float", "0.10000000000000001"), true},
	    {VAR("float", "1"), VAR("int", "1"), false},
	    {VAR("int", "9007199254740993"), VAR("int", "9007199254740992"), false},
	    {VAR("int", "-1"), VAR("int", "1"), false},
	    {VAR("duration", "\"90s\""), VAR("duration", "90000000000"), true},
	    {VAR("duration", "\"1h30m\""), VAR("duration", "\"90m\""), true},
	    {VAR("duration", "\"2d\""), VAR("duration", "\"48h\""), true},
	    {VAR("duration", "\"1w\""), VAR("duration", "604800000000000"), true},
	    {VAR("duration", "\"7ms8u\""), VAR("duration", "7008000"), true},
	    {VAR("duration", "\"3\\u00b5s\""), VAR("duration", "3000"), true},
	    {VAR("duration", "\"-5m\""), VAR("duration", "-300000000000"), true},
	    {VAR("duration", "31536000000000001"), VAR("duration", "31536000000000000"), false},
	    {VAR("duration", "\"90s\""), VAR("duration", "\"90m\""), false},
	    {VAR("duration", "\"what\""), VAR("duration", "0"), false},
	    {VAR("duration", "\"99999999999999999999h\""), VAR("duration", "0"), false},
	    {VAR("string", "\"<a>&\""), VAR("string", "\"\\u003ca\\u003e\\u0026\""), true},
	    {VAR("string", "\"90s\""), VAR("string", "\"90000000000\""), false},
	    {VAR("string", "\"\""), VAR("string", "\" \""), false},
	    {VAR("string", "\"a\""), VAR("regex", "\"a\""), false},
	    {VAR("bool", "true"), VAR("bool", "false"), false},
	    {VAR("list", "[{\"type\":\"string\",\"value\":\"a\"}]"),
	     VAR("list", "[{\"type\":\"string\",\"value\":\"a\",\"description\":\"\"}]"), true},
	    {VAR("list", "[{\"type\":\"star\",\"value\":\"*\"}]"),
	     VAR("list", "[{\"description\":\"\",\"value\":null,\"type\":\"star\"}]"), true},
	    {VAR("list", "[{\"type\":\"star\",\"value\":\"*\"}]"), VAR("list", "[{\"type\":\"string\",\"value\":\"*\"}]"), false},
	    {VAR("list", "[]"), VAR("list", "[{\"type\":\"string\",\"value\":\"\"}]"), false},
	    {VAR("list", "[{\"type\":\"string\",\"value\":\"a\"},{\"type\":\"string\",\"value\":\"b\"}]"),
	     VAR("list", "[{\"type\":\"string\",\"value\":\"b\"},{\"type\":\"string\",\"value\":\"a\"}]"), false},
	    {"{\"a\":{\"type\":\"int\",\"value\":1},\"b\":{\"type\":\"int\",\"value\":2}}",
	     " {\"b\" : {\"value\":2,\"type\":\"int\",\"description\":\"x\"},\"a\":{\"type\":\"int\",\"value\":1}} ", true},
	    {"{\"a\":{\"type\":\"int\",\"value\":1},\"b\":{\"type\":\"int\",\"value\":2}}",
	     "{\"a\":{\"type\":\"int\",\"value\":2},\"b\":{\"type\":\"int\",\"value\":1}}", false},
	    {"{\"a\":{\"type\":\"int\",\"value\":1}}",
	     "{\"a\":{\"type\":\"int\",\"value\":1},\"b\":{\"type\":\"int\",\"value\":1}}", false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
		if ((print_of("s", rows[i].a, DBRPS) == print_of("s", rows[i].b, DBRPS)) != rows[i].same)
			fail_msg("%s and %s are %sthe same", rows[i].a, rows[i].b, rows[i].same ? "not " : "");
}

static void scripts_and_dbrps(void **state)
{
	(void)state;
	const char *two = "[{\"db\":\"a\",\"rp\":\"b\"},{\"db\":\"c\",\"rp\":\"d\"}]";
	const char *turned = "[{\"rp\":\"d\",\"db\":\"c\"},{\"rp\":\"b\",\"db\":\"a\"}]";
	const char *crossed = "[{\"db\":\"a\",\"rp\":\"d\"},{\"db\":\"c\",\"rp\":\"b\"}]";
	const char *vars = VAR("int", "1");
	assert_int_equal(print_of("s", vars, two), print_of("s", vars, turned));
	assert_int_not_equal(print_of("s", vars, two), print_of("s", vars, crossed));
	assert_int_not_equal(print_of("s", vars, two), print_of("s", vars, DBRPS));
	assert_int_not_equal(print_of("s", vars, "[{\"db\":\"ab\",\"rp\":\"\"}]"), print_of("s", vars, DBRPS));
	assert_int_not_equal(print_of("s\n", vars, two), print_of("s", vars, two));
}

static void what_is_no_task(void **state)
{
	(void)state;
	static const struct {
		const char *script, *vars, *dbrps, *reason;
	} rows[] = {
	    {"", VAR("int", "1"), DBRPS, "script"},
	    {"\xff", VAR("int", "1"), DBRPS, "script"},
	    {"s", "", DBRPS, "vars"},
	    {"s", "{}", DBRPS, "vars"},
	    {"s", "null", DBRPS, "vars"},
	    {"s", "[1]", DBRPS, "vars"},
	    {"s", "{\"a\":1,\"a\":2}", DBRPS, "vars"},
	    {"s", VAR("int", "1"), "[]", "dbrps"},
	    {"s", VAR("int", "1"), "{}", "dbrps"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[256] = "";
		uint64_t print;
		assert_int_equal(pl_task_fingerprint_of(pl_str_of(rows[i].script), pl_str_of(rows[i].vars),
							pl_str_of(rows[i].dbrps), &print, reason, sizeof reason),
				 PL_EINVAL);
		if (!pl_str_starts(pl_str_of(reason), pl_str_of(rows[i].reason)))
			fail_msg("row %zu: %s", i, reason);
	}
}

enum { GONE, OFF, DEAD, RUNS }; /* is: not there, disabled, enabled but not executing, executing */

static void decisions(void **state)
{
	(void)state;
	enum { KEPT = PL_DRIFT_REPAIR, TOLD = PL_DRIFT_REPORT };
	static const struct {
		const char *what;
		bool wanted, on; /* wanted with the content 7 */
		int is;          /* of the above */
		bool marked;
		uint64_t content, created; /* what it has */
		struct pl_task_memory memory;
		int policy;
		enum pl_task_action action;
		bool drift;
	} rows[] = {
	    {"missing", true, true, GONE, false, 0, 0, {0}, KEPT, PL_DO_CREATE, false},
	    {"missing again", true, true, GONE, false, 0, 0, {7, 1, true}, TOLD, PL_DO_CREATE, false},
	    {"fine", true, true, RUNS, true, 7, 1, {0}, KEPT, PL_DO_LEAVE, false},
	    {"fine and off", true, false, OFF, true, 7, 1, {7, 1, false}, KEPT, PL_DO_LEAVE, false},
	    {"another version", true, true, RUNS, true, 6, 1, {0}, TOLD, PL_DO_REWRITE, false},
	    {"changed by us", true, true, RUNS, true, 6, 1, {6, 1, true}, TOLD, PL_DO_REWRITE, false},
	    {"changed by others", true, true, RUNS, true, 6, 1, {7, 1, true}, KEPT, PL_DO_REWRITE, true},
	    {"changed by others, told", true, true, RUNS, true, 6, 1, {7, 1, true}, TOLD, PL_DO_REPORT, true},
	    {"to be switched off", true, false, RUNS, true, 7, 1, {7, 1, true}, TOLD, PL_DO_DISABLE, false},
	    {"to be switched on", true, true, OFF, true, 7, 1, {7, 1, false}, TOLD, PL_DO_ENABLE, false},
	    {"switched off by others", true, true, OFF, true, 7, 1, {7, 1, true}, KEPT, PL_DO_ENABLE, true},
	    {"switched on by others", true, false, RUNS, true, 7, 1, {7, 1, false}, KEPT, PL_DO_DISABLE, true},
	    {"switched off by others, told", true, true, OFF, true, 7, 1, {7, 1, true}, TOLD, PL_DO_REPORT, true},
	    {"dead", true, true, DEAD, true, 7, 1, {7, 1, true}, TOLD, PL_DO_RESTART, false},
	    {"dead with old content", true, true, DEAD, true, 6, 1, {6, 1, true}, KEPT, PL_DO_REWRITE, false},
	    {"taken", true, true, RUNS, false, 7, 1, {0}, KEPT, PL_DO_NOT_TOUCH, false},
	    {"marker taken out of ours", true, true, RUNS, false, 6, 1, {7, 1, true}, KEPT, PL_DO_REWRITE, true},
	    {"made anew by others", true, true, RUNS, false, 6, 2, {7, 1, true}, KEPT, PL_DO_NOT_TOUCH, false},
	    {"no longer wanted", false, false, RUNS, true, 7, 1, {7, 1, true}, TOLD, PL_DO_DELETE, false},
	    {"not wanted, not ours", false, false, RUNS, false, 7, 1, {7, 1, true}, KEPT, PL_DO_NOT_TOUCH, false},
	    {"not wanted, gone", false, false, GONE, false, 0, 0, {0}, KEPT, PL_DO_LEAVE, false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		const struct pl_task_want want = {.wanted = rows[i].wanted, .enabled = rows[i].on, .fingerprint = 7};
		const struct pl_kapacitor_task is = {
		    .fingerprint = rows[i].content,
		    .created = rows[i].created,
		    .enabled = rows[i].is >= DEAD,
		    .executing = rows[i].is == RUNS,
		    .marked = rows[i].marked,
		};
		bool drift;
		enum pl_task_action action =
		    pl_task_decide(&want, rows[i].is == GONE ? NULL : &is, &rows[i].memory, rows[i].policy, &drift);
		if (action != rows[i].action || drift != rows[i].drift)
			fail_msg("%s: action %d, drift %d", rows[i].what, (int)action, drift);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vars_that_are_the_same_or_not),
	    cmocka_unit_test(scripts_and_dbrps),
	    cmocka_unit_test(what_is_no_task),
	    cmocka_unit_test(decisions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
