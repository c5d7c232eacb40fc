#include "scrape_page.h"

/* Markers of series that a page had and the next one lacks. */

static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"job", "j"}};

static void read_and_expect(struct scrape *s, const char *page, const char *markers)
{
	struct pl_buf found = {0};
	uint64_t n = 0;
	scrape_read(s, pl_str_of(page), 3);
	struct pl_str rest = pl_buf_str(&s->own);
	while (rest.n > 0) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (!pl_str_starts(line, PL_STR("pulseline_stale")))
			continue;
		pl_buf_add_str(&found, line);
		pl_buf_add_char(&found, '\n');
		n++;
	}
	assert_string_equal(pl_buf_cstr(&found), markers);
	assert_int_equal(s->outcome.stale, n);
	pl_buf_finish(&found);
}

static void open_marking(struct scrape *s, const struct pl_relabel_rule *rules, size_t n)
{
	s->job.influx.stale = PL_STALE_MARKER;
	scrape_open(s, rules, n, target);
}

static void marks_what_is_gone_once(void **state)
{
	(void)state;
	for (int schema = PL_SCHEMA_KAPACITOR; schema <= PL_SCHEMA_TELEGRAF2; schema++) {
		struct scrape s = {.job.influx.schema = schema};
		open_marking(&s, NULL, 0);
		read_and_expect(&s, "a 1\nb{x=\"1\"} 1\nb{x=\"2\"} 1\n", "");
		read_and_expect(&s, "a 1\nb{x=\"1\"} 1\nb{x=\"2\"} 1\n", "");
		read_and_expect(&s, "b{x=\"2\"} 1\n",
				"pulseline_stale,job=j,metric=a value=1 1000\npulseline_stale,x=1,job=j,metric=b value=1 1000\n");
		for (size_t scrape = 0; scrape < 600; scrape++)
			read_and_expect(&s, "b{x=\"2\"} 1\n", "");
		read_and_expect(&s, "a 1\n", "pulseline_stale,x=2,job=j,metric=b value=1 1000\n");
		read_and_expect(&s, "b{x=\"2\"} 1\n", "pulseline_stale,job=j,metric=a value=1 1000\n");
		assert_int_equal(s.outcome.series_added, 0);
		scrape_close(&s);
	}
}

/* A scrape that fails says nothing of series: `up` does. The next good page is compared with the last good one. */
static void a_failed_page_is_no_page(void **state)
{
	(void)state;
	struct scrape s = {0};
	open_marking(&s, NULL, 0);
	read_and_expect(&s, "a 1\nb 1\nc 1\n", "");
	for (size_t scrape = 0; scrape < 600; scrape++)
		read_and_expect(&s, "a 1\nnever 1\nbad{\n", "");
	read_and_expect(&s, "c 1\n",
			"pulseline_stale,job=j,metric=a value=1 1000\npulseline_stale,job=j,metric=b value=1 1000\n");
	read_and_expect(&s, "bad{\n", "");
	read_and_expect(&s, "c 1\n", "");
	scrape_close(&s);
}

/* What was never written need not be missed; what is there without a value to be stored is there. */
static void marks_only_what_was_written(void **state)
{
	(void)state;
	const char *const name[] = {"__name__", NULL};
	const struct pl_relabel_rule rules[] = {scrape_rule(PL_RELABEL_DROP, name, "drop.*", NULL, NULL),
						scrape_rule(PL_RELABEL_REPLACE, name, "x_(.*)", "__name__", "y, =$1")};
	struct scrape s = {.job.series_limit = 3};
	open_marking(&s, rules, 2);
	read_and_expect(&s, "drop_a 1\nx_b{metric=\"m\"} 1\nc{time=\"t\"} 1\nn 1\nrefused 1\n", "");
	assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_SERIES_LIMIT], 1);
	read_and_expect(&s, "n NaN\n",
			"pulseline_stale,metric=m,job=j,metric_=y\\,\\ \\=b value=1 1000\n"
			"pulseline_stale,job=j,time_=t,metric=c value=1 1000\n");
	scrape_close(&s);
}

static void names_escaped_metrics(void **state)
{
	(void)state;
	const char *const from[] = {"n", NULL};
	const struct pl_relabel_rule rule = scrape_rule(PL_RELABEL_REPLACE, from, "(.+)", "__name__", NULL);
	for (int schema = PL_SCHEMA_KAPACITOR; schema <= PL_SCHEMA_TELEGRAF2; schema++) {
		struct scrape s = {.job.influx.schema = schema};
		open_marking(&s, &rule, 1);
		read_and_expect(&s, "a{n=\"x, y=z\"} 1\na{n=\"#\"} 1\n", "");
		scrape_read(&s, PL_STR(""), 0);
		assert_int_equal(s.outcome.stale, 2);
		assert_non_null(strstr(pl_buf_cstr(&s.own), ",metric=x\\,\\ y\\=z value=1 1000\n"));
		scrape_close(&s);
	}
}

/* Many at once go in pieces, as a large page does. */
static void marks_very_many(void **state)
{
	(void)state;
	enum { N = 40000 };
	struct scrape s = {0};
	struct pl_buf page = {0};
	open_marking(&s, NULL, 0);
	s.budget.most = 64 << 20;
	for (unsigned i = 0; i < N; i++)
		pl_buf_addf(&page, "metric{number=\"%u\"} 1\n", i);
	scrape_read(&s, pl_buf_str(&page), 0);
	scrape_read(&s, PL_STR(""), 0);
	assert_int_equal(s.outcome.stale, N);
	assert_true(s.outcome.lines_bytes <= PL_SCRAPE_PIECE_BYTES);
	scrape_read(&s, PL_STR(""), 0);
	assert_int_equal(s.outcome.stale, 0);
	pl_buf_finish(&page);
	scrape_close(&s);
}

/* Series that found no room are not watched; the others are. */
static void is_bounded(void **state)
{
	(void)state;
	struct scrape s = {0};
	struct pl_buf page = {0};
	open_marking(&s, NULL, 0);
	s.budget.most = 8000;
	for (unsigned i = 0; i < 1000; i++)
		pl_buf_addf(&page, "metric{number=\"%u\"} 1\n", i);
	scrape_read(&s, pl_buf_str(&page), 0);
	assert_int_equal(s.outcome.points - s.outcome.own_points, 1000);
	assert_in_range(s.outcome.uncached, 1, 999);
	assert_true(s.budget.used <= 8000);
	uint64_t watched = s.series->cache.n;
	scrape_read(&s, PL_STR(""), 0);
	assert_int_equal(s.outcome.stale, watched);
	pl_buf_finish(&page);
	scrape_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(marks_what_is_gone_once),
	    cmocka_unit_test(a_failed_page_is_no_page),
	    cmocka_unit_test(marks_only_what_was_written),
	    cmocka_unit_test(names_escaped_metrics),
	    cmocka_unit_test(marks_very_many),
	    cmocka_unit_test(is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
