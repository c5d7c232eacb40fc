/* A process that is killed in the middle of its work, again and again: what it was told is true. */
#include "spool_bench.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { ROUNDS = 60, MARKS = 1 << 20, WINDOW = 48 };
enum { UNKNOWN, APPENDING, APPENDED, SETTLING, SETTLED };

/* What the child tells, in memory that it shares with its parent. */
struct progress {
	_Atomic unsigned next;
	_Atomic unsigned torn; /* records, over all rounds */
	_Atomic unsigned char of[MARKS];
};

static uint32_t points_of(unsigned mark)
{
	return 1 + mark % 5;
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void settle(struct bench *b, struct progress *p, unsigned mark, struct pl_spool_ref ref)
{
	atomic_store(&p->of[mark], SETTLING);
	bench_out(b, ref, points_of(mark));
	atomic_store(&p->of[mark], SETTLED);
}

/* Appends and settles, in order and out of order, until it is killed. */
static void work(struct bench *b, struct progress *p, uint32_t seed)
{
	struct {
		unsigned mark;
		struct pl_spool_ref ref;
	} waiting[WINDOW];
	size_t n = 0;
	struct pl_spool_ref at = {0, 0};
	struct pl_batch *batch;
	char reason[256];
	if (pl_spool_open(&b->spool, &b->options, reason, sizeof reason) != PL_OK)
		_exit(1);
	while (n < WINDOW - 1 && pl_spool_read(b->spool, at, false, &batch, &at) == PL_OK) {
		waiting[n].mark = bench_mark(batch);
		waiting[n++].ref = at;
		pl_batch_release(batch);
	}
	for (;;) {
		unsigned mark = atomic_load(&p->next);
		if (mark == MARKS)
			_exit(2);
		size_t bytes = draw(&seed) % 8 == 0 ? draw(&seed) % 300000 : draw(&seed) % 5000;
		batch = bench_batch(b->route, mark, points_of(mark), bytes);
		atomic_store(&p->of[mark], APPENDING);
		atomic_store(&p->next, mark + 1);
		if (pl_spool_append(b->spool, batch, false, false, &waiting[n].ref, reason, sizeof reason) != PL_OK)
			_exit(3);
		atomic_store(&p->of[mark], APPENDED);
		pl_batch_release(batch);
		waiting[n++].mark = mark;
		while (n == WINDOW || (n > 0 && draw(&seed) % 2 == 0)) {
			size_t i = draw(&seed) % 4 == 0 ? draw(&seed) % n : 0;
			settle(b, p, waiting[i].mark, waiting[i].ref);
			memmove(&waiting[i], &waiting[i + 1], (--n - i) * sizeof waiting[0]);
		}
	}
}

/* Compares what is there with what the child was told. */
static void check(struct bench *b, struct progress *p, unsigned char *seen)
{
	struct pl_spool_ref at = {0, 0};
	struct pl_batch *batch;
	uint64_t in = 0, pending = 0;
	unsigned n = atomic_load(&p->next);
	memset(seen, 0, n);
	bench_open(b);
	while (pl_spool_read(b->spool, at, false, &batch, &at) == PL_OK) {
		unsigned mark = bench_mark(batch);
		assert_true(mark < n);
		assert_int_equal(seen[mark]++, 0);
		assert_int_equal(batch->points, points_of(mark));
		pending += batch->points;
		pl_batch_release(batch);
	}
	for (unsigned mark = 0; mark < n; mark++) {
		switch (atomic_load(&p->of[mark])) {
		case APPENDING: /* it may be there or not, but for good */
			if (seen[mark] > 0)
				atomic_store(&p->of[mark], APPENDED);
			else
				atomic_store(&p->of[mark], UNKNOWN);
			break;
		case APPENDED:
			assert_int_equal(seen[mark], 1);
			break;
		case SETTLING:
			atomic_store(&p->of[mark], seen[mark] > 0 ? APPENDED : SETTLED);
			break;
		default: /* UNKNOWN, SETTLED */
			assert_int_equal(seen[mark], 0);
		}
		in += atomic_load(&p->of[mark]) != UNKNOWN ? points_of(mark) : 0;
	}
	assert_account(b, in, in - pending, pending);
	assert_true(pl_spool_account(b->spool).torn <= 1);
	atomic_fetch_add(&p->torn, (unsigned)pl_spool_account(b->spool).torn);
	assert_int_equal(pl_spool_account(b->spool).corrupt, 0);
	assert_int_equal(bench_files(b, ".bad"), 0);
	bench_close(b);
}

static void what_was_promised_is_kept(void **state)
{
	(void)state;
	struct bench b;
	struct progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned char *seen = pl_alloc(MARKS);
	uint32_t seed = (uint32_t)pl_clock_wall_ns();
	assert_ptr_not_equal(p, MAP_FAILED);
	printf("seed %u\n", seed);
	bench_init(&b);
	for (int round = 0; round < ROUNDS; round++) {
		int status;
		unsigned before = atomic_load(&p->next);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			work(&b, p, draw(&seed));
		draw(&seed);
		for (unsigned i = 0; i < 1000 && atomic_load(&p->next) == before; i++)
			usleep(1000); /* now and then it shall get somewhere */
		usleep(round % 4 == 0 ? draw(&seed) % 200 : draw(&seed) % 20000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		check(&b, p, seen);
	}
	printf("%u records appended, %u torn\n", atomic_load(&p->next), atomic_load(&p->torn));
	bench_finish(&b);
	free(seen);
	munmap(p, sizeof *p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_promised_is_kept)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
