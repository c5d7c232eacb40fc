#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/tick_literal.h"

static void quotes(void **state)
{
	(void)state;
	static const struct {
		struct pl_str s;
		const char *string, *reference; /* NULL: refused */
	} cases[] = {
	    {PL_STR("cpu"), "'cpu'", "\"cpu\""},
	    {{NULL, 0}, "''", NULL},
	    {PL_STR("it's"), "'it\\'s'", "\"it's\""},
	    {PL_STR("a\"b"), "'a\"b'", "\"a\\\"b\""},
	    {PL_STR("\\'"), "'\\\\''", "\"\\'\""},
	    {PL_STR("\\\""), "'\\\"'", "\"\\\\\"\""},
	    {PL_STR("C:\\x"), "'C:\\x'", "\"C:\\x\""},
	    {PL_STR("x\\"), NULL, NULL},
	    {PL_STR("x\\\\"), NULL, NULL},
	    {PL_STR("a\nb"), NULL, NULL},
	    {PL_STR("a\0b"), NULL, NULL},
	    {PL_STR("\x7f"), NULL, NULL},
	    {PL_STR("\xff"), NULL, NULL},
	    {PL_STR("caf\xc3\xa9 // {{"), "'caf\xc3\xa9 // {{'", "\"caf\xc3\xa9 // {{\""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf b = {0};
		assert_int_equal(pl_tick_add_string(&b, cases[i].s), cases[i].string != NULL ? PL_OK : PL_EINVAL);
		assert_string_equal(pl_buf_cstr(&b), cases[i].string != NULL ? cases[i].string : "");
		pl_buf_clear(&b);
		assert_int_equal(pl_tick_add_reference(&b, cases[i].s), cases[i].reference != NULL ? PL_OK : PL_EINVAL);
		assert_string_equal(pl_buf_cstr(&b), cases[i].reference != NULL ? cases[i].reference : "");
		assert_int_equal(pl_tick_literal_refusal(cases[i].s) == NULL, cases[i].reference != NULL);
		pl_buf_finish(&b);
	}
}

static void templates(void **state)
{
	(void)state;
	static const struct {
		struct pl_str s;
		const char *text, *string;
	} cases[] = {
	    {PL_STR("plain }}"), "plain }}", "\"plain }}\""},
	    {PL_STR("{{ .X }}"), "{{\"{\"}}{{\"{\"}} .X }}", "\"{{ .X }}\""},
	    {PL_STR("a\"\\\n\xff"), "a\"\\\n\xff", "\"a\\\"\\\\\\x0a\\xff\""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf b = {0};
		pl_tick_add_template_text(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].text);
		pl_buf_clear(&b);
		pl_tick_add_template_string(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].string);
		pl_buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quotes), cmocka_unit_test(templates)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
