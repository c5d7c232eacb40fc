/* A disk that is full, read-only or broken. */
#include "spool_bench.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* A disk that gives or takes no bytes cannot be had for a test: these stand before the C library's. */
static struct {
	bool writes;              /* fail */
	off_t read_from, read_to; /* offsets at which reads fail */
} broken;

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	if (at >= broken.read_from && at < broken.read_to) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, p, n, at);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	if (broken.writes) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwritev, fd, v, n, at, 0);
}

static void a_file_that_may_not_grow_is_put_back(void **state)
{
	(void)state;
	struct bench b;
	struct rlimit old, low;
	struct pl_spool_ref ref;
	char path[128];
	bench_init(&b);
	bench_open(&b);
	bench_append(&b, 1, 1, 80000);
	off_t size = bench_size(bench_segment(&b, 1, path));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	low = (struct rlimit){100000, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &low);
	enum pl_err first = bench_try(&b, 2, 1, 80000, &ref), second = bench_try(&b, 3, 1, 120000, &ref),
		    third = bench_try(&b, 4, 1, 80000, &ref);
	size_t files = bench_files(&b, ".seg");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(first, PL_EIO); /* 20000 bytes of it were written */
	assert_int_equal(bench_size(path), size);
	assert_int_equal(second, PL_EIO);
	assert_int_equal(third, PL_OK); /* in a file of its own */
	assert_int_equal(files, 2);
	bench_append(&b, 5, 1, 200000);
	bench_reopen(&b);
	assert_pending(&b, "1 4 5");
	assert_int_equal(bench_account(&b).torn + bench_account(&b).corrupt, 0);
	bench_finish(&b);
}

/* A file system of its own on the directory; false: not allowed here. */
static bool mount_on(const struct bench *b, const char *options)
{
	if (mount("none", b->dir, "tmpfs", 0, options) == 0)
		return true;
	print_message("SKIPPED: no tmpfs can be mounted here: %s\n", strerror(errno));
	return false;
}

static void a_full_disk_gives_way_when_points_are_out(void **state)
{
	(void)state;
	struct bench b;
	struct pl_spool_ref refs[64], ref = {0, 0};
	unsigned n = 0;
	bench_init(&b);
	if (!mount_on(&b, "size=1m")) {
		bench_finish(&b);
		skip();
	}
	bench_open(&b);
	while (n < 64 && bench_try(&b, n, 1, 50000, &ref) == PL_OK)
		refs[n++] = ref;
	assert_in_range(n, 15, 20);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(bench_try(&b, 99, 1, 50000, &ref), PL_EIO);
	assert_account(&b, n, 0, n);
	assert_int_equal(bench_files(&b, ".seg"), 1); /* nothing is left of the attempts */
	bench_reopen(&b);
	assert_int_equal(bench_account(&b).torn + bench_account(&b).corrupt, 0);
	for (unsigned i = 0; i < n; i++)
		bench_out(&b, refs[i], 1); /* needs no room */
	assert_account(&b, n, n, 0);
	assert_int_equal(bench_files(&b, ".seg"), 0);
	bench_append(&b, 7, 1, 50000);
	bench_reopen(&b);
	assert_pending(&b, "7");
	assert_account(&b, n + 1, n, 1);
	bench_close(&b);
	assert_int_equal(umount2(b.dir, MNT_DETACH), 0);
	bench_finish(&b);
}

static void a_read_only_disk_is_read(void **state)
{
	(void)state;
	struct bench b;
	struct pl_spool_ref refs[3], ref;
	bench_init(&b);
	if (!mount_on(&b, "size=4m")) {
		bench_finish(&b);
		skip();
	}
	bench_open(&b);
	for (unsigned i = 0; i < 3; i++)
		refs[i] = bench_append(&b, i, 1 + i, 1000);
	for (int with_open = 0; with_open < 2; with_open++) { /* turned read-only under the spool, and before it was opened */
		bench_close(&b);
		if (with_open == 0)
			bench_open(&b);
		assert_int_equal(mount("none", b.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
		if (with_open == 1)
			bench_open(&b);
		assert_int_equal(bench_try(&b, 9, 1, 0, &ref), PL_EIO);
		bench_out(&b, refs[with_open], 1 + (uint32_t)with_open);
		assert_pending(&b, with_open == 0 ? "1 2" : "2");
		assert_account(&b, 6, with_open == 0 ? 1 : 3, with_open == 0 ? 5 : 3);
		assert_int_equal(mount("none", b.dir, NULL, MS_REMOUNT, NULL), 0);
	}
	bench_append(&b, 4, 1, 0);
	bench_reopen(&b);
	assert_pending(&b, "2 4"); /* what was settled meanwhile was written when it could be */
	assert_account(&b, 7, 3, 4);
	bench_close(&b);
	assert_int_equal(umount2(b.dir, MNT_DETACH), 0);
	bench_finish(&b);
}

static void outcomes_that_cannot_be_written_are_bounded(void **state)
{
	(void)state;
	struct bench b;
	struct pl_spool_ref refs[700], at = {0, 0};
	struct pl_batch *batch;
	bench_init(&b);
	bench_open(&b);
	for (unsigned i = 0; i < 700; i++)
		refs[i] = bench_append(&b, i, 1, 0);
	broken.writes = true;
	for (unsigned i = 0; i < 700; i++)
		bench_out(&b, refs[i], 1);
	enum pl_err err = pl_spool_read(b.spool, at, false, &batch, &at);
	struct pl_spool_account a = bench_account(&b);
	enum pl_err append = bench_try(&b, 9, 1, 0, &at);
	broken.writes = false;
	assert_int_equal(a.points_out, 512);
	assert_int_equal(err, PL_ENOENT); /* what could not be settled is not sent again and again */
	assert_int_equal(append, PL_EIO);
	pl_spool_expire(b.spool, pl_clock_wall_ns());
	at = (struct pl_spool_ref){0, 0};
	assert_int_equal(pl_spool_read(b.spool, at, false, &batch, &at), PL_OK);
	assert_int_equal(bench_mark(batch), 512);
	pl_batch_release(batch);
	bench_reopen(&b);
	assert_account(&b, 700, 512, 188);
	bench_finish(&b);
}

static void a_bad_sector_costs_its_record_but_an_absent_disk_nothing(void **state)
{
	(void)state;
	struct bench b;
	struct pl_spool_ref refs[4], at = {0, 0};
	struct pl_batch *batch;
	bench_init(&b);
	bench_open(&b);
	for (unsigned i = 0; i < 4; i++)
		refs[i] = bench_append(&b, i, 1 + i, 9000);
	broken.read_to = INT64_MAX;
	assert_int_equal(pl_spool_read(b.spool, at, false, &batch, &at), PL_EIO);
	broken.read_from = (off_t)refs[0].offset + 256; /* bodies only */
	assert_int_equal(pl_spool_read(b.spool, at, false, &batch, &at), PL_EIO);
	broken.read_from = broken.read_to = 0;
	assert_pending(&b, "0 1 2 3");
	broken.read_from = (off_t)refs[1].offset + 256;
	broken.read_to = (off_t)refs[2].offset;
	assert_pending(&b, "0 2 3");
	broken.read_from = broken.read_to = 0;
	assert_pending(&b, "0 2 3");
	assert_account(&b, 10, 0, 8);
	assert_int_equal(bench_account(&b).dropped[PL_DROP_CORRUPT], 2);
	assert_int_equal(bench_account(&b).corrupt, 1);
	bench_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_that_may_not_grow_is_put_back),
	    cmocka_unit_test(a_full_disk_gives_way_when_points_are_out),
	    cmocka_unit_test(a_read_only_disk_is_read),
	    cmocka_unit_test(outcomes_that_cannot_be_written_are_bounded),
	    cmocka_unit_test(a_bad_sector_costs_its_record_but_an_absent_disk_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
