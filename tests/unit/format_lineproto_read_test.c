#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/lineproto.h"

/* The number forms that InfluxDB 1.6.7 took, and what it made of them. */
static void takes_values(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pl_lp_type type;
		double number;
	} cases[] = {
	    {"1", PL_LP_FLOAT, 1.0},
	    {"-1", PL_LP_FLOAT, -1.0},
	    {"1.", PL_LP_FLOAT, 1.0},
	    {".5", PL_LP_FLOAT, 0.5},
	    {"-.5", PL_LP_FLOAT, -0.5},
	    {"1e5", PL_LP_FLOAT, 100000.0},
	    {"1E5", PL_LP_FLOAT, 100000.0},
	    {"1e+5", PL_LP_FLOAT, 100000.0},
	    {"1e-5", PL_LP_FLOAT, 1e-05},
	    {"1e308", PL_LP_FLOAT, 1e+308},
	    {"1e-320", PL_LP_FLOAT, 1e-320},
	    {"1e-400", PL_LP_FLOAT, 0.0},
	    {"00012", PL_LP_FLOAT, 12.0},
	    {"-0", PL_LP_FLOAT, -0.0},
	    {"123456789012345678901234567890", PL_LP_FLOAT, 1.2345678901234568e+29},
	    {"1.0000000000000000000000000000000000000000001", PL_LP_FLOAT, 1.0},
	    {"1e21", PL_LP_FLOAT, 1e+21},
	    {"1e+21", PL_LP_FLOAT, 1e+21},
	    {"1.e5", PL_LP_FLOAT, 100000.0},
	    {"0e0", PL_LP_FLOAT, 0.0},
	    {"1e00005", PL_LP_FLOAT, 100000.0},
	    {"1i", PL_LP_INTEGER, 1.0},
	    {"-1i", PL_LP_INTEGER, -1.0},
	    {"0i", PL_LP_INTEGER, 0.0},
	    {"007i", PL_LP_INTEGER, 7.0},
	    {"9223372036854775807i", PL_LP_INTEGER, 9.223372036854776e+18},
	    {"-9223372036854775808i", PL_LP_INTEGER, -9.223372036854776e+18},
	    {"t", PL_LP_BOOLEAN, 0},
	    {"T", PL_LP_BOOLEAN, 0},
	    {"true", PL_LP_BOOLEAN, 0},
	    {"True", PL_LP_BOOLEAN, 0},
	    {"TRUE", PL_LP_BOOLEAN, 0},
	    {"f", PL_LP_BOOLEAN, 0},
	    {"F", PL_LP_BOOLEAN, 0},
	    {"false", PL_LP_BOOLEAN, 0},
	    {"False", PL_LP_BOOLEAN, 0},
	    {"FALSE", PL_LP_BOOLEAN, 0},
	    {"\"\"", PL_LP_STRING, 0},
	    {"\"a\"", PL_LP_STRING, 0},
	    {"\"a b,c=d\"", PL_LP_STRING, 0},
	    {"\"a\\\"b\"", PL_LP_STRING, 0},
	    {"\"a\\\\\"", PL_LP_STRING, 0},
	    {"\"a\\n\"", PL_LP_STRING, 0},
	    {"\"a\nb\"", PL_LP_STRING, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		enum pl_lp_type type;
		double number = 0;
		assert_int_equal(pl_lp_value(pl_str_of(cases[i].text), &type, &number), PL_OK);
		assert_int_equal(type, cases[i].type);
		assert_true(number == cases[i].number);
	}
}

/* And those that it refused. */
static void refuses_values(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "",
	    "+1",
	    "-.",
	    ".",
	    "e5",
	    "1e",
	    "1e400",
	    "-1e400",
	    "1.8e308",
	    "0x10",
	    "1_000",
	    "1e5.5",
	    "1.5.5",
	    "--1",
	    "1-1",
	    "+1i",
	    "1.5i",
	    "1u",
	    "9223372036854775808i",
	    "NaN",
	    "nan",
	    "Inf",
	    "inf",
	    "+Inf",
	    "-Inf",
	    "infinity",
	    "tRUE",
	    "fALSE",
	    "1i1",
	    "i",
	    "1ie",
	    "1e+",
	    ".e5",
	    "1e5e5",
	    "1e+-5",
	    "-e5",
	    "-i",
	    "1f",
	    "'a'",
	    "1d",
	    "5%",
	    "1;2",
	    "e",
	    "9e99999999999",
	    "-",
	    "tr",
	    "tb",
	    "\"",
	    "\"a",
	    "\"a\\\"",
	    "\"a\"b",
	    "1 ",
	    " 1",
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		enum pl_lp_type type;
		double number;
		assert_int_equal(pl_lp_value(pl_str_of(cases[i]), &type, &number), PL_EPARSE);
	}
}

static void takes_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line, *series, *measurement, *tags, *fields;
		bool has_time;
		int64_t time_ns;
	} cases[] = {
	    {"m value=1", "m", "m", "", "value=1", false, INT64_C(0)},
	    {"m value=1 ", "m", "m", "", "value=1", false, INT64_C(0)},
	    {"m value=1 1000", "m", "m", "", "value=1", true, INT64_C(1000)},
	    {"m value=1 1000  ", "m", "m", "", "value=1", true, INT64_C(1000)},
	    {"m  value=1  1000", "m", "m", "", "value=1", true, INT64_C(1000)},
	    {" \tm value=1 0", "m", "m", "", "value=1", true, INT64_C(0)},
	    {"m value=1 -5", "m", "m", "", "value=1", true, INT64_C(-5)},
	    {"m value=1 007", "m", "m", "", "value=1", true, INT64_C(7)},
	    {"m value=1 9223372036854775806", "m", "m", "", "value=1", true, INT64_C(9223372036854775806)},
	    {"m value=1 -9223372036854775806", "m", "m", "", "value=1", true, INT64_C(-9223372036854775806)},
	    {"m,a=1,b=2 x=1i,y=\"s t,u=v\",z=t 5", "m,a=1,b=2", "m", "a=1,b=2", "x=1i,y=\"s t,u=v\",z=t", true, INT64_C(5)},
	    {"m,b=1,a=2 value=1", "m,b=1,a=2", "m", "b=1,a=2", "value=1", false, INT64_C(0)},
	    {"m\\,\\ x,t\\=\\ 1=v\\,\\ \\=w value=1", "m\\,\\ x,t\\=\\ 1=v\\,\\ \\=w", "m\\,\\ x", "t\\=\\ 1=v\\,\\ \\=w",
	     "value=1", false, INT64_C(0)},
	    {"m,a=\"x,b=y\" value=1", "m,a=\"x,b=y\"", "m", "a=\"x,b=y\"", "value=1", false, INT64_C(0)},
	    {"m,a=C:\\dir value=1", "m,a=C:\\dir", "m", "a=C:\\dir", "value=1", false, INT64_C(0)},
	    {"m,a=x\\\\,y value=1", "m,a=x\\\\,y", "m", "a=x\\\\,y", "value=1", false, INT64_C(0)},
	    {"m va\\ l\\,u\\=e=1", "m", "m", "", "va\\ l\\,u\\=e=1", false, INT64_C(0)},
	    {"m va\"lue=1,b=2", "m", "m", "", "va\"lue=1,b=2", false, INT64_C(0)},
	    {"\"m\" v=\"a\\\"b \\\\\" 1", "\"m\"", "\"m\"", "", "v=\"a\\\"b \\\\\"", true, INT64_C(1)},
	    {"m,t=# value=1", "m,t=#", "m", "t=#", "value=1", false, INT64_C(0)},
	    {"m=x value=1", "m=x", "m=x", "", "value=1", false, INT64_C(0)},
	    {"time value=1", "time", "time", "", "value=1", false, INT64_C(0)},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_lp_line line;
		size_t column = 0;
		const char *reason = "";
		enum pl_err err = pl_lp_parse(pl_str_of(cases[i].line), &line, &column, &reason);
		if (err != PL_OK)
			fail_msg("%s: column %zu: %s", cases[i].line, column, reason);
		assert_true(pl_str_is(line.series, cases[i].series));
		assert_true(pl_str_is(line.measurement, cases[i].measurement));
		assert_true(pl_str_is(line.tags, cases[i].tags));
		assert_true(pl_str_is(line.fields, cases[i].fields));
		assert_int_equal(line.has_time, cases[i].has_time);
		assert_true(line.time_ns == cases[i].time_ns);
	}
}

static void refuses_lines(void **state)
{
	(void)state;
	static const struct {
		struct pl_str line;
		size_t column;
		const char *reason;
	} cases[] = {
	    {PL_STR(""), 1, "empty line"},
	    {PL_STR(" "), 2, "empty line"},
	    {PL_STR("#c value=1"), 1, "a comment, not a point"},
	    {PL_STR(",a=b value=1"), 1, "missing measurement"},
	    {PL_STR("m"), 2, "missing fields"},
	    {PL_STR("m "), 3, "missing fields"},
	    {PL_STR("m,"), 3, "missing tag key"},
	    {PL_STR("m,a"), 4, "missing tag value"},
	    {PL_STR("m,a="), 5, "missing tag value"},
	    {PL_STR("m,a=b"), 6, "missing fields"},
	    {PL_STR("m,a=b "), 7, "missing fields"},
	    {PL_STR("m,a= value=1"), 5, "missing tag value"},
	    {PL_STR("m,=a value=1"), 3, "missing tag key"},
	    {PL_STR("m,a=b,c value=1"), 8, "missing tag value"},
	    {PL_STR("m,a=b, c=1"), 7, "missing tag key"},
	    {PL_STR("m,a=b=c value=1"), 6, "= in a tag value needs a backslash"},
	    {PL_STR("m,a==c value=1"), 5, "= in a tag value needs a backslash"},
	    {PL_STR("m,a=1,a=2 value=1"), 2, "duplicate tags"},
	    {PL_STR("m,b=1,a=2,b=3 value=1"), 2, "duplicate tags"},
	    {PL_STR("m,time=1 value=1"), 3, "a tag must not be named time"},
	    {PL_STR("m,t=a\\ value=1 1000"), 13, "= in a tag value needs a backslash"},
	    {PL_STR("m\\ value=1 1000"), 16, "missing field value"},
	    {PL_STR("m value"), 8, "missing field value"},
	    {PL_STR("m value 1000"), 8, "missing field value"},
	    {PL_STR("m =1"), 3, "missing field key"},
	    {PL_STR("m value="), 9, "missing field value"},
	    {PL_STR("m value= 1"), 9, "missing field value"},
	    {PL_STR("m value=1,b"), 12, "missing field value"},
	    {PL_STR("m value=1,"), 11, "missing field key"},
	    {PL_STR("m value=1, b=2"), 11, "missing field key"},
	    {PL_STR("m value=1,,b=2"), 11, "missing field key"},
	    {PL_STR("m ,value=1"), 3, "missing field key"},
	    {PL_STR("m value=+1"), 9, "field value is no number, boolean or string"},
	    {PL_STR("m value=NaN"), 9, "field value is no number, boolean or string"},
	    {PL_STR("m value=1=2"), 9, "field value is no number, boolean or string"},
	    {PL_STR("m value=\"a"), 9, "string without its closing quote"},
	    {PL_STR("m value=\"a\"b"), 12, "text behind the closing quote"},
	    {PL_STR("m time=1"), 3, "a field must not be named time"},
	    {PL_STR("m v\\=1"), 7, "missing field value"},
	    {PL_STR("m v\\\\=1"), 6, "backslash before an escaped character"},
	    {PL_STR("m value=1 1.5"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m value=1 +5"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m value=1 1e3"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m value=1 -"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m value=1 9223372036854775807"), 11, "time is out of range"},
	    {PL_STR("m value=1 -9223372036854775807"), 11, "time is out of range"},
	    {PL_STR("m value=1 9223372036854775808"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m value=1 1000 x"), 16, "text behind the time"},
	    {PL_STR("m value=1\r"), 9, "field value is no number, boolean or string"},
	    {PL_STR("m value=1 1000\r"), 11, "time is no integer of 64 bits"},
	    {PL_STR("m\tvalue=1\t1000"), 15, "missing fields"},
	    {PL_STR("m,t=x\\\\ \\\\=\"x value=1"), 8, "backslash before an escaped character"},
	    {PL_STR("m,t=a\nb value=1"), 6, "line break in a name"},
	    {PL_STR("\xff value=1"), 1, "measurement is not UTF-8"},
	    {PL_STR("m \xff=1"), 3, "field key is not UTF-8"},
	    {PL_STR("m,\0=1 value=1"), 3, "missing tag key"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_lp_line line;
		size_t column = 0;
		const char *reason = "";
		if (pl_lp_parse(cases[i].line, &line, &column, &reason) != PL_EPARSE)
			fail_msg("taken: %.*s", (int)cases[i].line.n, cases[i].line.p);
		if (column != cases[i].column || strcmp(reason, cases[i].reason) != 0)
			fail_msg("%.*s: column %zu: %s", (int)cases[i].line.n, cases[i].line.p, column, reason);
	}
}

static void bounds_the_series_key_and_the_tags(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	struct pl_lp_line line;
	size_t column;
	const char *reason;
	for (size_t n = 65526; n <= 65527; n++) {
		pl_buf_clear(&b);
		pl_buf_add_cstr(&b, "m,t=");
		memset(pl_buf_reserve(&b, n), 'a', n);
		b.n = n;
		pl_buf_add_cstr(&b, " value=1");
		assert_int_equal(pl_lp_parse(pl_buf_str(&b), &line, &column, &reason), n == 65526 ? PL_OK : PL_EPARSE);
	}
	assert_string_equal(reason, "series key too long");
	for (size_t tags = 512; tags <= 513; tags++) {
		pl_buf_clear(&b);
		pl_buf_add_char(&b, 'm');
		for (size_t i = 0; i < tags; i++)
			pl_buf_addf(&b, ",t%zu=v", 1000 - i);
		pl_buf_add_cstr(&b, " value=1");
		assert_int_equal(pl_lp_parse(pl_buf_str(&b), &line, &column, &reason), tags == 512 ? PL_OK : PL_EPARSE);
	}
	assert_string_equal(reason, "more than 512 tags");
	pl_buf_finish(&b);
}

static void walks_tags_and_fields(void **state)
{
	(void)state;
	struct pl_str rest = PL_STR("a=\"x,b\\=\\ 1=y\",c=z"), key, value;
	static const char *const tags[][2] = {{"a", "\"x"}, {"b\\=\\ 1", "y\""}, {"c", "z"}};
	for (size_t i = 0; i < PL_COUNT_OF(tags); i++) {
		assert_true(pl_lp_next_pair(&rest, &key, &value));
		assert_true(pl_str_is(key, tags[i][0]) && pl_str_is(value, tags[i][1]));
	}
	assert_false(pl_lp_next_pair(&rest, &key, &value));

	rest = PL_STR("a=\"x,b=y\\\",\",b\\,=1i,c=\"\"");
	static const char *const fields[][2] = {{"a", "\"x,b=y\\\",\""}, {"b\\,", "1i"}, {"c", "\"\""}};
	for (size_t i = 0; i < PL_COUNT_OF(fields); i++) {
		assert_true(pl_lp_next_field(&rest, &key, &value));
		assert_true(pl_str_is(key, fields[i][0]) && pl_str_is(value, fields[i][1]));
	}
	assert_false(pl_lp_next_field(&rest, &key, &value));
	rest = (struct pl_str){NULL, 0};
	assert_false(pl_lp_next_pair(&rest, &key, &value));
	assert_false(pl_lp_next_field(&rest, &key, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_values),
	    cmocka_unit_test(refuses_values),
	    cmocka_unit_test(takes_lines),
	    cmocka_unit_test(refuses_lines),
	    cmocka_unit_test(bounds_the_series_key_and_the_tags),
	    cmocka_unit_test(walks_tags_and_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
