#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exposition_dump.h"

#define TEXT PL_EXPOSITION_TEXT
#define OM   PL_EXPOSITION_OPENMETRICS

struct page {
	enum pl_exposition_format format;
	const char *text;
	const char *dump; /* samples, then the error if any */
};

static const struct page pages[] = {
    /* text 0.0.4: samples */
    {TEXT, "", ""},
    {TEXT, "\n \t\n", ""},
    {TEXT, "a 1\n", "1 a{} 1\n"},
    {TEXT, "a{} 1\nb{ } 2\n", "1 a{} 1\n2 b{} 2\n"},
    {TEXT, "a{b=\"c\"}1\n", "1 a{b=c} 1\n"},
    {TEXT, " \ta\t { b = \"c\" , d=\"\", }\t-5.25e-3 \t1234 \n", "1 a{b=c|d=} -5.25e-3 @1234000000\n"},
    {TEXT, "a:b_C9 1\n:x 2\n_y 3\n", "1 a:b_C9{} 1\n2 :x{} 2\n3 _y{} 3\n"},
    {TEXT, "a{b=\"\\\"\\\\\\n\\z\",c=\"} 1 # {\"} 1\n", "1 a{b=\\\"\\\\\\n\\z!|c=} 1 # {} 1\n"},
    {TEXT, "a{b=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x88 long enough for words\"} 1\n",
     "1 a{b=\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x88 long enough for words} 1\n"},
    {TEXT, "a{b=\"12345678\\\\\",c=\"1234567\\\"\"} 1\n", "1 a{b=12345678\\\\!|c=1234567\\\"!} 1\n"},
    {TEXT, "a NaN\na nan\na +Inf\na -Inf\na inf\na -infinity\n",
     "1 a{} NaN(nan)\n2 a{} nan(nan)\n3 a{} +Inf(+)\n4 a{} -Inf(-)\n5 a{} inf(+)\n6 a{} -infinity(-)\n"},
    {TEXT, "a +5\na .5\na 5.\na 1E5\na 1e999\n", "1 a{} +5(5)\n2 a{} .5(0.5)\n3 a{} 5.(5)\n4 a{} 1E5(100000)\n5 a{} 1e999(+)\n"},
    {TEXT, "a 1 -5\na 1 +5\na 1 9223372036854775807\na 1 -9223372036854775808\n",
     "1 a{} 1 @-5000000\n2 a{} 1 @5000000\n3 a{} 1 @9223372036854775807\n4 a{} 1 @-9223372036854775808\n"},
    /* names that differ from the line before in every way */
    {TEXT,
     "abcdefgh_1{x=\"1\",yy=\"2\"} 1\nabcdefgh_1{x=\"1\",yy=\"2\"} 2\nabcdefgh_12{x=\"1\",yyy=\"2\"} "
     "3\nabcdefgh_{y=\"1\",x=\"2\"} 4\n"
     "abcdefgi_1{y=\"1\"} 5\nabcdefgi_1{y=\"1\",x=\"2\",z=\"3\"} 6\nabcdefgi_1 7\nabcdefgi_1{y=\"1\"} 8\n",
     "1 abcdefgh_1{x=1|yy=2} 1\n2 abcdefgh_1{x=1|yy=2} 2\n3 abcdefgh_12{x=1|yyy=2} 3\n4 abcdefgh_{y=1|x=2} 4\n"
     "5 abcdefgi_1{y=1} 5\n6 abcdefgi_1{y=1|x=2|z=3} 6\n7 abcdefgi_1{} 7\n8 abcdefgi_1{y=1} 8\n"},
    /* text 0.0.4: comments and types */
    {TEXT, "#\n#x\n# HELPX a\n# HELP\n#HELP 5\n# UNIT 5\n\t# EOF\na 1\n", "8 a{} 1\n"},
    {TEXT, "# HELP a\n# HELP a  b \\n \xc3\xa4\n#\t TYPE\ta  counter\na 1\nb 1\na 2\n",
     "4 a{} 1 counter\n5 b{} 1\n6 a{} 2 counter\n"},
    {TEXT,
     "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\na 1\na_total 1\n# TYPE a_sum gauge\na_sum 1\na_count 1\n",
     "2 a_bucket{le=1} 1 histogram\n3 a_sum{} 1 histogram\n4 a_count{} 1 histogram\n5 a{} 1\n6 a_total{} 1\n8 a_sum{} 1 gauge\n"
     "9 a_count{} 1\n"},
    {TEXT, "# TYPE a summary\na 1\na_sum 1\na_count 1\na_bucket 1\n# TYPE a untyped\na 1\n",
     "2 a{} 1 summary\n3 a_sum{} 1 summary\n4 a_count{} 1 summary\n5 a_bucket{} 1\n7 a{} 1\n"},
    /* text 0.0.4: errors */
    {TEXT, "a 1\nfoo 12", "1 a{} 1\n2:7: the page ends in the middle of a line: expected a newline"},
    {TEXT, "# HELP", "1:7: the page ends in the middle of a line: expected a newline"},
    {TEXT, "a 1\n1a 1\nb 1\n", "1 a{} 1\n2:1: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found `1a`"},
    {TEXT, "a\n", "1:2: expected `{` or a space and a value behind the metric's name, found the end of the line"},
    {TEXT, "a.b 1\n", "1:2: expected `{` or a space and a value behind the metric's name, found `.b`"},
    {TEXT, "a+1\n", "1:2: expected `{` or a space and a value behind the metric's name, found `+1`"},
    {TEXT, "a \n", "1:3: expected a value (decimal number, NaN or Inf), found the end of the line"},
    {TEXT, "a 0x1p3\n", "1:3: expected a value (decimal number, NaN or Inf), found `0x1p3`"},
    {TEXT, "a 1_0\n", "1:3: expected a value (decimal number, NaN or Inf), found `1_0`"},
    {TEXT, "a x\xff\x01\n", "1:3: expected a value (decimal number, NaN or Inf), found `x\\xFF\\x01`"},
    {TEXT, "a 1\r\n",
     "1:3: expected a value (decimal number, NaN or Inf), found `1` and a carriage return (lines end with a newline alone)"},
    {TEXT, "\r\n",
     "1:1: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found a carriage return (lines end with a newline alone)"},
    {TEXT, "a 1 x\n", "1:5: expected a timestamp in whole milliseconds (64-bit) or the end of the line, found `x`"},
    {TEXT, "a 1 1.5\n", "1:5: expected a timestamp in whole milliseconds (64-bit) or the end of the line, found `1.5`"},
    {TEXT, "a 1 9223372036854775808\n",
     "1:5: expected a timestamp in whole milliseconds (64-bit) or the end of the line, found `9223372036854775808`"},
    {TEXT, "a 1 1 1\n", "1:7: expected the end of the line behind the timestamp, found `1`"},
    {TEXT, "a{b=\"c\" 1\n", "1:9: expected `,` or `}` behind a label, found `1`"},
    {TEXT, "a{b=\"c\" d=\"e\"} 1\n", "1:9: expected `,` or `}` behind a label, found `d=\"e\"}`"},
    {TEXT, "a{b=\"c\",,} 1\n", "1:9: expected a label name [a-zA-Z_][a-zA-Z0-9_]*, found `,}`"},
    {TEXT, "a{,} 1\n", "1:3: expected a label name [a-zA-Z_][a-zA-Z0-9_]*, found `,}`"},
    {TEXT, "a{b:c=\"\"} 1\n", "1:4: expected `=` behind the label's name, found `:c=\"\"}`"},
    {TEXT, "a{b} 1\n", "1:4: expected `=` behind the label's name, found `}`"},
    {TEXT, "a{b=c} 1\n", "1:5: expected a label value in double quotes, found `c}`"},
    {TEXT, "a{b=\"c} 1\n", "1:5: this label value has no closing `\"` before the end of the line"},
    {TEXT, "a{b=\"c\\\n\"} 1\n", "1:5: this label value has no closing `\"` before the end of the line"},
    {TEXT, "a{b=\"c\\\"} 1\n", "1:5: this label value has no closing `\"` before the end of the line"},
    {TEXT, "a{b=\"ok\"} 1\na{b=\"\xff\"} 1\n", "1 a{b=ok} 1\n2:6: this label value is not valid UTF-8"},
    {TEXT, "a{b=\"\\\x80\"} 1\n", "1:6: this label value is not valid UTF-8"},
    {TEXT, "a{b=\"1\",c=\"2\",b=\"3\"} 1\n", "1:15: the label `b` is given twice"},
    {TEXT, "a{b=\"1\",c=\"2\"} 1\na{b=\"1\",c=\"2\",b=\"3\"} 1\n", "1 a{b=1|c=2} 1\n2:15: the label `b` is given twice"},
    {TEXT, "a{c=\"1\",b=\"2\"} 1\na{b=\"1\",b=\"3\"} 1\n", "1 a{c=1|b=2} 1\n2:9: the label `b` is given twice"},
    {TEXT, "{b=\"c\"} 1\n", "1:1: expected a metric name before `{`; names in quotes are not supported"},
    {TEXT, "a{\"b\"=\"c\"} 1\n", "1:3: quoted names are not supported: expected a label name [a-zA-Z_][a-zA-Z0-9_]*"},
    {TEXT, "# TYPE a meter\n", "1:10: expected one of counter, gauge, histogram, summary, untyped, found `meter`"},
    {TEXT, "# TYPE a\n", "1:9: expected one of counter, gauge, histogram, summary, untyped, found the end of the line"},
    {TEXT, "# TYPE a gauge \n", "1:15: expected the end of the line behind the type, found a space"},
    {TEXT, "# TYPE 1 gauge\n", "1:8: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found `1`"},
    {TEXT, "# HELP \n", "1:8: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found the end of the line"},
    {TEXT, "# HELP a \xc3\n", "1:10: this text is not valid UTF-8"},
    {TEXT, "a 1 # {} 1\n", "1:5: expected a timestamp in whole milliseconds (64-bit) or the end of the line, found `#`"},
    /* OpenMetrics: samples */
    {OM, "# EOF\n", ""},
    {OM, "# EOF", ""},
    {OM, "a 1\nb{} 2\nc{d=\"e\",f=\"g\"} 3\n# EOF\n", "1 a{} 1\n2 b{} 2\n3 c{d=e|f=g} 3\n"},
    {OM, "a 1 1.5\na 1 -0.000000001\na 1 1e3\na 1 12345678901234567890.5\n# EOF\n",
     "1 a{} 1 @1500000000\n2 a{} 1 @-1\n3 a{} 1 @1000000000000\n4 a{} 1 @9223372036854775807\n"},
    {OM, "# TYPE a counter\n# UNIT a \n# HELP a x\na_total 1 # {b=\"c\"} 0.5\na_total{d=\"e\"} 1 2 # {} 1 3.5\na 1\n# EOF\n",
     "4 a_total{} 1 counter\n5 a_total{d=e} 1 @2000000000 counter\n6 a{} 1\n"},
    {OM, "a{b=\"1\",c=\"2\"} 1\na{b=\"1\"} 1 # {c=\"3\",b=\"4\"} 1\na{b=\"5\",c=\"6\"} 2\n# EOF\n",
     "1 a{b=1|c=2} 1\n2 a{b=1} 1\n3 a{b=5|c=6} 2\n"},
    {OM,
     "# TYPE a info\na_info 1\n# TYPE b stateset\nb{b=\"x\"} 1\n# TYPE c gaugehistogram\nc_gsum 1\n# TYPE d unknown\nd 1\n# "
     "EOF\n",
     "2 a_info{} 1 info\n4 b{b=x} 1 stateset\n6 c_gsum{} 1 gaugehistogram\n8 d{} 1\n"},
    /* OpenMetrics: errors */
    {OM, "", "1:1: the page ends without `# EOF`: it may have been cut"},
    {OM, "a 1\n", "1 a{} 1\n2:1: the page ends without `# EOF`: it may have been cut"},
    {OM, "a 1\n# EO", "1 a{} 1\n2:5: the page ends in the middle of a line: expected a newline"},
    {OM, "# EOF\n\n", "2:1: expected nothing behind `# EOF`"},
    {OM, "# EOF\na", "2:1: expected nothing behind `# EOF`"},
    {OM, "# EOF \n", "1:3: expected HELP, TYPE, UNIT or EOF (OpenMetrics has no other comments), found `EOF`"},
    {OM, "\n# EOF\n", "1:1: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found the end of the line"},
    {OM, " a 1\n", "1:1: expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*, found a space"},
    {OM, "#x\n", "1:2: expected a space behind `#`, found `x`"},
    {OM, "a  1\n", "1:3: expected a value (decimal number, NaN or Inf), found a space"},
    {OM, "a\t1\n", "1:2: expected `{` or a space and a value behind the metric's name, found a tab"},
    {OM, "a 1\t\n", "1:4: expected the end of the line or one space, found a tab"},
    {OM, "a 1 \n", "1:5: expected a timestamp in seconds or an exemplar behind the value, found the end of the line"},
    {OM, "a{b=\"c\"}1\n", "1:9: expected a space and a value behind the labels, found `1`"},
    {OM, "a{b=\"c\",} 1\n", "1:9: expected a label behind `,`, found `}`"},
    {OM, "a{ b=\"c\"} 1\n", "1:3: expected a label name [a-zA-Z_][a-zA-Z0-9_]*, found a space"},
    {OM, "a 1 NaN\n", "1:5: expected a timestamp in seconds or an exemplar behind the value, found `NaN`"},
    {OM, "a 1 #\n", "1:6: expected ` {` behind the `#` of an exemplar, found the end of the line"},
    {OM, "a 1 # {b=\"1\",b=\"2\"} 1\n", "1:14: the label `b` is given twice"},
    {OM, "a 1 # {}\n", "1:9: expected a space and the exemplar's value, found the end of the line"},
    {OM, "a 1 # {} x\n", "1:10: expected a value (decimal number, NaN or Inf), found `x`"},
    {OM, "a 1 # {} 1 Inf\n", "1:12: expected the exemplar's timestamp in seconds, found `Inf`"},
    {OM, "a 1 # {} 1 1 1\n", "1:13: expected the end of the line behind an exemplar, found a space"},
    {OM, "# TYPE a untyped\n",
     "1:10: expected one of counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown, found `untyped`"},
    {OM, "# HELP a\n", "1:9: expected a space behind the metric's name, found the end of the line"},
    {OM, "# HELP\n", "1:7: expected a space behind the keyword, found the end of the line"},
};

/* Reads the page in pieces that end behind `first` bytes, `second` more, and then the rest. */
static void read_split(struct pl_exposition *e, const struct page *page, size_t first, size_t second, struct pl_buf *out)
{
	size_t n = strlen(page->text);
	size_t ends[] = {first, first + second, n};
	pl_buf_clear(out);
	pl_exposition_reset(e, page->format, exposition_dump_sample, out);
	for (size_t at = 0, i = 0; i < PL_COUNT_OF(ends); at = ends[i++])
		if (exposition_dump_feed(e, page->text + at, ends[i] - at) != PL_OK)
			break;
	exposition_dump_end(e, out);
}

static void reads_pages(void **state)
{
	(void)state;
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(pages); i++) {
		struct pl_exposition *e =
		    pl_exposition_create(pages[i].format, (struct pl_exposition_limits){0}, exposition_dump_sample, &out);
		read_split(e, &pages[i], strlen(pages[i].text), 0, &out);
		assert_string_equal(pl_buf_cstr(&out), pages[i].dump);
		pl_exposition_destroy(e);
	}
	pl_buf_finish(&out);
}

static void reads_the_same_however_split(void **state)
{
	(void)state;
	struct pl_buf out = {0};
	struct pl_exposition *e =
	    pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, exposition_dump_sample, &out);
	for (size_t i = 0; i < PL_COUNT_OF(pages); i++) {
		size_t n = strlen(pages[i].text);
		for (size_t first = 0; first <= n; first++)
			for (size_t second = 0; second <= (n - first < 3 ? n - first : 3); second++) {
				read_split(e, &pages[i], first, second, &out);
				assert_string_equal(pl_buf_cstr(&out), pages[i].dump);
			}
	}
	pl_exposition_destroy(e);
	pl_buf_finish(&out);
}

static void reads_byte_by_byte(void **state)
{
	(void)state;
	struct pl_buf out = {0};
	struct pl_exposition *e =
	    pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, exposition_dump_sample, &out);
	for (size_t i = 0; i < PL_COUNT_OF(pages); i++) {
		pl_buf_clear(&out);
		pl_exposition_reset(e, pages[i].format, exposition_dump_sample, &out);
		for (const char *p = pages[i].text; *p != '\0'; p++)
			if (exposition_dump_feed(e, p, 1) != PL_OK)
				break;
		exposition_dump_end(e, &out);
		assert_string_equal(pl_buf_cstr(&out), pages[i].dump);
	}
	pl_exposition_destroy(e);
	pl_buf_finish(&out);
}

static void keeps_limits(void **state)
{
	(void)state;
	static const struct page cases[] = {
	    {TEXT, "abcdefgh 12345 6\na 1\n", "1 abcdefgh{} 12345 @6000000\n2 a{} 1\n"},
	    {TEXT, "abcdefgh 12345 67\na 1\n", "limit 1:17: this line is longer than 16 bytes"},
	    {TEXT, "a 1\n# comments count too\n", "1 a{} 1\nlimit 2:17: this line is longer than 16 bytes"},
	    {TEXT, "a 1\n? so do broken ones\n", "1 a{} 1\nlimit 2:17: this line is longer than 16 bytes"},
	    {TEXT, "a 1\nwithout an end at all", "1 a{} 1\nlimit 2:17: this line is longer than 16 bytes"},
	    {TEXT, "a{b=\"\",c=\"\"} 1\n", "1 a{b=|c=} 1\n"},
	    {TEXT, "a{\nb=\"\"} 1\n", "1:3: expected a label name [a-zA-Z_][a-zA-Z0-9_]*, found the end of the line"},
	};
	struct pl_exposition_limits limits = {.max_line = 16, .max_labels = 2};
	struct pl_buf out = {0};
	struct pl_exposition *e = pl_exposition_create(PL_EXPOSITION_TEXT, limits, exposition_dump_sample, &out);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		for (size_t first = 0; first <= strlen(cases[i].text); first++) {
			read_split(e, &cases[i], first, 0, &out);
			assert_string_equal(pl_buf_cstr(&out), cases[i].dump);
		}
	pl_exposition_destroy(e);

	limits.max_line = 0;
	static const struct page many = {TEXT, "a{b=\"\",c=\"\"} 1\na{b=\"\",c=\"\",d=\"\"} 1\n",
					 "1 a{b=|c=} 1\nlimit 2:13: more than 2 labels in one sample"};
	e = pl_exposition_create(PL_EXPOSITION_TEXT, limits, exposition_dump_sample, &out);
	read_split(e, &many, 0, 0, &out);
	assert_string_equal(pl_buf_cstr(&out), many.dump);
	pl_exposition_destroy(e);
	pl_buf_finish(&out);
}

static void grows_to_many_labels(void **state)
{
	(void)state;
	struct pl_buf page = {0}, out = {0};
	pl_buf_add_cstr(&page, "a{");
	for (int i = 0; i < 128; i++)
		pl_buf_addf(&page, "l%d=\"%d\",", i, i);
	pl_buf_add_cstr(&page, "} 1\n");
	struct pl_exposition *e =
	    pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, exposition_dump_sample, &out);
	for (int i = 0; i < 2; i++)
		assert_int_equal(exposition_dump_feed(e, page.p, page.n), PL_OK);
	assert_int_equal(pl_exposition_end(e), PL_OK);
	assert_non_null(strstr(pl_buf_cstr(&out), "2 a{l0=0|l1=1|"));
	assert_non_null(strstr(pl_buf_cstr(&out), "|l127=127} 1\n"));
	pl_exposition_destroy(e);
	pl_buf_finish(&page);
	pl_buf_finish(&out);
}

static enum pl_err refuse_second(void *data, const struct pl_sample *s)
{
	(void)s;
	int *calls = data;
	return ++*calls == 2 ? PL_EFULL : PL_OK;
}

static void stops_when_the_callback_says_so(void **state)
{
	(void)state;
	int calls = 0;
	struct pl_exposition *e =
	    pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, refuse_second, &calls);
	assert_int_equal(pl_exposition_feed(e, "a 1\nb 2\nc 3\n", 12), PL_EFULL);
	assert_int_equal(pl_exposition_feed(e, "d 4\n", 4), PL_EFULL);
	assert_int_equal(pl_exposition_end(e), PL_EFULL);
	assert_int_equal(calls, 2);
	pl_exposition_reset(e, PL_EXPOSITION_TEXT, refuse_second, &calls);
	assert_int_equal(pl_exposition_feed(e, "a 1\nb 2\nc 3\n", 12), PL_OK);
	assert_int_equal(pl_exposition_end(e), PL_OK);
	assert_int_equal(calls, 5);
	pl_exposition_destroy(e);
}

static void knows_content_types(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		enum pl_err err;
		enum pl_exposition_format format;
	} cases[] = {
	    {"", PL_OK, TEXT},
	    {"text/plain", PL_OK, TEXT},
	    {"text/plain; version=0.0.4; charset=utf-8", PL_OK, TEXT},
	    {" TEXT/Plain ;version=0.0.4", PL_OK, TEXT},
	    {"text/x-anything", PL_OK, TEXT},
	    {"application/openmetrics-text; version=1.0.0; charset=utf-8", PL_OK, OM},
	    {"Application/OpenMetrics-Text", PL_OK, OM},
	    {"text/html", PL_EUNSUPPORTED, TEXT},
	    {"text/html; charset=utf-8", PL_EUNSUPPORTED, TEXT},
	    {"application/json", PL_EUNSUPPORTED, TEXT},
	    {"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", PL_EUNSUPPORTED,
	     TEXT},
	    {"image/png", PL_EUNSUPPORTED, TEXT},
	    {"text", PL_EUNSUPPORTED, TEXT},
	    {"application/a-type-whose-name-is-longer-than-any-that-anybody-would-ever-register", PL_EUNSUPPORTED, TEXT},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		enum pl_exposition_format format = TEXT;
		assert_int_equal(pl_exposition_format_of(pl_str_of(cases[i].type), &format), cases[i].err);
		assert_int_equal(format, cases[i].format);
	}
}

static void unescapes(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"", ""},           {"abc", "abc"},     {"a\\nb", "a\nb"},   {"\\\\n", "\\n"}, {"\\\"", "\""},
	    {"\\z\\", "\\z\\"}, {"\\\\\\", "\\\\"}, {"\\\\\\n", "\\\n"}, {"\\", "\\"},
	};
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&out);
		pl_exposition_unescape(&out, pl_str_of(cases[i][0]));
		assert_string_equal(pl_buf_cstr(&out), cases[i][1]);
	}
	pl_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_pages),          cmocka_unit_test(reads_the_same_however_split),
	    cmocka_unit_test(reads_byte_by_byte),   cmocka_unit_test(keeps_limits),
	    cmocka_unit_test(grows_to_many_labels), cmocka_unit_test(stops_when_the_callback_says_so),
	    cmocka_unit_test(knows_content_types),  cmocka_unit_test(unescapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
