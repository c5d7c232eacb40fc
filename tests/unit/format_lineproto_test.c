#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/lineproto.h"

/* What is written for a name as measurement, key and tag value. InfluxDB 1.6.7 was seen to read each of these back as the name
 * with the replacements made. */
static void escapes(void **state)
{
	(void)state;
	static const struct {
		struct pl_str s;
		const char *measurement, *key, *value;
	} cases[] = {
	    {PL_STR("node_cpu_seconds_total"), "node_cpu_seconds_total", "node_cpu_seconds_total", "node_cpu_seconds_total"},
	    {PL_STR(""), "_", "_", ""},
	    {PL_STR("a"), "a", "a", "a"},
	    {PL_STR("a,b c=d"), "a\\,b\\ c=d", "a\\,b\\ c\\=d", "a\\,b\\ c\\=d"},
	    {PL_STR(","), "\\,", "\\,", "\\,"},
	    {PL_STR("="), "=", "\\=", "\\="},
	    {PL_STR(" "), "\\ ", "\\ ", "\\ "},
	    {PL_STR("\""), "\"", "\"", "\""},
	    {PL_STR("#"), "_", "#", "#"},
	    {PL_STR("#long enough for lanes"), "_long\\ enough\\ for\\ lanes", "#long\\ enough\\ for\\ lanes",
	     "#long\\ enough\\ for\\ lanes"},
	    {PL_STR("#nothing_else_to_escape"), "_nothing_else_to_escape", "#nothing_else_to_escape", "#nothing_else_to_escape"},
	    {PL_STR("a#"), "a#", "a#", "a#"},
	    {PL_STR("\\"), "_", "_", "_"},
	    {PL_STR("C:\\"), "C:_", "C:_", "C:_"},
	    {PL_STR("C:\\\\"), "C:\\_", "C:\\_", "C:\\_"},
	    {PL_STR("C:\\dir"), "C:\\dir", "C:\\dir", "C:\\dir"},
	    {PL_STR("\\\\host\\n"), "\\\\host\\n", "\\\\host\\n", "\\\\host\\n"},
	    {PL_STR("a\\ b"), "a_\\ b", "a_\\ b", "a_\\ b"},
	    {PL_STR("a\\\\ b"), "a\\_\\ b", "a\\_\\ b", "a\\_\\ b"},
	    {PL_STR("a\\,b"), "a_\\,b", "a\\\\,b", "a\\\\,b"},
	    {PL_STR("a\\=b"), "a_=b", "a\\\\=b", "a\\\\=b"},
	    {PL_STR("a\\\"b"), "a_\"b", "a\\\"b", "a\\\"b"},
	    {PL_STR("a\nb value=1 1\n"), "a_b\\ value=1\\ 1_", "a_b\\ value\\=1\\ 1_", "a_b\\ value\\=1\\ 1_"},
	    {PL_STR("\t\r\0\x1f\x7f"), "_____", "_____", "_____"},
	    {PL_STR("caf\xc3\xa9 \xf0\x9f\x98\x80"), "caf\xc3\xa9\\ \xf0\x9f\x98\x80", "caf\xc3\xa9\\ \xf0\x9f\x98\x80",
	     "caf\xc3\xa9\\ \xf0\x9f\x98\x80"},
	    {PL_STR("\xff"
		    "a\xc3"),
	     "_a_", "_a_", "_a_"},
	    {PL_STR("\xe2\x80\xa8"), "\xe2\x80\xa8", "\xe2\x80\xa8", "\xe2\x80\xa8"},
	    {PL_STR("\\\xff"), "\\_", "\\_", "\\_"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_lp_add_measurement(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].measurement);
		pl_buf_clear(&b);
		pl_lp_add_key(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].key);
		pl_buf_clear(&b);
		pl_lp_add_tag_value(&b, cases[i].s);
		assert_string_equal(pl_buf_cstr(&b), cases[i].value);
	}
	pl_buf_finish(&b);
}

/* Each special byte at each place of texts of each length: the short, the middle and the long way of copying agree. */
static void escapes_at_every_place(void **state)
{
	(void)state;
	static const char specials[] = {',', ' ', '=', '\\', '\n', '\0', 0x7F, '\x80', '\xff', '"', '~', '!', ':'};
	for (size_t n = 1; n <= 67; n++)
		for (size_t at = 0; at < n; at++)
			for (size_t k = 0; k < sizeof specials; k++) {
				char *text = pl_alloc(n); /* on the heap: the sanitizer sees a byte too much */
				struct pl_buf b = {0}, want = {0};
				memset(text, 'a', n);
				text[at] = specials[k];
				pl_lp_add_tag_value(&b, (struct pl_str){text, n});
				pl_buf_add(&want, text, at);
				if (specials[k] == ',' || specials[k] == ' ' || specials[k] == '=')
					pl_buf_add_char(&want, '\\');
				bool replaced = (unsigned char)specials[k] < ' ' || (unsigned char)specials[k] >= 0x7F ||
						(specials[k] == '\\' && at == n - 1);
				pl_buf_add_char(&want, replaced ? '_' : specials[k]);
				pl_buf_add(&want, text + at + 1, n - at - 1);
				assert_true(pl_str_eq(pl_buf_str(&b), pl_buf_str(&want)));
				pl_buf_finish(&b);
				pl_buf_finish(&want);
				free(text);
			}
}

static void adds_tags(void **state)
{
	(void)state;
	static const struct {
		struct pl_label v[4];
		size_t n;
		const char *tags;
	} cases[] = {
	    {{{{NULL, 0}, {NULL, 0}}}, 0, ""},
	    {{{PL_STR("a"), PL_STR("1")}, {PL_STR("b"), PL_STR("")}, {PL_STR("c"), PL_STR("x y")}}, 3, ",a=1,c=x\\ y"},
	    {{{PL_STR("time"), PL_STR("now")}}, 1, ",time_=now"},
	    {{{PL_STR("time"), PL_STR("")}}, 1, ""},
	    {{{PL_STR("time"), PL_STR("a")}, {PL_STR("time_"), PL_STR("b")}}, 2, ",time__=a,time_=b"},
	    {{{PL_STR("time"), PL_STR("a")}, {PL_STR("time_"), PL_STR("")}}, 2, ",time_=a"},
	    {{{PL_STR("time"), PL_STR("a")}, {PL_STR("time_"), PL_STR("b")}, {PL_STR("time__"), PL_STR("c")}},
	     3,
	     ",time___=a,time_=b,time__=c"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_lp_add_tags(&b, (struct pl_labels){cases[i].v, cases[i].n});
		assert_string_equal(pl_buf_cstr(&b), cases[i].tags);
	}
	pl_buf_finish(&b);
}

static void unescapes(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"", ""},
	    {"abc", "abc"},
	    {"a\\,b\\ c\\=d", "a,b c=d"},
	    {"a\\nb", "a\\nb"},
	    {"a\\\\b", "a\\\\b"},
	    {"a\\\\,b", "a\\,b"},
	    {"a\\\"b", "a\\\"b"},
	    {"tail\\", "tail\\"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_lp_unescape(&b, pl_str_of(cases[i][0]));
		assert_string_equal(pl_buf_cstr(&b), cases[i][1]);
	}
	pl_buf_finish(&b);
}

static void fits_as_the_server_counts(void **state)
{
	(void)state;
	assert_true(pl_lp_key_fits(65526, 5));
	assert_false(pl_lp_key_fits(65527, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escapes),   cmocka_unit_test(escapes_at_every_place),    cmocka_unit_test(adds_tags),
	    cmocka_unit_test(unescapes), cmocka_unit_test(fits_as_the_server_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
