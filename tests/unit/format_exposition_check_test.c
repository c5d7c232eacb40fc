#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/exposition_check.h"

#define TEXT PL_EXPOSITION_TEXT
#define OM   PL_EXPOSITION_OPENMETRICS

/* Checks the page in two pieces; adds `LINE:COLUMN: REASON` or `FAMILIES SAMPLES`. */
static void check(enum pl_exposition_format format, const char *page, size_t n, size_t first, struct pl_buf *out)
{
	struct pl_exposition_check *c = pl_exposition_check_create(format, (struct pl_exposition_limits){0});
	enum pl_err err = pl_exposition_check_feed(c, page, first);
	if (err == PL_OK)
		err = pl_exposition_check_feed(c, page + first, n - first);
	if (err == PL_OK)
		err = pl_exposition_check_end(c);
	const struct pl_exposition_error *e = pl_exposition_check_error(c);
	pl_buf_clear(out);
	if (err == PL_OK)
		pl_buf_addf(out, "%zu %zu", pl_exposition_check_families(c), pl_exposition_check_samples(c));
	else
		pl_buf_addf(out, "%s%zu:%zu: %s", err == PL_ELIMIT ? "limit " : "", e->line, e->column, e->reason);
	pl_exposition_check_destroy(c);
}

struct page {
	const char *text;
	const char *result; /* `FAMILIES SAMPLES`, or how the error begins */
};

static void expect(enum pl_exposition_format format, const struct page *pages, size_t count)
{
	struct pl_buf page = {0}, out = {0};
	for (size_t i = 0; i < count; i++) {
		pl_buf_clear(&page);
		pl_buf_add_cstr(&page, pages[i].text);
		if (format == OM)
			pl_buf_add_cstr(&page, "# EOF\n");
		size_t wanted = strlen(pages[i].result);
		for (size_t first = 0; first <= page.n; first++) {
			check(format, page.p, page.n, first, &out);
			pl_buf_cstr(&out);
			if (pages[i].result[wanted - 1] != ' ')
				assert_string_equal(out.p, pages[i].result);
			else if (strncmp(out.p, pages[i].result, wanted) != 0)
				fail_msg("page:\n%sexpected %s..., found %s", pages[i].text, pages[i].result, out.p);
		}
	}
	pl_buf_finish(&page);
	pl_buf_finish(&out);
}

#define HISTOGRAM "# TYPE h histogram\n"

static void checks_text(void **state)
{
	(void)state;
	static const struct page pages[] = {
	    {"", "0 0"},
	    {"# HELP a x\n# TYPE a counter\na 1\nb{c=\"d\"} NaN\nb{c=\"e\"} -1\n", "2 3"},
	    {"# TYPE a counter\n# comment\n\n# HELP a x\na -1\n", "1 1"},
	    {"a{b=\"c\"} 1 5\na{b=\"d\"} 1 4\n", "1 2"},
	    {HISTOGRAM "h_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum -3\nh_count 2\n", "1 4"},
	    /* the label sets of a family may be mixed */
	    {HISTOGRAM "h_bucket{x=\"1\",le=\"1\"} 1\nh_bucket{x=\"2\",le=\"1\"} 1\nh_bucket{x=\"1\",le=\"+Inf\"} 2\n"
		       "h_bucket{le=\"+Inf\",x=\"2\"} 3\nh_count{x=\"2\"} 3\nh_count{x=\"1\"} 2\n",
	     "1 6"},
	    {"# TYPE s summary\ns{quantile=\"0.5\"} -1\ns{quantile=\"0.9\"} NaN\ns_sum NaN\ns_count 0\n", "1 4"},
	    {"# TYPE a counter\na 1\n# TYPE a_total counter\na_total 1\n# TYPE a_created gauge\na_created 1\n", "3 3"},
	    /* metadata */
	    {"# HELP a x\n# HELP a y\n", "2:8: a second HELP line for `a`: the first is line 1"},
	    {"# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n", "3:8: a second TYPE line for `a`: the first is line 1"},
	    {"a 1\n# TYPE a gauge\n", "2:8: the TYPE line of `a` must stand before its samples, which begin on line 1"},
	    {"a 1\n# HELP a x\n", "2:8: the HELP line of `a` must stand before its samples, which begin on line 1"},
	    {"# HELP a x\n# HELP b x\n# TYPE a gauge\n", "3:8: `a` belongs to a family of line 1: "},
	    {"# TYPE a unknown\n", "1:10: expected one of "},
	    /* families */
	    {"a 1\nb 1\na{c=\"d\"} 1\n", "3:1: `a` belongs to a family of line 1: a family's lines stand together"},
	    {HISTOGRAM "# TYPE h_count gauge\n", "2:8: `h_count` belongs to a family of line 1: "},
	    {"h_sum 1\n" HISTOGRAM, "2:8: `h_sum` belongs to a family of line 1: "},
	    {HISTOGRAM "h 1\n", "2:1: `h` is of type histogram: its samples are named `h_bucket` and so on"},
	    /* series */
	    {"a 1\na 1\n", "2:1: this series was given before, on line 1"},
	    {"a 1 1\na 1 2\n", "2:1: this series was given before, on line 1"},
	    {"a{b=\"\\n\",c=\"d\"} 1\na{b=\"n\",c=\"d\"} 1\na{c=\"d\",b=\"\\n\"} 2\n",
	     "3:1: this series was given before, on line 1"},
	    {"a{b=\"\"} 1\na 1\n", "2:1: this series was given before, on line 1"},
	    {"a{b=\"c\"} 1\na{b=\"c\",d=\"\"} 1\n", "2:1: this series was given before, on line 1"},
	    /* values */
	    {"a 1e999\n", "1:3: 1e999 is beyond the largest double, 1.8e308"},
	    {"a -1e999\n", "1:3: -1e999 is beyond the largest double, 1.8e308"},
	    /* histograms and summaries */
	    {HISTOGRAM "h_bucket{le=\"1\"} 1\nh_count 1\nb 1\n",
	     "3:1: this histogram of `h` ends without a bucket of le=\"+Inf\""},
	    {HISTOGRAM "h_bucket{x=\"1\",le=\"1\"} 1\nh_bucket{x=\"2\",le=\"+Inf\"} 1\n",
	     "2:1: this histogram of `h` ends without a bucket of le=\"+Inf\""},
	    {HISTOGRAM "h_bucket 1\n", "2:1: a bucket needs the label `le` with its upper bound"},
	    {HISTOGRAM "h_bucket{le=\"x\"} 1\n", "2:14: expected a number as upper bound in `le`, found `x`"},
	    {HISTOGRAM "h_bucket{le=\"inf\"} 1\n", "2:14: the last bucket's bound is written `+Inf`, found `inf`"},
	    {HISTOGRAM "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\n",
	     "3:14: buckets stand in rising order of `le`: `1` is behind 2"},
	    {HISTOGRAM "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n", "3:21: buckets add up: expected 2 or more "},
	    {HISTOGRAM "h_bucket{le=\"+Inf\"} -1\n", "2:21: `h_bucket` counts: expected a value of 0 or more, found -1"},
	    {HISTOGRAM "h_bucket{le=\"+Inf\"} 2\nh_count 1\n",
	     "3:1: `h_count` is 1, but its le=\"+Inf\" bucket is 2: they must be equal"},
	    {"# TYPE s summary\ns 1\n", "2:1: a summary's `s` needs the label `quantile`"},
	    {"# TYPE s summary\ns{quantile=\"2\"} 1\n", "2:13: expected a quantile from 0 to 1, found `2`"},
	    {"# TYPE s summary\ns{quantile=\"0.9\"} 1\ns{quantile=\"0.5\"} 1\n",
	     "3:13: quantiles stand in rising order: `0.5` is behind 0.9"},
	};
	expect(TEXT, pages, PL_COUNT_OF(pages));
}

static void accepts_openmetrics(void **state)
{
	(void)state;
	static const struct page pages[] = {
	    {"", "0 0"},
	    {"b 1\n# HELP a \n# UNIT a \n", "2 1"},
	    {"# TYPE r_bytes counter\n# UNIT r_bytes bytes\nr_bytes_total 5\nr_bytes_created 1.5\n", "1 2"},
	    {"# UNIT r_bytes bytes\nr_bytes 5\n", "1 1"},
	    {"# TYPE c counter\nc_total{x=\"1\"} 1 2 # {id=\"y\"} 0.5 1\nc_total{x=\"1\"} 1 2\nc_total{x=\"1\"} 1 "
	     "3\nc_total{x=\"2\"} 1\n",
	     "1 4"},
	    {HISTOGRAM "h_bucket{le=\"1\"} 1 # {t=\"x\"} 0.5\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\nh_created 5\n", "1 5"},
	    {HISTOGRAM
	     "h_bucket{le=\"1\"} 1 10\nh_bucket{le=\"+Inf\"} 2 10\nh_bucket{le=\"1\"} 0 20\nh_bucket{le=\"+Inf\"} 1 20\n",
	     "1 4"},
	    {HISTOGRAM "h_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 1\n", "1 2"},
	    {"# TYPE g gaugehistogram\ng_bucket{le=\"-1\"} 1\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\ng_gsum -9\n", "1 4"},
	    {"# TYPE s summary\ns{quantile=\"1\"} NaN\ns{quantile=\"0\"} 1\ns_sum 1\ns_count 1\n", "1 4"},
	    {"# TYPE i info\ni_info{v=\"1\"} 1\ni_info{v=\"2\"} 1.0\n", "1 2"},
	    {"# TYPE st stateset\nst{st=\"on\",h=\"1\"} 1\nst{st=\"off\",h=\"1\"} 0\nst{st=\"on\",h=\"2\"} 0\n", "1 3"},
	};
	expect(OM, pages, PL_COUNT_OF(pages));
}

static void refuses_openmetrics(void **state)
{
	(void)state;
	static const struct page pages[] = {
	    /* metadata */
	    {"# TYPE a gauge\n# TYPE a gauge\n", "2:8: a second TYPE line for `a`: the first is line 1"},
	    {"# UNIT a_s s\n# UNIT a_s s\n", "2:8: a second UNIT line for `a_s`: the first is line 1"},
	    {"a_s 1\n# UNIT a_s s\n", "2:8: the UNIT line of `a_s` must stand before its samples, which begin on line 1"},
	    {"# UNIT a seconds\n", "1:10: `a` has the unit `seconds`, so its name must end in `_seconds`"},
	    {"# UNIT seconds seconds\n", "1:16: `seconds` has the unit `seconds`, so its name must end in `_seconds`"},
	    {"# UNIT a_b_ s\n", "1:13: `a_b_` has the unit `s`, so "},
	    {"# TYPE a_s info\n# UNIT a_s s\n", "2:12: `a_s` is of type info, which has no unit"},
	    {"# UNIT a_s s\n# TYPE a_s stateset\n", "2:12: `a_s` is of type stateset, which has no unit"},
	    /* families */
	    {"# TYPE a counter\n# TYPE a_total gauge\n", "2:8: `a_total` belongs to a family of line 1: "},
	    {"a_info 1\n# TYPE a info\n", "2:8: `a_info` belongs to a family of line 1: "},
	    {"# HELP a x\n# HELP b x\na 1\n", "3:1: `a` belongs to a family of line 1: "},
	    {"# TYPE a counter\na 1\n", "2:1: `a` is of type counter: its samples are named `a_total` and so on"},
	    {"# TYPE a info\na 1\n", "2:1: `a` is of type info: its samples are named `a_info`"},
	    {"# TYPE a counter\na_created 1\n", "2:1: the counter `a` has no `_total` beside this"},
	    /* groups, series and times */
	    {"a{b=\"1\"} 1\na{b=\"2\"} 1\na{b=\"1\"} 1\n", "3:1: the samples of one label set stand together: "},
	    {"# TYPE c counter\nc_total{b=\"1\"} 1\nc_total{b=\"2\"} 1\nc_created{b=\"1\"} 1\n",
	     "4:1: the samples of one label set stand together: "},
	    {"a 1\na 1\n", "2:1: this series was given before, on line 1"},
	    {"a 1 1\na 1\n", "2:1: samples of one label set have all a timestamp or none: line 1 differs"},
	    {"a 1\na 1 1\n", "2:1: samples of one label set have all a timestamp or none: line 1 differs"},
	    {"a 1 2\na 1 1.999\n", "2:1: the timestamp goes back: it is before that of line 1"},
	    {"a 1 -1\na 1 -1.5\n", "2:1: the timestamp goes back: it is before that of line 1"},
	    /* values */
	    {"# TYPE c counter\nc_total -1\n", "2:9: `c_total` counts: expected a value of 0 or more, found -1"},
	    {"# TYPE c counter\nc_total NaN\n", "2:9: `c_total` counts: expected a value of 0 or more, found NaN"},
	    {"# TYPE c counter\nc_created NaN\n", "2:11: `c_created` is a time: expected seconds, found NaN"},
	    {"# TYPE i info\ni_info 0\n", "2:8: expected 1 as an info's value, found 0"},
	    {"# TYPE st stateset\nst 1\n", "2:1: a stateset's sample needs the label `st` with the state's name"},
	    {"# TYPE st stateset\nst{st=\"on\"} 0.5\n", "2:13: expected 0 or 1 as a state's value, found 0.5"},
	    {"# TYPE s summary\ns{quantile=\"-0.1\"} 1\n", "2:13: expected a quantile from 0 to 1, found `-0.1`"},
	    {"# TYPE s summary\ns{quantile=\"0.1\"} -1\n", "2:19: `s` counts: expected a value of 0 or more, found -1"},
	    {"# TYPE s summary\ns_sum -1\n", "2:7: `s_sum` counts: expected a value of 0 or more, found -1"},
	    /* histograms */
	    {HISTOGRAM "h_sum 1\n", "2:1: this histogram of `h` ends without a bucket of le=\"+Inf\""},
	    {HISTOGRAM "h_bucket{le=\"+Inf\"} 1\nh_sum 1\n", "3:1: `h` has _sum without _count: expected both or none"},
	    {HISTOGRAM "h_bucket{le=\"+Inf\"} 1\nh_count 1\n", "3:1: `h` has _count without _sum: expected both or none"},
	    {HISTOGRAM "h_bucket{le=\"+Inf\"} 1\nh_count 2\nh_sum 1\n",
	     "4:1: `h_count` is 2, but its le=\"+Inf\" bucket is 1: they must be equal"},
	    {HISTOGRAM "h_bucket{le=\"-1\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n",
	     "5:1: a histogram with buckets below 0 must not have `h_sum`"},
	    {HISTOGRAM "h_bucket{le=\"1\"} 1 10\nh_bucket{le=\"+Inf\"} 2 20\n",
	     "2:1: this histogram of `h` ends without a bucket of le=\"+Inf\""},
	    {"# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\ng_gsum -1\n",
	     "4:1: `g_gsum` is negative, though no bucket is below 0"},
	    {"# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gsum NaN\n", "3:8: `g_gsum` must not be NaN"},
	    {"# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gsum 1\n",
	     "3:1: `g` has _gsum without _gcount: expected both or none"},
	    /* exemplars */
	    {"a 1 # {} 1\n", "1:5: exemplars stand only behind a counter's `_total` and a histogram's `_bucket`"},
	    {"# TYPE c counter\nc_created 1 # {} 1\n", "2:13: exemplars stand only behind "},
	    {"# TYPE g gauge\ng 1 # {} 1\n", "2:5: exemplars stand only behind "},
	    {"c_total 1 # {} 1\n", "1:11: exemplars stand only behind "},
	};
	expect(OM, pages, PL_COUNT_OF(pages));
}

static void counts_the_characters_of_exemplars(void **state)
{
	(void)state;
	static const struct {
		const char *character;
		int count;
		bool accepted;
	} cases[] = {{"x", 127, true},
		     {"x", 128, false},
		     {"\xc3\xa4", 127, true},
		     {"\xc3\xa4", 128, false},
		     {"\xf0\x9f\x8e\x88", 127, true},
		     {"\\n", 127, true},
		     {"\\n", 128, false}};
	struct pl_buf page = {0}, out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&page);
		pl_buf_add_cstr(&page, "# TYPE c counter\nc_total 1 # {n=\"");
		for (int k = 0; k < cases[i].count; k++)
			pl_buf_add_cstr(&page, cases[i].character);
		pl_buf_add_cstr(&page, "\"} 1\n# EOF\n");
		check(OM, page.p, page.n, 0, &out);
		assert_string_equal(pl_buf_cstr(&out),
				    cases[i].accepted ? "1 1"
						      : "2:11: the exemplar's labels have 129 characters together: at most 128");
	}
	pl_buf_finish(&page);
	pl_buf_finish(&out);
}

static void holds_many_series(void **state)
{
	(void)state;
	enum { SERIES = 5000 };
	struct pl_buf page = {0}, out = {0};
	pl_buf_add_cstr(&page, HISTOGRAM);
	for (int i = 0; i < SERIES; i++)
		pl_buf_addf(&page, "h_bucket{i=\"%d\",le=\"+Inf\"} 1\n", i);
	for (int i = 0; i < SERIES; i++)
		pl_buf_addf(&page, "name_%d{i=\"1\"} 1\nname_%d{i=\"2\"} 1\n", i, i);
	check(TEXT, page.p, page.n, 0, &out);
	assert_string_equal(pl_buf_cstr(&out), "5001 15000");
	size_t all = page.n;
	pl_buf_add_cstr(&page, "name_17{i=\"3\"} 1\n");
	check(TEXT, page.p, page.n, 0, &out);
	assert_string_equal(pl_buf_cstr(&out),
			    "15002:1: `name_17` belongs to a family of line 5036: a family's lines stand together");
	page.n = all;
	pl_buf_add_cstr(&page, "# EOF\n");
	check(OM, page.p, page.n, 0, &out);
	assert_string_equal(pl_buf_cstr(&out), "5001 15000");
	pl_buf_finish(&page);
	pl_buf_finish(&out);
}

static void bounds_its_memory(void **state)
{
	(void)state;
	enum { PIECE = 1000 };
	struct pl_exposition_check *c = pl_exposition_check_create(TEXT, (struct pl_exposition_limits){0});
	struct pl_buf piece = {0};
	enum pl_err err = PL_OK;
	for (int i = 0; err == PL_OK && i < 1000000; i += PIECE) {
		pl_buf_clear(&piece);
		for (int k = i; k < i + PIECE; k++)
			pl_buf_addf(&piece, "a{i=\"%d\"} 1\n", k);
		err = pl_exposition_check_feed(c, piece.p, piece.n);
	}
	assert_int_equal(err, PL_OK);
	assert_int_equal(pl_exposition_check_feed(c, "a 1\n", 4), PL_ELIMIT);
	assert_int_equal(pl_exposition_check_error(c)->line, 1000001);
	assert_string_equal(pl_exposition_check_error(c)->reason,
			    "more than 1000000 series in one family: too many for this check");
	pl_exposition_check_destroy(c);
	pl_buf_finish(&piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checks_text),         cmocka_unit_test(accepts_openmetrics),
	    cmocka_unit_test(refuses_openmetrics), cmocka_unit_test(counts_the_characters_of_exemplars),
	    cmocka_unit_test(holds_many_series),   cmocka_unit_test(bounds_its_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
