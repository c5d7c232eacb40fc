/* The local store's parts: frames, reductions, tag sets, and the trimming that only time would bring about. */
#include "plugin_out_harness.h"

#include <float.h>
#include <math.h>
#include <sys/stat.h>

#include "out_local/database.h"
#include "out_local/frame.h"
#include "out_local/ingest.h"
#include "out_local/reduce.h"
#include "out_local/tagset.h"
#include "out_local/trim.h"

static void frames_give_back_what_went_in(void **state)
{
	(void)state;
	static const double values[] = {0,
					-0.0,
					1,
					-1,
					0.5,
					0.1,
					1e300,
					-1e-300,
					DBL_MIN,
					DBL_MAX,
					-DBL_MAX,
					5e-324,
					12345.67,
					-0.01,
					99.99,
					1e15,
					1e17 + 2.,
					9007199254740991.,
					9007199254740992.,
					9007199254740993.,
					1 / 3.0,
					3.4028235e38,
					1e39,
					90071992547409.92,
					1795216955.123,
					4294967296.5};
	for (unsigned step = 1; step <= 9; step++) {
		struct pl_buf bytes = {0};
		struct pl_local_frame_writer w = {0};
		unsigned n = 0;
		for (unsigned offset = step - 1; offset < PL_LOCAL_FRAME_SERIES; offset += step)
			pl_local_frame_add(&w, &bytes, offset, values[n++ % PL_COUNT_OF(values)]);
		struct pl_str rest = pl_buf_str(&bytes);
		struct pl_local_frame_sample sample;
		unsigned next = 0;
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(pl_local_frame_next(&rest, &next, &sample), PL_OK);
			assert_int_equal(sample.offset, i * step + step - 1);
			assert_memory_equal(&sample.value, &values[i % PL_COUNT_OF(values)], sizeof(double));
		}
		assert_int_equal(pl_local_frame_next(&rest, &next, &sample), PL_ENOENT);
		pl_buf_finish(&bytes);
	}
}

static void damaged_frames(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
	    {"\x80", 1},                                          /* half a varint */
	    {"\x00\x02", 2},                                      /* no step */
	    {"\x84\x08\x02", 3},                                  /* beyond the chunk */
	    {"\x05\x01\x02\x03", 4},                              /* half a double */
	    {"\x07\x01", 2},                                      /* half a single */
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a varint without end */
	    {"\x04", 1},                                          /* no value */
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_str rest = {cases[i].bytes, cases[i].n};
		struct pl_local_frame_sample sample;
		struct pl_buf out = {0};
		unsigned next = 0, samples;
		assert_int_equal(pl_local_frame_next(&rest, &next, &sample), PL_EPARSE);
		rest = (struct pl_str){cases[i].bytes, cases[i].n};
		assert_int_equal(pl_local_frame_merge(rest, PL_STR(""), &out, &samples), PL_EPARSE);
		pl_buf_finish(&out);
	}
}

static void frames_merge(void **state)
{
	(void)state;
	struct pl_buf older = {0}, newer = {0}, out = {0};
	struct pl_local_frame_writer a = {0}, b = {0};
	static const unsigned in_a[] = {0, 3, 4, 200}, in_b[] = {1, 3, 255};
	for (size_t i = 0; i < PL_COUNT_OF(in_a); i++)
		pl_local_frame_add(&a, &older, in_a[i], 1000 + in_a[i]);
	for (size_t i = 0; i < PL_COUNT_OF(in_b); i++)
		pl_local_frame_add(&b, &newer, in_b[i], 2000 + in_b[i]);
	unsigned samples = 0, next = 0;
	assert_int_equal(pl_local_frame_merge(pl_buf_str(&older), pl_buf_str(&newer), &out, &samples), PL_OK);
	assert_int_equal(samples, 6);
	static const double expected[] = {1000, 2001, 2003, 1004, 1200, 2255};
	struct pl_str rest = pl_buf_str(&out);
	for (size_t i = 0; i < PL_COUNT_OF(expected); i++) {
		struct pl_local_frame_sample sample;
		assert_int_equal(pl_local_frame_next(&rest, &next, &sample), PL_OK);
		assert_true(sample.value == expected[i]);
	}
	assert_int_equal(rest.n, 0);
	pl_buf_finish(&older);
	pl_buf_finish(&newer);
	pl_buf_finish(&out);
}

static void reductions(void **state)
{
	(void)state;
	struct pl_local_reduce r = {.verb = PL_VERB_MEDIAN};
	double out = 0;
	assert_false(pl_local_reduce_result(&r, &out));
	for (int i = 0; i <= PL_LOCAL_REDUCE_MEDIAN_MOST; i++) {
		assert_false(pl_local_reduce_overflowed(&r));
		pl_local_reduce_add(&r, i, 7);
	}
	assert_true(pl_local_reduce_overflowed(&r));
	assert_false(pl_local_reduce_result(&r, &out));
	pl_local_reduce_clear(&r);
	pl_local_reduce_add(&r, 1, 3);
	assert_true(pl_local_reduce_result(&r, &out));
	assert_true(out == 3);
	pl_local_reduce_finish(&r);
	/* a result that is no number is none */
	r = (struct pl_local_reduce){.verb = PL_VERB_SUM};
	pl_local_reduce_add(&r, 1, DBL_MAX);
	pl_local_reduce_add(&r, 2, DBL_MAX);
	assert_false(pl_local_reduce_result(&r, &out));
}

static void tag_sets(void **state)
{
	(void)state;
	struct pl_label v[] = {{PL_STR("a,b"), PL_STR("x=y\\")}, {PL_STR("c"), PL_STR("1")}, {PL_STR("d="), PL_STR("")}};
	struct pl_buf text = {0}, scratch = {0};
	pl_local_tagset_write(&text, (struct pl_labels){v, PL_COUNT_OF(v)});
	assert_string_equal(pl_buf_cstr(&text), "a\\,b=x\\=y\\\\,c=1,d\\==");
	for (size_t i = 0; i < PL_COUNT_OF(v); i++)
		assert_true(pl_str_eq(pl_local_tagset_get(pl_buf_str(&text), v[i].name, &scratch), v[i].value));
	assert_int_equal(pl_local_tagset_get(pl_buf_str(&text), PL_STR("a"), &scratch).n, 0);
	assert_int_equal(pl_local_tagset_get(pl_buf_str(&text), PL_STR("b"), &scratch).n, 0);
	assert_int_equal(pl_local_tagset_get(PL_STR("no set\\"), PL_STR("x"), &scratch).n, 0);
	pl_buf_finish(&text);
	pl_buf_finish(&scratch);
}

/* ---- trimming, with a clock of our own ---- */

static const int64_t hour = 3600 * PL_NS_PER_S, day = 86400 * PL_NS_PER_S;

struct store {
	char directory[256], path[300];
	struct pl_local_database db;
	struct pl_local_series series;
	struct pl_local_ingest ingest;
	struct pl_local_trim trim;
};

static void store_open(struct store *s, int64_t retention_ns, uint64_t max_bytes)
{
	harness_directory(s->directory, sizeof s->directory);
	snprintf(s->path, sizeof s->path, "%s/t.db", s->directory);
	pl_local_database_init(&s->db, &(struct pl_local_database_options){.path = s->path, .max_bytes = max_bytes});
	pl_local_series_init(&s->series, &s->db, 1000000);
	pl_local_ingest_init(&s->ingest, &s->db, &s->series);
	s->trim =
	    (struct pl_local_trim){.db = &s->db, .series = &s->series, .retention_ns = retention_ns, .max_bytes = max_bytes};
	assert_int_equal(pl_local_database_open(&s->db), PL_OK);
}

static void store_close(struct store *s)
{
	pl_local_ingest_finish(&s->ingest);
	pl_local_series_finish(&s->series);
	pl_local_database_close(&s->db);
	harness_remove(s->directory);
}

static void store_put(struct store *s, int64_t now_ns, const char *lines)
{
	assert_int_equal(pl_local_ingest_begin(&s->ingest, now_ns, now_ns - s->trim.retention_ns), PL_OK);
	assert_int_equal(pl_local_ingest_lines(&s->ingest, pl_str_of(lines)), PL_OK);
	assert_int_equal(pl_local_ingest_commit(&s->ingest), PL_OK);
}

static void store_trim(struct store *s, int64_t now_ns)
{
	bool more = true;
	for (unsigned i = 0; more; i++) {
		assert_true(i < 10000);
		assert_int_equal(pl_local_trim_step(&s->trim, now_ns, &more), PL_OK);
	}
}

static int64_t store_number(struct store *s, const char *sql)
{
	sqlite3_stmt *st = NULL;
	assert_int_equal(sqlite3_prepare_v2(s->db.handle, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void expired_samples_go(void **state)
{
	(void)state;
	struct store s;
	int64_t start = 20000 * day;
	struct pl_buf lines = {0};
	store_open(&s, hour, UINT64_C(1) << 30);
	for (int minutes = 0; minutes < 600; minutes++)
		pl_buf_addf(&lines, "m,h=a v=%d %lld\nn v=1 %lld\n", minutes, (long long)(start + minutes * 6 * PL_NS_PER_S),
			    (long long)(start + minutes * 6 * PL_NS_PER_S));
	store_put(&s, start + hour, pl_buf_cstr(&lines));
	store_trim(&s, start + hour);
	assert_int_equal(store_number(&s, "SELECT sum(samples) FROM frame"), 1200);
	store_trim(&s, start + hour + 30 * 60 * PL_NS_PER_S);
	assert_int_equal(store_number(&s, "SELECT sum(samples) FROM frame"), 600);
	assert_int_equal(s.trim.expired, 600);
	store_trim(&s, start + 3 * hour);
	assert_int_equal(store_number(&s, "SELECT count(*) FROM frame"), 0);
	assert_int_equal(s.trim.expired, 1200);
	pl_buf_finish(&lines);
	store_close(&s);
}

/* A series lives as long as it is written to, and its number is never given to another. */
static void silent_series_go(void **state)
{
	(void)state;
	struct store s;
	int64_t start = 20000 * day + hour;
	store_open(&s, day, UINT64_C(1) << 30);
	store_put(&s, start, "old,gone=1 old=1\nlive,host=a live=1\nlast,x=1 last=1\n");
	for (int d = 1; d <= 6; d++) {
		store_put(&s, start + d * day, "live,host=a live=1\n");
		store_trim(&s, start + d * day);
		assert_int_equal(store_number(&s, "SELECT count(*) FROM series"), d <= 3 ? 3 : 1);
	}
	assert_int_equal(store_number(&s, "SELECT count(*) FROM metric"), 1);
	assert_int_equal(store_number(&s, "SELECT count(*) FROM tag_key WHERE key = 'host'"), 1);
	assert_int_equal(store_number(&s, "SELECT count(*) FROM tag_key"), 1);
	store_put(&s, start + 6 * day, "new,host=a new=1\n");
	assert_int_equal(store_number(&s, "SELECT max(id) FROM series"), 4);
	assert_int_equal(s.series.count, 2);
	store_close(&s);
}

static void freed_space_goes_back(void **state)
{
	(void)state;
	struct store s;
	struct stat before, after;
	int64_t start = 20000 * day;
	struct pl_buf lines = {0};
	store_open(&s, hour, UINT64_C(1) << 30);
	for (int i = 0; i < 200; i++) {
		pl_buf_clear(&lines);
		for (int k = 0; k < 12000; k++)
			pl_buf_addf(&lines, "m%d v=%.17g %lld\n", k, (k + 1) / 7.0 + i, (long long)(start + i * PL_NS_PER_S));
		store_put(&s, start, pl_buf_cstr(&lines));
	}
	assert_int_equal(sqlite3_wal_checkpoint_v2(s.db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
	assert_int_equal(stat(s.path, &before), 0);
	assert_true(before.st_size > 20 * 1024 * 1024);
	store_trim(&s, start + 2 * hour);
	assert_int_equal(sqlite3_wal_checkpoint_v2(s.db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
	assert_int_equal(stat(s.path, &after), 0);
	assert_true(after.st_size < 18 * 1024 * 1024);
	pl_buf_finish(&lines);
	store_close(&s);
}

/* With more series than the cache has places every series keeps its one number. */
static void more_series_than_the_cache_holds(void **state)
{
	(void)state;
	struct store s;
	struct pl_buf lines = {0};
	int64_t now = 20000 * day;
	const int n = PL_LOCAL_SERIES_CACHE_MOST / 64 * 80;
	store_open(&s, day, UINT64_C(1) << 30);
	for (int round = 0; round < 2; round++) {
		pl_buf_clear(&lines);
		for (int i = 0; i < n; i++)
			pl_buf_addf(&lines, "m,i=%d v=%d %lld\n", i, round, (long long)now);
		store_put(&s, now, pl_buf_cstr(&lines));
		assert_int_equal(store_number(&s, "SELECT count(*) FROM series"), n);
		assert_int_equal(store_number(&s, "SELECT sum(samples) FROM frame"), n);
		assert_true(s.series.cap == PL_LOCAL_SERIES_CACHE_MOST);
	}
	pl_buf_finish(&lines);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_give_back_what_went_in),
	    cmocka_unit_test(damaged_frames),
	    cmocka_unit_test(frames_merge),
	    cmocka_unit_test(reductions),
	    cmocka_unit_test(tag_sets),
	    cmocka_unit_test(expired_samples_go),
	    cmocka_unit_test(silent_series_go),
	    cmocka_unit_test(freed_space_goes_back),
	    cmocka_unit_test(more_series_than_the_cache_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
