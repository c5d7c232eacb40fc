#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static void orders_bytewise(void **state)
{
	(void)state;
	static const struct {
		struct pl_str a, b;
		int sign;
	} cases[] = {
	    {{NULL, 0}, {NULL, 0}, 0},        {PL_STR(""), PL_STR("a"), -1},    {PL_STR("a"), PL_STR("ab"), -1},
	    {PL_STR("ab"), PL_STR("b"), -1},  {PL_STR("b"), PL_STR("ab"), 1},   {PL_STR("ab"), PL_STR("ab"), 0},
	    {PL_STR("\xff"), PL_STR("a"), 1}, {PL_STR("a\0b"), PL_STR("a"), 1}, {{NULL, 0}, PL_STR("a"), -1},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int order = pl_str_cmp(cases[i].a, cases[i].b), back = pl_str_cmp(cases[i].b, cases[i].a);
		assert_int_equal((order > 0) - (order < 0), cases[i].sign);
		assert_int_equal((back > 0) - (back < 0), -cases[i].sign);
		assert_int_equal(pl_str_eq(cases[i].a, cases[i].b), cases[i].sign == 0);
		assert_int_equal(pl_str_eq_secret(cases[i].a, cases[i].b), cases[i].sign == 0);
	}
}

static void knows_ends(void **state)
{
	(void)state;
	static const struct {
		const char *s, *part;
		bool starts, ends;
	} cases[] = {
	    {"abc", "", true, true},       {"abc", "a", true, false}, {"abc", "c", false, true}, {"abc", "abc", true, true},
	    {"abc", "xabc", false, false}, {"", "", true, true},      {"", "a", false, false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		assert_int_equal(pl_str_starts(pl_str_of(cases[i].s), pl_str_of(cases[i].part)), cases[i].starts);
		assert_int_equal(pl_str_ends(pl_str_of(cases[i].s), pl_str_of(cases[i].part)), cases[i].ends);
	}
	assert_true(pl_str_ends((struct pl_str){NULL, 0}, (struct pl_str){NULL, 0}));
	assert_true(pl_str_starts(PL_STR("x"), (struct pl_str){NULL, 0}));
}

static void trims(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"", ""}, {" ", ""}, {" \t\r\n", ""}, {"a", "a"}, {" a b ", "a b"}, {"\ta\v", "a\v"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_true(pl_str_is(pl_str_trim(pl_str_of(cases[i][0])), cases[i][1]));
	assert_int_equal(pl_str_trim((struct pl_str){NULL, 0}).n, 0);
}

static void cuts_into_parts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *parts[4];
	} cases[] = {
	    {"", {""}}, {"a", {"a"}}, {"a,b", {"a", "b"}}, {"a,", {"a", ""}}, {",", {"", ""}}, {",a,,", {"", "a", "", ""}},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_str rest = pl_str_of(cases[i].text);
		size_t n = 0;
		while (rest.p != NULL) {
			assert_true(n < 4 && cases[i].parts[n] != NULL);
			assert_true(pl_str_is(pl_str_cut(&rest, ','), cases[i].parts[n]));
			n++;
		}
		assert_true(n == 4 || cases[i].parts[n] == NULL);
	}
}

static void reads_integers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_signed, is_unsigned;
		int64_t signed_value;
		uint64_t unsigned_value;
	} cases[] = {
	    {"0", true, true, 0, 0},
	    {"007", true, true, 7, 7},
	    {"-0", true, false, 0, 0},
	    {"-1", true, false, -1, 0},
	    {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
	    {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
	    {"-9223372036854775808", true, false, INT64_MIN, 0},
	    {"-9223372036854775809", false, false, 0, 0},
	    {"18446744073709551615", false, true, 0, UINT64_MAX},
	    {"18446744073709551616", false, false, 0, 0},
	    {"99999999999999999999999", false, false, 0, 0},
	    {"", false, false, 0, 0},
	    {"-", false, false, 0, 0},
	    {"+1", false, false, 0, 0},
	    {" 1", false, false, 0, 0},
	    {"1 ", false, false, 0, 0},
	    {"--1", false, false, 0, 0},
	    {"1e3", false, false, 0, 0},
	    {"0x1", false, false, 0, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int64_t v = 0;
		uint64_t u = 0;
		assert_int_equal(pl_str_i64(pl_str_of(cases[i].text), &v), cases[i].is_signed);
		assert_int_equal(pl_str_u64(pl_str_of(cases[i].text), &u), cases[i].is_unsigned);
		assert_true(v == cases[i].signed_value && u == cases[i].unsigned_value);
	}
}

static void knows_utf8(void **state)
{
	(void)state;
	static const struct {
		struct pl_str text;
		bool good;
	} cases[] = {
	    {{NULL, 0}, true},
	    {PL_STR("plain ascii, more than eight"), true},
	    {PL_STR("a\0b"), true},
	    {PL_STR("\xc2\x80"), true},
	    {PL_STR("\xdf\xbf"), true},
	    {PL_STR("\xe0\xa0\x80"), true},
	    {PL_STR("\xed\x9f\xbf"), true},
	    {PL_STR("\xef\xbf\xbf"), true},
	    {PL_STR("\xf0\x90\x80\x80"), true},
	    {PL_STR("\xf4\x8f\xbf\xbf"), true},
	    {PL_STR("\x80"), false},
	    {PL_STR("\xc0\x80"), false},
	    {PL_STR("\xc1\xbf"), false},
	    {PL_STR("\xe0\x9f\xbf"), false},
	    {PL_STR("\xed\xa0\x80"), false},
	    {PL_STR("\xf0\x8f\xbf\xbf"), false},
	    {PL_STR("\xf4\x90\x80\x80"), false},
	    {PL_STR("\xf5\x80\x80\x80"), false},
	    {PL_STR("\xc2"), false},
	    {PL_STR("\xe2\x82"), false},
	    {PL_STR("\xf0\x9f\x98"), false},
	    {PL_STR("\xc3("), false},
	    {PL_STR("\xe2\x82("), false},
	    {PL_STR("12345678\xff"), false},
	    {PL_STR("1234567\xc3\xa9"
		    "12345678"),
	     true},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_str_utf8(cases[i].text), cases[i].good);
	assert_int_equal(pl_utf8_length("", 0), 0);
	assert_int_equal(pl_utf8_length("a", 1), 1);
	assert_int_equal(pl_utf8_length("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(pl_utf8_length("\xf0\x9f\x98\x80", 3), 0);
}

/* Written down: targets' phases must not move with a new release. */
static void hash_is_stable(void **state)
{
	(void)state;
	assert_true(pl_str_hash((struct pl_str){NULL, 0}, 0) == UINT64_C(0x2d06800538d394c2));
	assert_true(pl_str_hash(PL_STR("pulseline"), 0) != pl_str_hash(PL_STR("pulseline"), 1));
	assert_true(pl_str_hash(PL_STR("pulseline"), 7) == pl_str_hash(PL_STR("pulseline"), 7));
}

static void compares_secrets(void **state)
{
	(void)state;
	assert_true(pl_str_eq_secret(PL_STR("token"), PL_STR("token")));
	assert_false(pl_str_eq_secret(PL_STR("token"), PL_STR("tokeN")));
	assert_false(pl_str_eq_secret(PL_STR("aa"), PL_STR("a")));
	assert_false(pl_str_eq_secret(PL_STR("a"), PL_STR("aa")));
	assert_false(pl_str_eq_secret(PL_STR("\0"), (struct pl_str){NULL, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(orders_bytewise), cmocka_unit_test(knows_ends),       cmocka_unit_test(trims),
	    cmocka_unit_test(cuts_into_parts), cmocka_unit_test(reads_integers),   cmocka_unit_test(knows_utf8),
	    cmocka_unit_test(hash_is_stable),  cmocka_unit_test(compares_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
