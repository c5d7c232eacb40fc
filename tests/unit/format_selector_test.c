#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/selector.h"

static const struct pl_label some[] = {{PL_STR("dc"), PL_STR("e\"u\\")}, {PL_STR("job"), PL_STR("node")}};

struct row {
	const char *text;
	enum pl_err err;
	bool fits;          /* the labels above */
	const char *reason; /* begins so */
};

static void each_text_is_read_or_refused(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"", PL_OK, true, ""},
	    {" { } ", PL_OK, true, ""},
	    {"{job=\"node\"}", PL_OK, true, ""},
	    {"job='node'", PL_OK, true, ""},
	    {"{ job = \"node\" , dc != \"us\" , }", PL_OK, true, ""},
	    {"{job!=\"node\"}", PL_OK, false, ""},
	    {"{job=\"nod\"}", PL_OK, false, ""},
	    {"{dc=\"e\\\"u\\\\\"}", PL_OK, true, ""},
	    {"{dc=`e\"u\\`}", PL_OK, true, ""},
	    {"{job=\"\\x6eo\\144e\"}", PL_OK, true, ""},
	    {"{rack=\"\"}", PL_OK, true, ""},
	    {"{rack!=\"\"}", PL_OK, false, ""},
	    {"{job=\"node\",job=\"other\"}", PL_OK, false, ""},
	    {"{job=~\"n.*\"}", PL_OK, true, ""},
	    {"{job=~\"od\"}", PL_OK, false, ""}, /* anchored */
	    {"{job=~\"NODE\"}", PL_OK, false, ""},
	    {"{job=~\"(?i)NODE|other\"}", PL_OK, true, ""},
	    {"{job!~\"n.*\"}", PL_OK, false, ""},
	    {"{job!~`x\\w+`, dc !~ 'us.*'}", PL_OK, true, ""},
	    {"{rack=~\"\"}", PL_OK, true, ""}, /* not there: empty */
	    {"{rack=~\".+\"}", PL_OK, false, ""},
	    {"{rack!~\".+\"}", PL_OK, true, ""},
	    {"{dc=~\"e\\\"u.\"}", PL_OK, true, ""},
	    {"{job=~\"(\"}", PL_EPARSE, false, "column 7: this pattern is wrong: missing closing parenthesis"},
	    {"{job=~\"a(?=b)\"}", PL_EPARSE, false, "column 7: this pattern is wrong: look-ahead"},
	    {"{job=~node}", PL_EPARSE, false, "column 7: expected a value in quotes"},
	    {"{job!\"node\"}", PL_EPARSE, false, "column 6: expected =, !=, =~ or !~"},
	    {"{job~\"node\"}", PL_EPARSE, false, "column 5: expected =, !=, =~ or !~"},
	    {"{job!=~\"node\"}", PL_EPARSE, false, "column 7: expected a value in quotes"},
	    {"{job=node}", PL_EPARSE, false, "column 6: expected a value in quotes"},
	    {"{job=\"node}", PL_EPARSE, false, "column 12: the quotes do not close"},
	    {"{job=\"node\"", PL_EPARSE, false, "column 12: expected , or }"},
	    {"{job=\"node\"} x", PL_EPARSE, false, "column 14: nothing may follow"},
	    {"job=\"node\"}", PL_EPARSE, false, "column 11: expected , or the end"},
	    {"{4=\"\"}", PL_EPARSE, false, "column 2: expected the name of a label"},
	    {"{,}", PL_EPARSE, false, "column 2: expected the name of a label"},
	    {"{job\"node\"}", PL_EPARSE, false, "column 5: expected =, !=, =~ or !~"},
	    {"{job==\"node\"}", PL_EPARSE, false, "column 6: expected a value"},
	    {"{job=\"\\q\"}", PL_EPARSE, false, "column 8: not an escape"},
	    {"{job=\"\\400\"}", PL_EPARSE, false, "column 11: not an escape"},
	    {"{job=\"\\x4", PL_EPARSE, false, "column 10: not an escape"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_arena arena = {0};
		struct pl_selector s;
		char reason[128] = "";
		enum pl_err err = pl_selector_parse(&s, &arena, pl_str_of(rows[i].text), reason, sizeof reason);
		if (err != rows[i].err || strncmp(reason, rows[i].reason, strlen(rows[i].reason)) != 0)
			fail_msg("%s: %s, \"%s\"", rows[i].text, pl_err_text(err), reason);
		if (err == PL_OK && pl_selector_fits(&s, (struct pl_labels){some, PL_COUNT_OF(some)}) != rows[i].fits)
			fail_msg("%s: fits %d", rows[i].text, !rows[i].fits);
		pl_selector_finish(&s);
		pl_arena_finish(&arena);
	}
}

static void pairs_are_bounded(void **state)
{
	(void)state;
	struct pl_buf text = {0};
	struct pl_arena arena = {0};
	struct pl_selector s;
	char reason[128] = "";
	for (size_t i = 0; i < PL_SELECTOR_MOST; i++)
		pl_buf_add_cstr(&text, "a=\"\",");
	assert_int_equal(pl_selector_parse(&s, &arena, pl_buf_str(&text), reason, sizeof reason), PL_OK);
	pl_selector_finish(&s);
	pl_buf_add_cstr(&text, "a=\"\"");
	assert_int_equal(pl_selector_parse(&s, &arena, pl_buf_str(&text), reason, sizeof reason), PL_ELIMIT);
	assert_non_null(strstr(reason, "32"));
	pl_selector_finish(&s);
	pl_arena_finish(&arena);
	pl_buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_text_is_read_or_refused), cmocka_unit_test(pairs_are_bounded)};
	return cmocka_run_group_tests_name("format_selector", tests, NULL, NULL);
}
