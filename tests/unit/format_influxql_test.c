#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/influxql.h"

static void quotes(void **state)
{
	(void)state;
	static const struct {
		struct pl_str s;
		const char *ident, *string;
	} cases[] = {
	    {PL_STR("cpu"), "\"cpu\"", "'cpu'"},
	    {{NULL, 0}, "\"\"", "''"},
	    {PL_STR("a\"; DROP DATABASE x; --"), "\"a\\\"; DROP DATABASE x; --\"", "'a\"; DROP DATABASE x; --'"},
	    {PL_STR("a'; DROP DATABASE x; --"), "\"a'; DROP DATABASE x; --\"", "'a\\'; DROP DATABASE x; --'"},
	    {PL_STR("\\"), "\"\\\\\"", "'\\\\'"},
	    {PL_STR("\\'\\\""), "\"\\\\'\\\\\\\"\"", "'\\\\\\'\\\\\"'"},
	    {PL_STR("line\nbreak"), "\"line\\nbreak\"", "'line\\nbreak'"},
	    {PL_STR("\r\0|"), "\"\xef\xbf\xbd\xef\xbf\xbd|\"", "'\xef\xbf\xbd\xef\xbf\xbd|'"},
	    {PL_STR("\xff\xc3\xa9\xe2"), "\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"", "'\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd'"},
	    {PL_STR("\t%\x01"), "\"\t%\x01\"", "'\t%\x01'"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_influxql_add_ident(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].ident);
		pl_buf_clear(&b);
		pl_influxql_add_string(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].string);
	}
	pl_buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quotes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
