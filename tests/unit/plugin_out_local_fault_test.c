/* The local store in trouble: files that are not ours, full disks, held locks, damage; and that it goes on by itself afterwards.
 */
#include "plugin_out_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct pl_plugin pl_plugin_out_local;

struct fixture {
	char directory[256], path[300], yaml[512];
};

static int set_up(void **state)
{
	struct fixture *f = pl_calloc(1, sizeof *f);
	harness_directory(f->directory, sizeof f->directory);
	snprintf(f->path, sizeof f->path, "%s/p.db", f->directory);
	snprintf(f->yaml, sizeof f->yaml, "path: %s\n", f->path);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	harness_remove(f->directory);
	free(f);
	return 0;
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void expect_refused(struct fixture *f, const char *words)
{
	struct harness h;
	assert_int_not_equal(harness_try_open(&h, &pl_plugin_out_local, f->yaml), PL_OK);
	if (strstr(h.reason, words) == NULL || strstr(h.reason, f->directory) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", h.reason, words);
	harness_free(&h);
}

static void other_programs_files_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	sql(f->path, "CREATE TABLE bookmarks(url TEXT)");
	assert_int_equal(stat(f->path, &before), 0);
	expect_refused(f, "another program");
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	sql(f->path, "DROP TABLE bookmarks; VACUUM; PRAGMA application_id=77");
	expect_refused(f, "another program");
	write_file(f->path, "A text, of some length, as it lies about in a directory where somebody else works.\n");
	expect_refused(f, "not an SQLite database");
}

static void newer_formats_are_refused(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	harness_close(&h);
	sql(f->path, "PRAGMA user_version=9");
	expect_refused(f, "newer Pulseline (format 9");
}

static void bad_places(void **state)
{
	struct fixture *f = *state;
	char file[300];
	snprintf(file, sizeof file, "%s/file", f->directory);
	write_file(file, "x");
	snprintf(f->yaml, sizeof f->yaml, "path: %s/a/b/p.db\n", f->directory);
	expect_refused(f, "cannot make the directory");
	snprintf(f->yaml, sizeof f->yaml, "path: %s/file/p.db\n", f->directory);
	expect_refused(f, "p.db");
	snprintf(f->yaml, sizeof f->yaml, "path: %s\n", f->directory);
	expect_refused(f, "cannot be opened");
}

static void deleted_file_is_begun_anew(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(harness_deliver(&h, "a value=1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(harness_deliver(&h, "b value=1\n")->kind, PL_VERDICT_DONE);
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "b");
	assert_int_equal(access(f->path, F_OK), 0);
	harness_close(&h);
}

static void damage_holds_until_the_file_is_moved_away(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	char garbage[4096 * 4], wal[304];
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(harness_deliver(&h, "a value=1\n")->kind, PL_VERDICT_DONE);
	harness_close(&h);
	memset(garbage, 0xa5, sizeof garbage);
	int fd = open(f->path, O_WRONLY);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, 2 * 4096), sizeof garbage);
	close(fd);
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	for (int i = 0; i < 2; i++) {
		const struct pl_verdict *v = harness_deliver(&h, "b,t=1 value=1\n");
		assert_int_equal(v->kind, PL_VERDICT_HOLD);
		assert_non_null(strstr(v->reason, "damaged"));
	}
	unlink(f->path);
	snprintf(wal, sizeof wal, "%s-wal", f->path);
	unlink(wal);
	assert_int_equal(harness_deliver(&h, "b value=1\n")->kind, PL_VERDICT_DONE);
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "b");
	harness_close(&h);
}

static void a_held_lock_passes(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	sqlite3 *other = NULL;
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	const struct pl_verdict *v = harness_deliver(&h, "a value=1\n");
	assert_int_equal(v->kind, PL_VERDICT_RETRY);
	assert_non_null(strstr(v->reason, "lock"));
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), ""); /* reading is not in the way */
	sqlite3_close(other);
	assert_int_equal(harness_deliver(&h, "a value=1\n")->kind, PL_VERDICT_DONE);
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "a");
	harness_close(&h);
}

/* A page of n series with values that do not compress, at a time of its own. */
static void page(struct pl_buf *out, unsigned n, unsigned round)
{
	long long t = pl_clock_wall_ns() - (long long)(100000 - round) * 1000000;
	pl_buf_clear(out);
	for (unsigned i = 0; i < n; i++)
		pl_buf_addf(out, "series%u,instance=a value=%.17g %lld\n", i, (i + 1) / 7.0 + round, t);
}

/* Delivers pages until one is not done, or all are. */
static unsigned fill(struct harness *h, unsigned rounds, struct pl_verdict *last)
{
	struct pl_buf lines = {0};
	unsigned i = 0;
	for (; i < rounds; i++) {
		page(&lines, 1000, i);
		*last = *harness_deliver(h, pl_buf_cstr(&lines));
		if (last->kind != PL_VERDICT_DONE)
			break;
	}
	pl_buf_finish(&lines);
	return i;
}

static int64_t samples_in(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT sum(samples) FROM frame", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void max_bytes_displaces_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	struct pl_verdict v;
	struct stat st;
	char yaml[600];
	snprintf(yaml, sizeof yaml, "%smax_bytes: 1MiB\n", f->yaml);
	harness_open(&h, &pl_plugin_out_local, yaml);
	assert_int_equal(fill(&h, 500, &v), 500); /* some 4.5 MB of values */
	harness_close(&h);
	assert_int_equal(stat(f->path, &st), 0);
	assert_in_range(st.st_size, 512 * 1024, 4 * 1024 * 1024);
	int64_t left = samples_in(f->path);
	assert_in_range(left, 10000, 200000);
}

/* As when the disk is full in the middle of a delivery: nothing of it stays, and it works again once there is room. */
static void file_size_limit(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	struct pl_verdict v;
	struct rlimit old, tight;
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(fill(&h, 3, &v), 3);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	tight = (struct rlimit){.rlim_cur = 1024 * 1024, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	unsigned done = 3 + fill(&h, 2000, &v);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_string_not_equal(v.reason, "");
	assert_in_range(done, 4, 1999);
	assert_int_equal(samples_in(f->path), (done)*1000 - 0);
	assert_int_equal(harness_deliver(&h, "after value=1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(samples_in(f->path), done * 1000 + 1);
	harness_close(&h);
}

static void disk_full(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	struct pl_verdict v;
	char ballast[320];
	if (mount("tmpfs", f->directory, "tmpfs", 0, "size=2m") != 0) {
		print_message("SKIPPED: cannot mount a small tmpfs here (%s)\n", strerror(errno));
		skip();
	}
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(fill(&h, 2, &v), 2);
	snprintf(ballast, sizeof ballast, "%s/ballast", f->directory);
	int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	char block[4096] = {1};
	while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
		;
	close(fd);
	unsigned done = 2 + fill(&h, 500, &v);
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_non_null(strstr(v.reason, "no space left on the disk"));
	unlink(ballast);
	assert_int_equal(harness_deliver(&h, "after value=1\n")->kind, PL_VERDICT_DONE);
	assert_string_equal(harness_rows(&h, harness_latest("after", PL_VERB_COUNT, PL_NS_PER_S, 1, "nobody=x")),
			    "error: not found");
	assert_int_equal(samples_in(f->path), done * 1000 + 1);
	harness_close(&h);
	assert_int_equal(umount(f->directory), 0);
}

static void starts_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	char ballast[320], block[4096] = {1};
	if (mount("tmpfs", f->directory, "tmpfs", 0, "size=1m") != 0) {
		print_message("SKIPPED: cannot mount a small tmpfs here (%s)\n", strerror(errno));
		skip();
	}
	snprintf(ballast, sizeof ballast, "%s/ballast", f->directory);
	int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
		;
	close(fd);
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	assert_int_equal(harness_deliver(&h, "a value=1\n")->kind, PL_VERDICT_RETRY);
	unlink(ballast);
	assert_int_equal(harness_deliver(&h, "a value=1\n")->kind, PL_VERDICT_DONE);
	harness_close(&h);
	assert_int_equal(umount(f->directory), 0);
}

static void close_gives_a_delivery_back(void **state)
{
	struct fixture *f = *state;
	struct harness h;
	const char *text = "a value=1\n";
	harness_open(&h, &pl_plugin_out_local, f->yaml);
	harness_start(&h, "", "", &text, 1);
	pl_plugin_out_local.ops.output->close(h.self, harness_on_closed, &h);
	while (!h.closed)
		uv_run(&h.loop.uv, UV_RUN_DEFAULT);
	assert_true(h.delivered);
	assert_int_equal(h.verdict.kind, PL_VERDICT_RETRY);
	harness_end(&h);
	harness_free(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(other_programs_files_are_left_alone),
	    TEST(newer_formats_are_refused),
	    TEST(bad_places),
	    TEST(deleted_file_is_begun_anew),
	    TEST(damage_holds_until_the_file_is_moved_away),
	    TEST(a_held_lock_passes),
	    TEST(max_bytes_displaces_the_oldest),
	    TEST(file_size_limit),
	    TEST(disk_full),
	    TEST(starts_on_a_full_disk),
	    TEST(close_gives_a_delivery_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
