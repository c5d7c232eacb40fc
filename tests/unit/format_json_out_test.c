#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/json_out.h"

static void quotes(void **state)
{
	(void)state;
	static const struct {
		struct pl_str s;
		const char *json;
	} cases[] = {
	    {{NULL, 0}, "\"\""},
	    {PL_STR("plain"), "\"plain\""},
	    {PL_STR("\"\\/"), "\"\\\"\\\\/\""},
	    {PL_STR("\n\r\t\b\f\0\x1f\x7f"), "\"\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\x7f\""},
	    {PL_STR("</script>&"), "\"\\u003c/script\\u003e\\u0026\""},
	    {PL_STR("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\""},
	    {PL_STR("a\xff"
		    "b\xe2\x82"),
	     "\"a\\ufffdb\\ufffd\\ufffd\""},
	    {PL_STR("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""},
	    {PL_STR("\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xaa"), "\"\\u2028|\\u2029|\xe2\x80\xaa\""},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_json_add_quoted(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].json);
	}
	pl_buf_finish(&b);
}

static void writes_doubles(void **state)
{
	(void)state;
	static const struct {
		double v;
		const char *text;
	} cases[] = {
	    {0, "0"},
	    {-0.0, "-0"},
	    {1, "1"},
	    {-42, "-42"},
	    {999999999, "999999999"},
	    {1e9, "1000000000"},
	    {-4294967296.0, "-4294967296"},
	    {9007199254740993.0, "9007199254740992"},
	    {0.1, "0.1"},
	    {-0.5, "-0.5"},
	    {1.0 / 3, "0.3333333333333333"},
	    {0.1 + 0.2, "0.30000000000000004"},
	    {123456.789, "123456.789"},
	    {100, "100"},
	    {1e20, "100000000000000000000"},
	    {123456789012345680000.0, "123456789012345680000"},
	    {1e21, "1e+21"},
	    {1.5e300, "1.5e+300"},
	    {1e-6, "0.000001"},
	    {1.25e-6, "0.00000125"},
	    {9.99e-7, "9.99e-7"},
	    {1e-7, "1e-7"},
	    {DBL_MAX, "1.7976931348623157e+308"},
	    {DBL_MIN, "2.2250738585072014e-308"},
	    {5e-324, "5e-324"},
	    {1.5e9, "1500000000"},
	    {1700000000.123, "1700000000.123"},
	    {(double)NAN, "null"},
	    {(double)INFINITY, "null"},
	    {-(double)INFINITY, "null"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_json_add_double(&b, cases[i].v);
		assert_string_equal(pl_buf_cstr(&b), cases[i].text);
	}
	pl_buf_finish(&b);
}

/* A pseudo-random walk over all kinds of bit patterns, the same in every run. */
static void doubles_read_back(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252U;
	struct pl_buf b = {0};
	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		double v;
		memcpy(&v, &x, sizeof v);
		if (i % 2 == 0)
			v = (double)(x >> 40) / 1000;
		if (!isfinite(v))
			continue;
		pl_buf_clear(&b);
		pl_json_add_double(&b, v);
		double back = strtod(pl_buf_cstr(&b), NULL);
		assert_memory_equal(&back, &v, sizeof v);
		assert_true(b.n <= 25);
	}
	pl_buf_finish(&b);
}

static void puts_commas(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	pl_json_object_begin(&j);
	pl_json_key(&j, "empty");
	pl_json_object_begin(&j);
	pl_json_object_end(&j);
	pl_json_key_str(&j, PL_STR("l\"ist"));
	pl_json_array_begin(&j);
	pl_json_i64(&j, INT64_MIN);
	pl_json_u64(&j, UINT64_MAX);
	pl_json_double(&j, 0.5);
	pl_json_double(&j, (double)NAN);
	pl_json_bool(&j, true);
	pl_json_bool(&j, false);
	pl_json_null(&j);
	pl_json_cstr(&j, NULL);
	pl_json_cstr(&j, "s");
	pl_json_str(&j, PL_STR("t"));
	pl_json_array_begin(&j);
	pl_json_array_end(&j);
	pl_json_array_begin(&j);
	pl_json_i64(&j, 1);
	pl_json_array_end(&j);
	pl_json_object_begin(&j);
	pl_json_key(&j, "k");
	pl_json_i64(&j, 2);
	pl_json_key(&j, "m");
	pl_json_i64(&j, 3);
	pl_json_object_end(&j);
	pl_json_array_end(&j);
	pl_json_key(&j, "last");
	pl_json_null(&j);
	pl_json_object_end(&j);
	pl_json_i64(&j, 7); /* at the top, values stand alone */
	assert_string_equal(pl_buf_cstr(&b),
			    "{\"empty\":{},\"l\\\"ist\":[-9223372036854775808,18446744073709551615,0.5,null,true,false,"
			    "null,null,\"s\",\"t\",[],[1],{\"k\":2,\"m\":3}],\"last\":null}7");
	pl_buf_finish(&b);
}

static void nests_31_deep(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	for (int i = 0; i < 31; i++) {
		if (i > 0)
			pl_json_i64(&j, i);
		pl_json_array_begin(&j);
	}
	for (int i = 0; i < 31; i++)
		pl_json_array_end(&j);
	assert_true(pl_str_starts(pl_buf_str(&b), PL_STR("[1,[2,[3,[")));
	assert_true(pl_str_ends(pl_buf_str(&b), PL_STR("29,[30,[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")));
	pl_buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quotes),      cmocka_unit_test(writes_doubles), cmocka_unit_test(doubles_read_back),
	    cmocka_unit_test(puts_commas), cmocka_unit_test(nests_31_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
