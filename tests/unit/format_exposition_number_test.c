#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/exposition_number.h"

enum {
	PLAIN = PL_VALUE_PLAIN,
	ODD = PL_VALUE_ODD,
	NOT_A_NUMBER = PL_VALUE_NAN,
	INF = PL_VALUE_INF,
	NEG_INF = PL_VALUE_NEG_INF,
	NONE = -1
};

static void expect_class(const char *text, int class, double number)
{
	static const char ends[] = {' ', '\t', '\n'};
	struct pl_buf line = {0};
	for (size_t i = 0; i < PL_COUNT_OF(ends); i++) {
		pl_buf_clear(&line);
		pl_buf_addf(&line, "%s%c", text, ends[i]);
		enum pl_value_class found = PL_VALUE_PLAIN;
		double v = 0;
		const char *end = pl_exposition_number_scan(line.p, &found, &v);
		if (class == NONE) {
			assert_null(end);
			continue;
		}
		assert_ptr_equal(end, line.p + line.n - 1);
		assert_int_equal(found, class);
		if (class == ODD)
			assert_true(v == number);
	}
	pl_buf_finish(&line);
}

static void classifies_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int class;
		double number;
	} cases[] = {
	    {"0", PLAIN, 0},
	    {"-0", PLAIN, 0},
	    {"007", PLAIN, 0},
	    {"12.5", PLAIN, 0},
	    {"1e5", PLAIN, 0},
	    {"1.5e+05", PLAIN, 0},
	    {"-1.25e-300", PLAIN, 0},
	    {"1e308", PLAIN, 0},
	    {"1e-999", PLAIN, 0},
	    {"1.79769313486231570e308", PLAIN, 0},
	    {"0e99999999999999", PLAIN, 0},
	    {"+5", ODD, 5},
	    {".5", ODD, 0.5},
	    {"-.5", ODD, -0.5},
	    {"5.", ODD, 5},
	    {"5.e3", ODD, 5000},
	    {"1E5", ODD, 1e5},
	    {"1E+5", ODD, 1e5},
	    {"+1e-5", ODD, 1e-5},
	    {"+.5E1", ODD, 5},
	    {"NaN", NOT_A_NUMBER, 0},
	    {"nan", NOT_A_NUMBER, 0},
	    {"NAN", NOT_A_NUMBER, 0},
	    {"Inf", INF, 0},
	    {"+Inf", INF, 0},
	    {"inf", INF, 0},
	    {"+INFINITY", INF, 0},
	    {"-Inf", NEG_INF, 0},
	    {"-iNfInItY", NEG_INF, 0},
	    {"1e309", INF, 0},
	    {"1e999", INF, 0},
	    {"-1e999", NEG_INF, 0},
	    {"+1E999", INF, 0},
	    {"1e99999999999999999999", INF, 0},
	    {"", NONE, 0},
	    {"-", NONE, 0},
	    {"+", NONE, 0},
	    {".", NONE, 0},
	    {"-.", NONE, 0},
	    {"e5", NONE, 0},
	    {".e5", NONE, 0},
	    {"1e", NONE, 0},
	    {"1e+", NONE, 0},
	    {"1e5.0", NONE, 0},
	    {"1.2.3", NONE, 0},
	    {"--1", NONE, 0},
	    {"+-1", NONE, 0},
	    {"1-", NONE, 0},
	    {"0x10", NONE, 0},
	    {"0x1p-3", NONE, 0},
	    {"1_000", NONE, 0},
	    {"1,5", NONE, 0},
	    {"0b1", NONE, 0},
	    {"1f", NONE, 0},
	    {"+NaN", NONE, 0},
	    {"-nan", NONE, 0},
	    {"nan(1)", NONE, 0},
	    {"infin", NONE, 0},
	    {"++Inf", NONE, 0},
	    {"infinityx", NONE, 0},
	    {"1\r", NONE, 0},
	    {"1#", NONE, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect_class(cases[i].text, cases[i].class, cases[i].number);
}

static void bounds_long_numbers(void **state)
{
	(void)state;
	static const struct {
		int zeros, digits, decimals, class;
	} cases[] = {
	    {1000, 1, 0, PLAIN}, {0, 300, 0, PLAIN}, {0, 308, 9, PLAIN}, {0, 310, 0, INF},   {790, 308, 0, PLAIN},
	    {0, 1, 1000, PLAIN}, {0, 1, 1200, NONE}, {1200, 1, 0, NONE}, {0, 1200, 0, NONE},
	};
	struct pl_buf text = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&text);
		for (int k = 0; k < cases[i].zeros; k++)
			pl_buf_add_char(&text, '0');
		for (int k = 0; k < cases[i].digits; k++)
			pl_buf_add_char(&text, '1');
		if (cases[i].decimals > 0)
			pl_buf_add_char(&text, '.');
		for (int k = 0; k < cases[i].decimals; k++)
			pl_buf_add_char(&text, '7');
		expect_class(pl_buf_cstr(&text), cases[i].class, 0);
	}
	pl_buf_finish(&text);
}

static void reads_whole_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double number;
	} cases[] = {{"1", 1},
		     {"-2.5e1", -25},
		     {".5", 0.5},
		     {"+Inf", INFINITY},
		     {"-inf", -INFINITY},
		     {"1e999", INFINITY},
		     {"9007199254740993", 9007199254740992.0}};
	static const char *const none[] = {"", " 1", "1 ", "1\n", "1 2", "x", "\n", "0x1"};
	double v;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		assert_true(pl_exposition_number_of(pl_str_of(cases[i].text), &v));
		assert_true(v == cases[i].number);
	}
	for (size_t i = 0; i < PL_COUNT_OF(none); i++)
		assert_false(pl_exposition_number_of(pl_str_of(none[i]), &v));
	assert_true(pl_exposition_number_of(PL_STR("NaN"), &v));
	assert_true(isnan(v));
}

typedef const char *(*scan_time_fn)(const char *p, int64_t *ns);

static void expect_time(scan_time_fn scan, const char *text, bool valid, int64_t ns)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%s\n", text);
	int64_t found = 1;
	const char *end = scan(line, &found);
	if (!valid) {
		assert_null(end);
		return;
	}
	assert_ptr_equal(end, line + n - 1);
	assert_int_equal(found, ns);
}

static void reads_milliseconds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
		int64_t ns;
	} cases[] = {
	    {"0", true, 0},
	    {"1395066363000", true, 1395066363000000000},
	    {"-1", true, -1000000},
	    {"+1", true, 1000000},
	    {"0001", true, 1000000},
	    {"9223372036854", true, 9223372036854000000},
	    {"9223372036855", true, INT64_MAX},
	    {"-9223372036855", true, INT64_MIN},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"", false, 0},
	    {"-", false, 0},
	    {"+-1", false, 0},
	    {"1.0", false, 0},
	    {"1e3", false, 0},
	    {"NaN", false, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect_time(pl_exposition_time_ms, cases[i].text, cases[i].valid, cases[i].ns);
}

static void reads_seconds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
		int64_t ns;
	} cases[] = {
	    {"0", true, 0},
	    {"000", true, 0},
	    {"1520879607.789", true, 1520879607789000000},
	    {"1520879607.123456789", true, 1520879607123456789},
	    {"1520879607.1234567899", true, 1520879607123456789},
	    {"-1.5", true, -1500000000},
	    {"+2", true, 2000000000},
	    {"1.", true, 1000000000},
	    {".25", true, 250000000},
	    {"1.5e3", true, 1500000000000},
	    {"1.520879607789e+09", true, 1520879607789000000},
	    {"15E-1", true, 1500000000},
	    {"5e-9", true, 5},
	    {"5e-10", true, 0},
	    {"1e-99999999999999999999", true, 0},
	    {"0e99999999999999999999", true, 0},
	    {"0.0e10", true, 0},
	    {"9223372036.854775807", true, INT64_MAX},
	    {"9223372036.854775808", true, INT64_MAX},
	    {"-9223372036.854775808", true, INT64_MIN},
	    {"9223372036.854775806", true, INT64_MAX - 1},
	    {"12345678901234567890.1234567890", true, INT64_MAX},
	    {"-1e30", true, INT64_MIN},
	    {"1e99999999999999999999", true, INT64_MAX},
	    {"00000000000000000000000000000001", true, 1000000000},
	    {"", false, 0},
	    {".", false, 0},
	    {"-", false, 0},
	    {"e5", false, 0},
	    {"1e", false, 0},
	    {"1e+", false, 0},
	    {"1.1.1", false, 0},
	    {"1_2", false, 0},
	    {"0x1p-3", false, 0},
	    {"NaN", false, 0},
	    {"Inf", false, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect_time(pl_exposition_time_seconds, cases[i].text, cases[i].valid, cases[i].ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(classifies_numbers), cmocka_unit_test(bounds_long_numbers), cmocka_unit_test(reads_whole_texts),
	    cmocka_unit_test(reads_milliseconds), cmocka_unit_test(reads_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
