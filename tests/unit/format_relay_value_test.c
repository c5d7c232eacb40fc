#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/relay_value.h"

/* The verdicts and numbers are those of Go 1.19's ParseFloat. */
static void each_text_is_the_number_that_go_reads(void **state)
{
	(void)state;
	static const struct {
		struct pl_str text;
		enum pl_relay_value kind;
		double number;
	} rows[] = {
	    {PL_STR("0"), PL_RELAY_VALUE_FINITE, 0},
	    {PL_STR("-0.0000"), PL_RELAY_VALUE_FINITE, -0.0},
	    {PL_STR("25.0000"), PL_RELAY_VALUE_FINITE, 25},
	    {PL_STR("0.2500"), PL_RELAY_VALUE_FINITE, 0.25},
	    {PL_STR("-3e5"), PL_RELAY_VALUE_FINITE, -300000},
	    {PL_STR("+1"), PL_RELAY_VALUE_FINITE, 1},
	    {PL_STR(".5"), PL_RELAY_VALUE_FINITE, 0.5},
	    {PL_STR("5."), PL_RELAY_VALUE_FINITE, 5},
	    {PL_STR("-.5"), PL_RELAY_VALUE_FINITE, -0.5},
	    {PL_STR("."), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR(""), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("+"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("-"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1e"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1e+"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("e5"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1e5"), PL_RELAY_VALUE_FINITE, 100000},
	    {PL_STR("1E-5"), PL_RELAY_VALUE_FINITE, 1e-05},
	    {PL_STR("1e400"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("-1e400"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1e-400"), PL_RELAY_VALUE_FINITE, 0},
	    {PL_STR("0x1p-2"), PL_RELAY_VALUE_FINITE, 0.25},
	    {PL_STR("0X1P+3"), PL_RELAY_VALUE_FINITE, 8},
	    {PL_STR("0x1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0x.8p1"), PL_RELAY_VALUE_FINITE, 1},
	    {PL_STR("0x1.p1"), PL_RELAY_VALUE_FINITE, 2},
	    {PL_STR("0xp1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0x1p"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1_000"), PL_RELAY_VALUE_FINITE, 1000},
	    {PL_STR("_1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1_"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1__0"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0x_1p0"), PL_RELAY_VALUE_FINITE, 1},
	    {PL_STR("0x1_p0"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1_.5"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1._5"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1.5_0"), PL_RELAY_VALUE_FINITE, 1.5},
	    {PL_STR("1e1_0"), PL_RELAY_VALUE_FINITE, 1e+10},
	    {PL_STR("1e_1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("+_1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("inf"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("+Inf"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("-INF"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("infinity"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("-Infinity"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("infin"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("nan"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("NaN"), PL_RELAY_VALUE_ODD, 0},
	    {PL_STR("+nan"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("-nan"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR(" 1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1 "), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("abc"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1,5"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0b1"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0o7"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1i"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0_1"), PL_RELAY_VALUE_FINITE, 1},
	    {PL_STR("0x1e5p1"), PL_RELAY_VALUE_FINITE, 970},
	    {PL_STR("123456789012345680.0000"), PL_RELAY_VALUE_FINITE, 1.2345678901234568e+17},
	    {PL_STR("1e308"), PL_RELAY_VALUE_FINITE, 1e+308},
	    {PL_STR("1.8e308"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0x1p1024"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("1p5"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("0x1.8p0_1"), PL_RELAY_VALUE_FINITE, 3},
	    {PL_STR("1\0"), PL_RELAY_VALUE_BAD, 0},
	    {PL_STR("00012"), PL_RELAY_VALUE_FINITE, 12},
	    {PL_STR("1e00000000000000000000001"), PL_RELAY_VALUE_FINITE, 10},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf b = {0};
		enum pl_relay_value kind = pl_relay_value_add(rows[i].text, &b);
		if (kind != rows[i].kind)
			fail_msg("\"%.*s\" is %d", (int)rows[i].text.n, rows[i].text.p, kind);
		if (kind != PL_RELAY_VALUE_FINITE) {
			assert_int_equal(b.n, 0);
		} else {
			double v = strtod(pl_buf_cstr(&b), NULL);
			if (v != rows[i].number || signbit(v) != signbit(rows[i].number))
				fail_msg("\"%.*s\" became %s", (int)rows[i].text.n, rows[i].text.p, pl_buf_cstr(&b));
		}
		pl_buf_finish(&b);
	}
}

static void long_texts_are_read_or_refused(void **state)
{
	(void)state;
	static const struct {
		size_t digits;
		enum pl_relay_value kind;
	} rows[] = {{300, PL_RELAY_VALUE_FINITE},
		    {309, PL_RELAY_VALUE_FINITE},
		    {310, PL_RELAY_VALUE_BAD},
		    {1101, PL_RELAY_VALUE_BAD},
		    {100000, PL_RELAY_VALUE_BAD}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char *text = pl_alloc(rows[i].digits);
		struct pl_buf b = {0};
		memset(text, '1', rows[i].digits);
		assert_int_equal(pl_relay_value_add((struct pl_str){text, rows[i].digits}, &b), rows[i].kind);
		pl_buf_finish(&b);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_text_is_the_number_that_go_reads),
	    cmocka_unit_test(long_texts_are_read_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
