#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/printable.h"

static void only_what_terminals_print_stays(void **state)
{
	(void)state;
	static const struct {
		struct pl_str in;
		const char *out;
	} rows[] = {
	    {PL_STR(""), ""},
	    {PL_STR("plain text"), "plain text"},
	    {PL_STR("gr\303\274n \360\237\214\262"), "gr\303\274n \360\237\214\262"},
	    {PL_STR("a\nb\tc\r"), "a\\nb\\tc\\x0d"},
	    {PL_STR("\033[31m\177\0x"), "\\x1b[31m\\x7f\\x00x"},
	    {PL_STR("\302\233m"), "\\xc2\\x9bm"},        /* CSI as one C1 character */
	    {PL_STR("\302\240"), "\302\240"},            /* the first behind C1 */
	    {PL_STR("\303"), "\\xc3"},                   /* cut */
	    {PL_STR("\355\240\200"), "\\xed\\xa0\\x80"}, /* a surrogate */
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf b = {0};
		pl_buf_add_printable(&b, rows[i].in);
		assert_string_equal(pl_buf_cstr(&b), rows[i].out);
		pl_buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_terminals_print_stays)};
	return cmocka_run_group_tests_name("base_printable", tests, NULL, NULL);
}
