#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/kapacitor_answer.h"
#include "alerts/task_diff.h"
#include "alerts/tick.h"
#include "base/mem.h"

static const char page_text[] =
    "{\"tasks\":[{\"id\":\"p-1\",\"link\":{\"rel\":\"self\",\"href\":\"/x\"},\"script\":\"" PL_TICK_MARKER
    ": x\\nstream|from()|alert().crit(lambda: \\\"v\\\" \\u003e "
    "1)\",\"vars\":{\"d\":{\"type\":\"duration\",\"value\":5400000000000,"
    "\"description\":\"\"}},\"dbrps\":[{\"db\":\"a\",\"rp\":\"b\"}],\"status\":\"enabled\",\"executing\":true,\"error\":\"old\","
    "\"created\":\"2026-11-21T08:03:06.678319995Z\",\"stats\":{\"task-stats\":{\"throughput\":0},\"node-stats\":{\"alert2\":"
    "{\"errors\":3,\"emitted\":9},\"from1\":{\"errors\":4}}}},"
    "{\"id\":\"p-2\",\"script\":\"// x\",\"vars\":{},\"dbrps\":[],\"status\":\"disabled\",\"executing\":false,\"error\":\"\","
    "\"stats\":null}]}";

static void a_page(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_kapacitor_page page;
	char reason[256];
	uint64_t print;
	assert_int_equal(pl_kapacitor_page_read(&arena, pl_str_of(page_text), &page, reason, sizeof reason), PL_OK);
	assert_int_equal(page.n, 2);
	const struct pl_kapacitor_task *a = &page.tasks[0], *b = &page.tasks[1];
	assert_true(pl_str_is(a->id, "p-1") && pl_str_is(a->error, "old"));
	assert_true(a->enabled && a->executing && a->marked);
	assert_int_equal(a->node_errors, 7);
	assert_int_not_equal(a->created, 0);
	assert_int_equal(pl_task_fingerprint_of(PL_STR(PL_TICK_MARKER ": x\nstream|from()|alert().crit(lambda: \"v\" > 1)"),
						PL_STR("{\"d\":{\"type\":\"duration\",\"value\":\"1h30m\"}}"),
						PL_STR("[{\"db\":\"a\",\"rp\":\"b\"}]"), &print, reason, sizeof reason),
			 PL_OK);
	assert_int_equal(a->fingerprint, print);
	assert_false(b->enabled || b->executing || b->marked);
	assert_int_equal(b->node_errors, 0);
	assert_int_equal(b->created, 0);
	pl_arena_finish(&arena);
}

static void what_is_no_page(void **state)
{
	(void)state;
	static const struct {
		const char *text, *reason;
	} rows[] = {
	    {"", "cannot be read"},
	    {"null", "no list of tasks"},
	    {"[]", "no list of tasks"},
	    {"{\"tasks\":{}}", "no list of tasks"},
	    {"{\"tasks\":[3]}", "without an id"},
	    {"{\"tasks\":[{\"id\":\"\"}]}", "without an id"},
	    {"{\"tasks\":[{\"id\":\"a\"}]", "cannot be read"},
	    {"<html>", "cannot be read"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_arena arena = {0};
		struct pl_kapacitor_page page;
		char reason[256] = "";
		assert_int_equal(pl_kapacitor_page_read(&arena, pl_str_of(rows[i].text), &page, reason, sizeof reason),
				 PL_EPARSE);
		if (strstr(reason, rows[i].reason) == NULL)
			fail_msg("%s: %s", rows[i].text, reason);
		pl_arena_finish(&arena);
	}
}

static void too_many_values_are_a_limit(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_kapacitor_page page;
	struct pl_buf text = {0};
	char reason[256] = "";
	pl_buf_add_cstr(&text, "{\"tasks\":[{\"id\":\"a\",\"vars\":{\"v\":{\"type\":\"list\",\"value\":[");
	for (size_t i = 0; i < 500000; i++)
		pl_buf_add_cstr(&text, "1,");
	pl_buf_add_cstr(&text, "1]}}}]}");
	assert_int_equal(pl_kapacitor_page_read(&arena, pl_buf_str(&text), &page, reason, sizeof reason), PL_ELIMIT);
	pl_buf_finish(&text);
	pl_arena_finish(&arena);
}

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *body, *words;
	} rows[] = {
	    {"{\"error\":\"no task exists\"}\n", "no task exists"},
	    {"{\n    \"error\": \"a \\u003c b\\n\\u001b[31m\"\n}", "a < b\\n\\x1b[31m"},
	    {"{\"error\":3}", "3"},
	    {"{\"message\":\"x\"}", ""},
	    {"{\"error\":", ""},
	    {"database is required\n", "database is required"},
	    {"<html><body>502</body></html>", ""},
	    {"", ""},
	    {"{\"error\":\"0123456789012345678901234567890123456789\xc3\xa9\"}", "0123456789012345678901234567890"},
	    {"{\"error\":\"012345678901234567890123456789\xc3\xa9\"}", "012345678901234567890123456789"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char out[32];
		pl_kapacitor_words(pl_str_of(rows[i].body), out, sizeof out);
		assert_string_equal(out, rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page),
	    cmocka_unit_test(what_is_no_page),
	    cmocka_unit_test(too_many_values_are_a_limit),
	    cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
