/* The local store, driven as the delivery engine drives it: what goes in, what comes out, what is refused. */
#include "plugin_out_harness.h"

#include <math.h>
#include <sqlite3.h>
#include <sys/stat.h>

extern const struct pl_plugin pl_plugin_out_local;

static const int64_t ten_s = 10 * PL_NS_PER_S;

struct fixture {
	struct harness h;
	char directory[256], yaml[512], path[300];
	int64_t bucket; /* begin of a 10 s bucket that has at least 4 s to go, and is not over yet */
};

static int open_with(void **state, const char *more)
{
	struct fixture *f = pl_calloc(1, sizeof *f);
	harness_directory(f->directory, sizeof f->directory);
	snprintf(f->path, sizeof f->path, "%s/store/p.db", f->directory);
	snprintf(f->yaml, sizeof f->yaml, "path: %s\n%s", f->path, more);
	harness_open(&f->h, &pl_plugin_out_local, f->yaml);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return open_with(state, "");
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	harness_close(&f->h);
	harness_remove(f->directory);
	free(f);
	return 0;
}

/* A moment in the bucket before the present one, so that nothing depends on how fast the test runs. */
static int64_t past_bucket(void)
{
	int64_t now = pl_clock_wall_ns();
	return now - now % ten_s - ten_s;
}

static const struct pl_verdict *put(struct fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const struct pl_verdict *put(struct fixture *f, const char *format, ...)
{
	struct pl_buf text = {0};
	va_list args;
	va_start(args, format);
	pl_buf_addv(&text, format, args);
	va_end(args);
	const struct pl_verdict *v = harness_deliver(&f->h, pl_buf_cstr(&text));
	pl_buf_finish(&text);
	return v;
}

static void expect_rows(struct fixture *f, const char *stat, enum pl_verb verb, size_t limit, const char *filters,
			const char *expected)
{
	/* P so wide that two of them surely hold the rows; buckets of P are aligned to the epoch */
	assert_string_equal(harness_rows(&f->h, harness_latest(stat, verb, 3 * ten_s, limit, filters)), expected);
}

static int64_t count_rows(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void keys_and_tags(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(harness_names(&f->h, PL_QUERY_KEYS), "");
	assert_string_equal(harness_names(&f->h, PL_QUERY_TAGS), "");
	const struct pl_verdict *v = put(f, "cpu_used,host=a,service=web cpu_used=0.25\n"
					    "up,instance=x:1 value=1\n"
					    "cpu,host=a usage_user=1,usage_system=2\n"
					    "odd\\ name\\,x,t\\ k=a\\=b value=3i\n");
	assert_int_equal(v->kind, PL_VERDICT_DONE);
	assert_int_equal(v->refused, 0);
	assert_string_equal(harness_names(&f->h, PL_QUERY_KEYS), "cpu_used,odd name,x,up,usage_system,usage_user");
	assert_string_equal(harness_names(&f->h, PL_QUERY_TAGS), "host,instance,service,t k");
}

static void latest_verbs(void **state)
{
	static const struct {
		enum pl_verb verb;
		const char *value;
	} cases[] = {
	    {PL_VERB_MEAN, "2.5"}, {PL_VERB_MAX, "4"},
	    {PL_VERB_MIN, "1"},    {PL_VERB_SUM, "10"},
	    {PL_VERB_COUNT, "4"},  {PL_VERB_FIRST, "2"},
	    {PL_VERB_LAST, "4"},   {PL_VERB_MEDIAN, "2.5"},
	    {PL_VERB_SPREAD, "3"}, {PL_VERB_STDDEV, "1.29099444874"},
	};
	struct fixture *f = *state;
	int64_t t = past_bucket();
	long long a = t, b = t + 1, c = t + 2;
	put(f, "s,h=a s=1 %lld\ns,h=b s=2 %lld\ns,h=a s=3 %lld\ns,h=b s=4 %lld\n", a, a, b, c);
	int64_t start = t - t % (3 * ten_s);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "%lld %s;", (long long)(start / 1000000), cases[i].value);
		expect_rows(f, "s", cases[i].verb, 1, "", expected);
	}
	expect_rows(f, "s", PL_VERB_STDDEV, 1, "h=nobody", "error: not found");
	expect_rows(f, "nothing", PL_VERB_MEAN, 1, "", "error: not found");
}

static void latest_rows(void **state)
{
	struct fixture *f = *state;
	int64_t t = past_bucket();
	long long s = t / PL_NS_PER_S;
	put(f, "m,h=a,z=1 m=1 %lld\nm,h=b m=2 %lld\nm,h=c m=3 %lld\n", s * 1000000000 + 5, (s + 1) * 1000000000 + 7,
	    (s + 2) * 1000000000 + 9);
	char all[160], two[160], one[80];
	snprintf(one, sizeof one, "%lld 3;", (s + 2) * 1000);
	expect_rows(f, "m", PL_VERB_NONE, 1, "", one);
	snprintf(two, sizeof two, "%lld 2 h=b;%lld 1 h=a;", (s + 1) * 1000, s * 1000);
	expect_rows(f, "m", PL_VERB_NONE, 2, "h=a&h=b", two);
	snprintf(all, sizeof all, "%lld 3 h=c z=;%lld 2 h=b z=;%lld 1 h=a z=1;", (s + 2) * 1000, (s + 1) * 1000, s * 1000);
	expect_rows(f, "m", PL_VERB_NONE, 9, "h=a&h=b&h=c&z=&z=1", all);
	snprintf(one, sizeof one, "%lld 2;", (s + 1) * 1000);
	expect_rows(f, "m", PL_VERB_NONE, 1, "z=&h=b", one);
	expect_rows(f, "m", PL_VERB_NONE, 5, "z=2", "error: not found");
	expect_rows(f, "m", PL_VERB_NONE, 5, "time=x", "error: not found");
}

/* The field with the measurement's name wins over `value`; either alone is found. */
static void latest_fields(void **state)
{
	struct fixture *f = *state;
	int64_t t = past_bucket();
	long long ns = t - t % PL_NS_PER_S;
	char expected[80];
	put(f, "both,h=a value=1,both=2 %lld\nboth,h=b value=7 %lld\nvalue,h=a value=5 %lld\n", ns, ns - 1000000000, ns);
	snprintf(expected, sizeof expected, "%lld 2;", (long long)((t - t % (3 * ten_s)) / 1000000));
	expect_rows(f, "both", PL_VERB_SUM, 1, "", expected);
	snprintf(expected, sizeof expected, "%lld 2 h=a;%lld 7 h=b;", ns / 1000000, ns / 1000000 - 1000);
	expect_rows(f, "both", PL_VERB_NONE, 5, "h=a&h=b", expected);
	snprintf(expected, sizeof expected, "%lld 5;", ns / 1000000);
	expect_rows(f, "value", PL_VERB_NONE, 5, "", expected);
}

static void window_ends_after_two_periods(void **state)
{
	struct fixture *f = *state;
	long long now = pl_clock_wall_ns();
	put(f, "old value=1 %lld\n", now - 21 * 1000000000LL);
	assert_string_equal(harness_rows(&f->h, harness_latest("old", PL_VERB_MEAN, ten_s, 1, "")), "error: not found");
	assert_string_equal(harness_rows(&f->h, harness_latest("old", PL_VERB_COUNT, 0, 1, "")), "error: invalid argument");
}

static void a_batch_that_comes_twice_changes_nothing(void **state)
{
	struct fixture *f = *state;
	long long t = past_bucket();
	struct pl_buf page = {0};
	for (int i = 0; i < 1000; i++)
		pl_buf_addf(&page, "m%d,instance=a:9100 value=%d.5 %lld\n", i, i, t);
	assert_int_equal(harness_deliver(&f->h, pl_buf_cstr(&page))->kind, PL_VERDICT_DONE);
	int64_t frames = count_rows(f->path, "SELECT count(*) FROM frame");
	assert_int_equal(count_rows(f->path, "SELECT sum(samples) FROM frame"), 1000);
	/* again, in other pieces, and with one value changed */
	const char *middle = strstr(page.p, "m500,");
	char *first = pl_strndup(page.p, (size_t)(middle - page.p));
	harness_deliver(&f->h, middle);
	harness_deliver(&f->h, first);
	put(f, "m7,instance=a:9100 value=99 %lld\n", t);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM frame"), frames);
	assert_int_equal(count_rows(f->path, "SELECT sum(samples) FROM frame"), 1000);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM series"), 1000);
	char expected[80];
	snprintf(expected, sizeof expected, "%lld 99;", t / 1000000);
	expect_rows(f, "m7", PL_VERB_NONE, 5, "", expected);
	snprintf(expected, sizeof expected, "%lld 501.5;", t / 1000000);
	expect_rows(f, "m501", PL_VERB_NONE, 5, "", expected);
	free(first);
	pl_buf_finish(&page);
}

/* However a series is written, it is one; what differs stays apart. */
static void series_identity(void **state)
{
	struct fixture *f = *state;
	long long t = past_bucket();
	put(f, "m,a=1,b=2 m=1 %lld\nm,b=2,a=1 m=2 %lld\n", t, t + 1);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM series"), 1);
	put(f, "m,a=1\\,b\\=2 m=1 %lld\nm,a=1 m=1 %lld\nm m=1 %lld\nm,a=1,b=2 m2=1 %lld\n", t, t, t, t);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM series"), 5);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM metric"), 2);
	char expected[80];
	snprintf(expected, sizeof expected, "%lld 1;", t / 1000000000 * 1000);
	expect_rows(f, "m", PL_VERB_NONE, 5, "a=1,b=2", expected);
}

static void refusals_are_counted(void **state)
{
	struct fixture *f = *state;
	long long now = pl_clock_wall_ns();
	const struct pl_verdict *v = put(f, "a value=1\nb value=\"text\"\nc s=\"x\",n=1\nd t=true\n");
	assert_int_equal(v->kind, PL_VERDICT_DONE);
	assert_int_equal(v->refused, 1);
	assert_string_equal(v->refused_as, "not_numeric");
	assert_non_null(strstr(v->reason, "b value="));
	v = put(f, "e value=1 %lld\nf value=1 1000\n g\nh value=NaN\ni,=x value=1\n", now);
	assert_int_equal(v->refused, 4);
	assert_string_equal(v->refused_as, "unparsable");
	v = put(f, "f value=1 %lld\n", now - 8 * 86400 * 1000000000LL);
	assert_int_equal(v->refused, 1);
	assert_string_equal(v->refused_as, "expired");
	assert_string_equal(harness_names(&f->h, PL_QUERY_KEYS), "a,e,n,t");
}

static int set_up_few_series(void **state)
{
	return open_with(state, "max_series: 3\n");
}

static void series_limit(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put(f, "a value=1\nb value=1\nc value=1\n")->refused, 0);
	const struct pl_verdict *v = put(f, "d value=1\na value=2\ne value=1\n");
	assert_int_equal(v->kind, PL_VERDICT_DONE);
	assert_int_equal(v->refused, 2);
	assert_string_equal(v->refused_as, "series_limit");
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM series"), 3);
}

static void reopened_store_goes_on(void **state)
{
	struct fixture *f = *state;
	long long t = past_bucket();
	char expected[300];
	struct stat st;
	put(f, "up,i=a value=1 %lld\n", t);
	harness_close(&f->h);
	harness_open(&f->h, &pl_plugin_out_local, f->yaml);
	put(f, "up,i=a value=0 %lld\nup,i=b value=4 %lld\n", t + 1000000000, t + 2000000000);
	snprintf(expected, sizeof expected, "%lld 4 i=b;%lld 0 i=a;%lld 1 i=a;", t / 1000000 + 2000, t / 1000000 + 1000,
		 t / 1000000);
	expect_rows(f, "up", PL_VERB_NONE, 5, "i=a&i=b", expected);
	assert_int_equal(count_rows(f->path, "SELECT count(*) FROM series"), 2);
	snprintf(expected, sizeof expected, "%s/store", f->directory);
	assert_int_equal(stat(expected, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0750, 0);
}

/* Hostile names go in and out as they are; none of them is SQL. */
static void injection(void **state)
{
	struct fixture *f = *state;
	long long t = past_bucket();
	char expected[80];
	put(f, "x'\\ OR\\ 1;--,k'\\,=v\"'\\ OR\\ ''\\=' value=1 %lld\n", t);
	assert_string_equal(harness_names(&f->h, PL_QUERY_KEYS), "x' OR 1;--");
	assert_string_equal(harness_names(&f->h, PL_QUERY_TAGS), "k',");
	expect_rows(f, "x' OR 1;--'; DROP TABLE frame", PL_VERB_NONE, 5, "", "error: not found");
	snprintf(expected, sizeof expected, "%lld 1;", t / 1000000);
	expect_rows(f, "x' OR 1;--", PL_VERB_NONE, 5, "", expected);
	expect_rows(f, "x' OR 1;--", PL_VERB_NONE, 5, "k'=v' OR ''='", "error: not found");
}

static void configuration(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *complaint; /* NULL: fine */
	} cases[] = {
	    {"{}", NULL},
	    {"path: x.db\nretention: 1h\nmax_bytes: 1MiB\nfsync: true\nmax_series: 10\n", NULL},
	    {"retention: 59m\n", "retention"},
	    {"max_bytes: 1KiB\n", "max_bytes"},
	    {"max_series: 0\n", "max_series"},
	    {"path: ''\n", "path"},
	    {"pth: x\n", "path"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct harness h;
		harness_init(&h, &pl_plugin_out_local);
		size_t n = harness_decode(&h, cases[i].yaml);
		assert_int_equal(n > 0, cases[i].complaint != NULL);
		if (n > 0)
			assert_non_null(strstr(h.reason, cases[i].complaint));
		harness_free(&h);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(keys_and_tags),
	    TEST(latest_verbs),
	    TEST(latest_rows),
	    TEST(latest_fields),
	    TEST(window_ends_after_two_periods),
	    TEST(a_batch_that_comes_twice_changes_nothing),
	    TEST(series_identity),
	    TEST(refusals_are_counted),
	    cmocka_unit_test_setup_teardown(series_limit, set_up_few_series, tear_down),
	    TEST(reopened_store_goes_on),
	    TEST(injection),
	    cmocka_unit_test(configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
