/* A spool whose disk is well. */
#include "spool_bench.h"

#include <sys/wait.h>

static int set_up(void **state)
{
	struct bench *b = pl_calloc(1, sizeof *b);
	bench_init(b);
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

static void keeps_batches_over_a_restart(void **state)
{
	struct bench *b = *state;
	struct pl_batch *batch, *first = bench_batch(b->route, 1, 3, 0);
	struct pl_spool_ref ref;
	char reason[256];
	assert_int_equal(pl_spool_append(b->spool, first, false, false, &ref, reason, sizeof reason), PL_OK);
	bench_append(b, 2, 5, 3000);
	bench_reopen(b);
	assert_account(b, 8, 0, 8);
	assert_int_equal(pl_spool_read(b->spool, (struct pl_spool_ref){0, 0}, false, &batch, &ref), PL_OK);
	assert_int_equal(batch->n, first->n);
	assert_memory_equal(batch->p, first->p, first->n);
	assert_int_equal(batch->points, 3);
	assert_true(pl_route_eq(batch->route, b->route));
	assert_true(batch->sealed_mono_ns <= pl_clock_mono_ns());
	bench_out(b, ref, 3);
	pl_batch_release(batch);
	pl_batch_release(first);
	assert_pending(b, "2");
	bench_reopen(b);
	assert_pending(b, "2");
	assert_account(b, 8, 3, 5);
	assert_int_equal(bench_account(b).torn + bench_account(b).corrupt, 0);
}

static void keeps_routes_apart(void **state)
{
	struct bench *b = *state;
	struct pl_route *routes[] = {pl_route_create("", ""), pl_route_create("a", ""), pl_route_create("", "a"),
				     pl_route_create("a", "")};
	struct pl_spool_ref at = {0, 0};
	char reason[256];
	for (unsigned i = 0; i < PL_COUNT_OF(routes); i++) {
		struct pl_batch *batch = bench_batch(routes[i], i, 1, 0);
		assert_int_equal(pl_spool_append(b->spool, batch, false, false, &at, reason, sizeof reason), PL_OK);
		pl_batch_release(batch);
	}
	bench_reopen(b);
	at = (struct pl_spool_ref){0, 0};
	for (unsigned i = 0; i < PL_COUNT_OF(routes); i++) {
		struct pl_batch *batch;
		assert_int_equal(pl_spool_read(b->spool, at, false, &batch, &at), PL_OK);
		assert_int_equal(bench_mark(batch), i);
		assert_true(pl_route_eq(batch->route, routes[i]));
		pl_batch_release(batch);
		pl_route_release(routes[i]);
	}
}

static void settles_in_any_order(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref refs[6];
	for (unsigned i = 0; i < 6; i++)
		refs[i] = bench_append(b, i, i + 1, 600);
	static const unsigned order[] = {3, 0, 5, 1, 2};
	static const char *const left[] = {"0 1 2 4 5", "1 2 4 5", "1 2 4", "2 4", "4"};
	uint64_t out = 0;
	for (size_t i = 0; i < PL_COUNT_OF(order); i++) {
		bench_out(b, refs[order[i]], order[i] + 1);
		bench_out(b, refs[order[i]], order[i] + 1); /* a second time: ignored */
		out += order[i] + 1;
		assert_pending(b, left[i]);
		assert_account(b, 21, out, 21 - out);
		if (i % 2 == 0)
			bench_reopen(b);
	}
	assert_int_equal(bench_files(b, ".seg"), 1);
	bench_out(b, refs[4], 5);
	assert_account(b, 21, 21, 0);
	assert_int_equal(bench_files(b, ".seg"), 0); /* nothing else will come into it */
	bench_reopen(b);
	assert_account(b, 21, 21, 0);
	bench_out(b, refs[4], 5);
	bench_out(b, (struct pl_spool_ref){0, 0}, 5);
	bench_out(b, (struct pl_spool_ref){77, 128}, 5);
	assert_account(b, 21, 21, 0);
}

static void counts_every_kind_of_outcome(void **state)
{
	struct bench *b = *state;
	struct pl_spool_outcome o = {.out = 1, .quarantined = 2, .moved = 3};
	uint32_t points = 6;
	for (uint32_t d = 0; d < PL_DROP_COUNT; d++) {
		o.dropped[d] = 10 + d;
		points += 10 + d;
	}
	struct pl_spool_ref ref = bench_append(b, 1, points, 0), moved;
	struct pl_batch *part = bench_batch(b->route, 2, 3, 0);
	char reason[256];
	assert_int_equal(pl_spool_append(b->spool, part, true, true, &moved, reason, sizeof reason), PL_OK);
	pl_batch_release(part);
	pl_spool_settle(b->spool, ref, &o);
	for (int round = 0; round < 3; round++) {
		struct pl_spool_account a = bench_account(b);
		assert_int_equal(a.points_in, points);
		assert_int_equal(a.points_out, round < 2 ? 1 : 4);
		assert_int_equal(a.points_quarantined, 2);
		assert_int_equal(a.points_pending, round < 2 ? 3 : 0);
		for (size_t d = 0; d < PL_DROP_COUNT; d++)
			assert_int_equal(a.dropped[d], 10 + d);
		if (round == 1)
			bench_out(b, moved, 3);
		bench_reopen(b);
	}
}

static void an_outcome_that_does_not_fit_is_made_to(void **state)
{
	struct bench *b = *state;
	static const struct {
		uint32_t points, out, counted_out;
	} rows[] = {{5, 3, 3}, {5, 9, 0}, {5, 0, 0}};
	uint64_t in = 0, out = 0;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		bench_out(b, bench_append(b, 1, rows[i].points, 0), rows[i].out);
		in += rows[i].points;
		out += rows[i].counted_out;
		assert_account(b, in, out, 0);
		assert_int_equal(bench_account(b).dropped[PL_DROP_CORRUPT], in - out);
	}
}

static void held_records_are_read_apart(void **state)
{
	struct bench *b = *state;
	struct pl_buf text = {0};
	char reason[256];
	for (unsigned i = 0; i < 6; i++) {
		struct pl_spool_ref ref;
		struct pl_batch *batch = bench_batch(b->route, i, 1, 0);
		assert_int_equal(pl_spool_append(b->spool, batch, i % 3 == 1, i % 3 == 1, &ref, reason, sizeof reason), PL_OK);
		pl_batch_release(batch);
	}
	for (int round = 0; round < 2; round++) {
		assert_string_equal(bench_pending(b, false, &text), "0 2 3 5");
		assert_string_equal(bench_pending(b, true, &text), "1 4");
		bench_reopen(b);
	}
	pl_buf_finish(&text);
}

static void a_healthy_spool_keeps_no_files(void **state)
{
	struct bench *b = *state;
	size_t most = 0;
	for (unsigned i = 0; i < 2000; i++) {
		bench_out(b, bench_append(b, i, 2, 8000), 2);
		struct pl_spool_account a = pl_spool_account(b->spool);
		assert_true(a.bytes_on_disk <= (1 << 20) + 9000);
		most = a.segments > most ? a.segments : most;
	}
	assert_int_equal(most, 1);
	assert_account(b, 4000, 4000, 0);
	bench_reopen(b);
	assert_int_equal(bench_files(b, ".seg"), 0);
	assert_account(b, 4000, 4000, 0);
	assert_true(bench_append(b, 1, 1, 0).segment > 10); /* numbers are never used again */
}

static void reads_on_behind_a_segment_that_is_gone(void **state)
{
	struct bench *b = *state;
	struct pl_spool_ref refs[12], at = {0, 0};
	struct pl_batch *batch;
	for (unsigned i = 0; i < 12; i++)
		refs[i] = bench_append(b, i, 1, 1 << 20); /* four to a segment */
	assert_int_equal(pl_spool_read(b->spool, at, false, &batch, &at), PL_OK);
	pl_batch_release(batch);
	for (unsigned i = 0; refs[i].segment == refs[0].segment; i++)
		bench_out(b, refs[i], 1);
	assert_int_equal(pl_spool_read(b->spool, at, false, &batch, &at), PL_OK);
	assert_int_equal(at.segment, refs[0].segment + 1);
	assert_int_equal(refs[bench_mark(batch)].segment, at.segment);
	assert_int_equal(refs[bench_mark(batch)].offset, at.offset);
	pl_batch_release(batch);
}

static void asks_to_sync_what_waits(void **state)
{
	struct bench *b = *state;
	int64_t before = pl_clock_wall_ns() - 1;
	assert_false(pl_spool_needs_sync(b->spool, INT64_MAX));
	struct pl_spool_ref first = bench_append(b, 1, 1, 0);
	assert_false(pl_spool_needs_sync(b->spool, before));
	assert_true(pl_spool_needs_sync(b->spool, pl_clock_wall_ns()));
	assert_int_equal(pl_spool_sync(b->spool), PL_OK);
	assert_false(pl_spool_needs_sync(b->spool, INT64_MAX));
	struct pl_spool_ref second = bench_append(b, 2, 1, 0);
	assert_true(pl_spool_needs_sync(b->spool, INT64_MAX));
	bench_out(b, second, 1);
	bench_out(b, first, 1);
	assert_false(pl_spool_needs_sync(b->spool, INT64_MAX));
	bench_append(b, 3, 1, 0);
	bench_reopen(b);
	assert_true(pl_spool_needs_sync(b->spool, INT64_MAX)); /* who knows */
	assert_int_equal(pl_spool_sync(b->spool), PL_OK);
	assert_false(pl_spool_needs_sync(b->spool, INT64_MAX));
}

static void files_are_for_the_owner_alone(void **state)
{
	struct bench *b = *state;
	char path[128];
	struct stat st;
	mode_t mask = umask(0);
	bench_close(b);
	char deep[96];
	snprintf(deep, sizeof deep, "%s/a/b", b->dir);
	b->options.dir = deep;
	bench_open(b);
	bench_append(b, 1, 1, 0);
	umask(mask);
	static const struct {
		const char *name;
		mode_t mode;
	} rows[] = {{"a", 0700}, {"a/b", 0700}, {"a/b/ledger", 0600}, {"a/b/lock", 0600}, {"a/b/0000000000000001.seg", 0600}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		assert_int_equal(stat(bench_path(b, rows[i].name, path), &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].mode);
	}
	for (int fd = 3; fd < 256; fd++) {
		char link[64], target[256] = "";
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof target - 1) > 0 && strstr(target, b->dir) != NULL)
			assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	bench_close(b);
	b->options.dir = b->dir;
}

static void a_second_process_is_refused(void **state)
{
	struct bench *b = *state;
	char expected[192], reason[256] = "";
	snprintf(expected, sizeof expected, "%s is in use by process %d", b->dir, (int)getpid());
	bench_append(b, 1, 1, 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pl_spool *s;
		enum pl_err err = pl_spool_open(&s, &b->options, reason, sizeof reason);
		_exit(err == PL_EINUSE && strcmp(reason, expected) == 0 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_pending(b, "1");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(keeps_batches_over_a_restart),
	    TEST(keeps_routes_apart),
	    TEST(settles_in_any_order),
	    TEST(counts_every_kind_of_outcome),
	    TEST(an_outcome_that_does_not_fit_is_made_to),
	    TEST(held_records_are_read_apart),
	    TEST(a_healthy_spool_keeps_no_files),
	    TEST(reads_on_behind_a_segment_that_is_gone),
	    TEST(asks_to_sync_what_waits),
	    TEST(files_are_for_the_owner_alone),
	    TEST(a_second_process_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
