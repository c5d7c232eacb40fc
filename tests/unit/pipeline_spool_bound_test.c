/* What a spool does at its bounds. */
#include "spool_bench.h"

enum { MAX = 1 << 20, RECORD = 32 << 10 };

static int set_up(void **state)
{
	struct bench *b = pl_calloc(1, sizeof *b);
	bench_init(b);
	b->options.limits.max_bytes = MAX; /* a segment: half of it */
	bench_open(b);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	bench_finish(*state);
	free(*state);
	return 0;
}

/* Bytes of the segments' files, as the system sees them. */
static uint64_t disk_bytes(const struct bench *b)
{
	uint64_t n = 0;
	char path[128];
	for (uint64_t id = 1; id < 200; id++) {
		off_t size = bench_size(bench_segment(b, id, path));
		n += size > 0 ? (uint64_t)size : 0;
	}
	return n;
}

static void drop_oldest_lets_whole_segments_go(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref first = bench_append(b, 0, 3, RECORD), ref = first;
	uint64_t in = 3;
	for (unsigned i = 1; i < 200; i++, in += 3) {
		ref = bench_append(b, i, 3, RECORD);
		struct pl_spool_account a = bench_account(b);
		assert_int_equal(disk_bytes(b), a.bytes_on_disk);
		assert_true(a.bytes_on_disk <= MAX + MAX / 2);
	}
	struct pl_spool_account a = bench_account(b);
	assert_int_equal(a.points_in, in);
	assert_int_equal(a.dropped[PL_DROP_FULL_OLDEST], in - a.points_pending);
	assert_true(a.points_pending >= (MAX / 2 / RECORD - 2) * 3);
	bench_out(b, first, 3); /* its segment is gone */
	assert_int_equal(bench_account(b).points_out, 0);
	bench_out(b, ref, 3);
	assert_account(b, in, 3, a.points_pending - 3);
	bench_reopen(b);
	assert_account(b, in, 3, a.points_pending - 3);
	assert_int_equal(bench_account(b).dropped[PL_DROP_FULL_OLDEST], a.dropped[PL_DROP_FULL_OLDEST]);
	struct pl_batch *batch;
	assert_int_equal(pl_spool_read(b->spool, first, false, &batch, &ref), PL_OK); /* goes on behind the gap */
	assert_true(bench_mark(batch) > 100);
	pl_batch_release(batch);
}

static void what_is_under_way_is_not_dropped(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref first = bench_append(b, 0, 3, RECORD);
	pl_spool_pin(b->spool, first.segment, first.segment);
	for (unsigned i = 1; i < 200; i++) {
		bench_append(b, i, 3, RECORD);
		assert_true(bench_account(b).bytes_on_disk <= MAX + MAX / 2);
	}
	assert_true(bench_account(b).dropped[PL_DROP_FULL_OLDEST] > 0);
	assert_true(pl_spool_has(b->spool, first.segment));
	assert_false(pl_spool_has(b->spool, first.segment + 1));
	bench_out(b, first, 3);
	assert_int_equal(bench_account(b).points_out, 3);
	pl_spool_pin(b->spool, 0, 0);
	for (unsigned i = 200; i < 300; i++)
		bench_append(b, i, 3, RECORD);
	assert_false(pl_spool_has(b->spool, first.segment));
	pl_spool_pin(b->spool, 1, UINT64_MAX); /* nothing is left that could go */
	struct pl_spool_ref ref;
	enum pl_err err = PL_OK;
	for (unsigned i = 0; i < 40 && err == PL_OK; i++)
		err = bench_try(b, i, 3, RECORD, &ref);
	assert_int_equal(err, PL_EFULL);
	assert_true(bench_account(b).bytes_on_disk <= MAX + MAX / 2);
}

static void only_what_is_pending_is_dropped(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref first = bench_append(b, 0, 2, RECORD);
	uint64_t pending = 2;
	bench_out(b, bench_append(b, 1, 5, RECORD), 5);
	for (unsigned i = 2; i < 60 && bench_account(b).dropped[PL_DROP_FULL_OLDEST] == 0; i++)
		pending += bench_append(b, i, 1, RECORD).segment == first.segment;
	assert_int_equal(bench_account(b).dropped[PL_DROP_FULL_OLDEST], pending);
}

static void drop_newest_says_full_until_there_is_room(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref refs[64], ref = {0, 0};
	unsigned n = 0;
	b->options.limits.policy = PL_POLICY_DROP_NEWEST;
	pl_spool_set_limits(b->spool, &b->options.limits);
	while (bench_try(b, n, 1, RECORD, &ref) == PL_OK)
		refs[n++] = ref;
	assert_in_range(n, MAX / RECORD - 4, MAX / RECORD);
	assert_int_equal(bench_try(b, n, 1, RECORD, &ref), PL_EFULL);
	assert_account(b, n, 0, n);
	assert_true(bench_account(b).bytes_on_disk <= MAX);
	unsigned i = 0;
	for (; refs[i].segment == refs[0].segment; i++)
		bench_out(b, refs[i], 1);
	bench_append(b, 99, 1, RECORD);
	assert_account(b, n + 1, i, n + 1 - i);
}

static void a_batch_larger_than_the_bound_is_refused(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref ref;
	bench_append(b, 1, 1, RECORD);
	assert_int_equal(bench_try(b, 2, 1, MAX, &ref), PL_EFULL);
	assert_pending(b, "1");
	assert_int_equal(bench_try(b, 3, 1, MAX - 4096, &ref), PL_OK); /* makes room */
	assert_pending(b, "3");
	assert_true(bench_account(b).bytes_on_disk <= MAX);
}

static void smaller_limits_hold_from_the_next_batch_on(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < 24; i++)
		bench_append(b, i, 1, RECORD);
	b->options.limits.max_bytes = 4 * RECORD;
	pl_spool_set_limits(b->spool, &b->options.limits);
	bench_append(b, 24, 1, RECORD);
	assert_true(bench_account(b).bytes_on_disk <= 6 * RECORD);
	assert_int_equal(bench_account(b).points_in, 25);
}

/* A batch that was sealed so long ago. */
static struct pl_spool_ref append_aged(struct bench *b, unsigned mark, int64_t age_ns)
{
	struct pl_spool_ref ref;
	char reason[256];
	struct pl_batch *batch = bench_batch(b->route, mark, 1, 100);
	batch->sealed_mono_ns -= age_ns;
	assert_int_equal(pl_spool_append(b->spool, batch, false, false, &ref, reason, sizeof reason), PL_OK);
	pl_batch_release(batch);
	return ref;
}

static void what_is_too_old_goes(void **state)
{
	struct bench *b = *state;
	static const int ages[] = {400, 300, 200, 100, 0};
	static const struct {
		int after; /* seconds */
		const char *pending;
		uint64_t dropped;
	} rows[] = {
	    {0, "0 1 2 3 4", 0}, {690, "0 1 2 3 4", 0}, {850, "2 3 4", 1}, /* the first one was out by then */
	    {950, "3 4", 2},     {2000, "", 4},
	};
	struct pl_spool_ref refs[PL_COUNT_OF(ages)];
	b->options.limits.max_age_ns = 1100 * PL_NS_PER_S;
	bench_reopen(b);
	int64_t now = pl_clock_wall_ns();
	for (unsigned i = 0; i < PL_COUNT_OF(ages); i++)
		refs[i] = append_aged(b, i, ages[i] * PL_NS_PER_S);
	assert_in_range(pl_spool_account(b->spool).oldest_wall_ns, now - 401 * PL_NS_PER_S, now - 399 * PL_NS_PER_S);
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		if (i == 2)
			bench_out(b, refs[0], 1);
		pl_spool_expire(b->spool, now + rows[i].after * PL_NS_PER_S);
		assert_pending(b, rows[i].pending);
		assert_int_equal(bench_account(b).dropped[PL_DROP_TOO_OLD], rows[i].dropped);
		bench_reopen(b);
		assert_int_equal(bench_account(b).dropped[PL_DROP_TOO_OLD], rows[i].dropped);
	}
	assert_account(b, 5, 1, 0);
	assert_int_equal(bench_files(b, ".seg"), 0);
	assert_int_equal(bench_account(b).oldest_wall_ns, 0);
}

static void without_a_bound_nothing_is_too_old(void **state)
{
	struct bench *b = *state;
	append_aged(b, 1, 100);
	pl_spool_expire(b->spool, INT64_MAX);
	assert_pending(b, "1");
}

static void a_large_queue_opens_by_its_heads(void **state)
{
	struct bench *b = *state;
	b->options.limits.max_bytes = 256 << 20;
	bench_reopen(b);
	for (unsigned i = 0; i < 400; i++)
		bench_append(b, i, 10, 256 << 10);
	bench_close(b);
	uint64_t before = 0, after = 0;
	char line[128];
	for (int k = 0; k < 2; k++) {
		FILE *io = fopen("/proc/self/io", "r");
		assert_non_null(io);
		while (fgets(line, sizeof line, io) != NULL)
			sscanf(line, "rchar: %" SCNu64, k == 0 ? &before : &after);
		fclose(io);
		if (k == 0)
			bench_open(b);
	}
	assert_true(after - before < 24 << 20); /* of 100 MiB: the last segment's pending bodies and 64 KiB here and there */
	assert_account(b, 4000, 0, 4000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(drop_oldest_lets_whole_segments_go),
	    TEST(only_what_is_pending_is_dropped),
	    TEST(what_is_under_way_is_not_dropped),
	    TEST(drop_newest_says_full_until_there_is_room),
	    TEST(a_batch_larger_than_the_bound_is_refused),
	    TEST(smaller_limits_hold_from_the_next_batch_on),
	    TEST(what_is_too_old_goes),
	    TEST(without_a_bound_nothing_is_too_old),
	    TEST(a_large_queue_opens_by_its_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
