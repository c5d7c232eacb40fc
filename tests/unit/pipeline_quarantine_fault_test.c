/* The quarantine on disk: over kill -9, reopening, damage, a full disk, a newer version, and several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/quarantine.h"

struct files {
	char directory[64], path[96];
};

static int set_up(void **state)
{
	struct files *f = pl_calloc(1, sizeof *f);
	snprintf(f->directory, sizeof f->directory, "/tmp/pl_quarantine.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof f->path, "%s/new/quarantine.db", f->directory);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct files *f = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct pl_quarantine *open_at(const struct files *f, uint64_t max_bytes, char *reason, size_t size)
{
	struct pl_quarantine *q = NULL;
	const struct pl_quarantine_options options = {.path = f->path, .max_bytes = max_bytes};
	reason[0] = '\0';
	enum pl_err err = pl_quarantine_open(&q, &options, reason, size);
	if (err != PL_OK)
		fail_msg("%s", reason);
	return q;
}

static enum pl_err add(struct pl_quarantine *q, int number, size_t fill, char *reason, size_t size)
{
	char *line = pl_calloc(1, fill + 64);
	int n = snprintf(line, 64, "m,job=j v=%d,s=\"", number);
	memset(line + n, 'x', fill);
	memcpy(line + n + fill, "\" 1", 4);
	const struct pl_quarantined v = {
	    .refused_wall_ns = number + 1, .output = "o", .line = pl_str_of(line), .origin = {1, (uint64_t)number + 1, 0}};
	enum pl_err err = pl_quarantine_add(q, &v, 1, reason, size);
	free(line);
	return err;
}

static void it_is_there_after_reopening(void **state)
{
	const struct files *f = *state;
	char reason[256];
	struct stat st;
	struct pl_quarantine *q = open_at(f, 1 << 20, reason, sizeof reason);
	for (int i = 0; i < 10; i++)
		assert_int_equal(add(q, i, 10, reason, sizeof reason), PL_OK);
	uint64_t bytes = pl_quarantine_stats(q).bytes;
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	pl_quarantine_close(q);
	q = open_at(f, 1 << 20, reason, sizeof reason);
	assert_string_equal(reason, "");
	struct pl_quarantine_stats s = pl_quarantine_stats(q);
	assert_int_equal(s.lines, 10);
	assert_int_equal(s.bytes, bytes);
	assert_int_equal(s.oldest_wall_ns, 1);
	assert_int_equal(s.last_id, 10);
	assert_int_equal(s.added, 0);
	assert_int_equal(add(q, 3, 10, reason, sizeof reason), PL_OK); /* the same place, over a restart */
	assert_int_equal(pl_quarantine_stats(q).lines, 10);
	pl_quarantine_close(q);
}

static void add_until_killed(const struct files *f, int to)
{
	char reason[256];
	struct pl_quarantine *q = open_at(f, 64 << 20, reason, sizeof reason);
	for (int i = 0;; i++)
		if (add(q, i, 500, reason, sizeof reason) != PL_OK || write(to, "x", 1) != 1)
			_exit(1);
}

static void what_was_told_survives_kill_9(void **state)
{
	const struct files *f = *state;
	int ends[2], status;
	char byte, reason[256];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0)
		add_until_killed(f, ends[1]);
	close(ends[1]);
	uint64_t told = 0;
	while (told < 300 && read(ends[0], &byte, 1) == 1)
		told++;
	kill(child, SIGKILL);
	while (read(ends[0], &byte, 1) == 1)
		told++;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && told >= 300);
	struct pl_quarantine *q = open_at(f, 64 << 20, reason, sizeof reason);
	assert_string_equal(reason, "");
	uint64_t lines = pl_quarantine_stats(q).lines;
	assert_true(lines == told || lines == told + 1); /* one may have been written and not told */
	pl_quarantine_close(q);
}

/* ---- damage ---- */

static size_t set_aside_files(const struct files *f)
{
	char path[96];
	size_t n = 0;
	snprintf(path, sizeof path, "%s/new", f->directory);
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += strstr(e->d_name, ".db.damaged-") != NULL;
	closedir(d);
	return n;
}

static void overwrite(const char *path, off_t from, size_t n)
{
	char junk[512];
	memset(junk, 0xa5, sizeof junk);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	for (size_t done = 0; done < n; done += sizeof junk)
		assert_int_equal(pwrite(fd, junk, sizeof junk, from + (off_t)done), sizeof junk);
	close(fd);
}

static void a_damaged_file_is_set_aside(void **state)
{
	const struct files *f = *state;
	static const struct {
		off_t from;
		size_t n;
	} rows[] = {{0, 4096}, {4096, 65536}, {100, 512}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[256], command[300];
		struct pl_quarantine *q = open_at(f, 1 << 20, reason, sizeof reason);
		for (int k = 0; k < 100; k++)
			assert_int_equal(add(q, k, 1000, reason, sizeof reason), PL_OK);
		pl_quarantine_close(q);
		overwrite(f->path, rows[i].from, rows[i].n);
		q = open_at(f, 1 << 20, reason, sizeof reason);
		assert_non_null(strstr(reason, "damaged; set aside as "));
		assert_int_equal(set_aside_files(f), 1);
		assert_int_equal(pl_quarantine_stats(q).lines, 0);
		assert_int_equal(add(q, 1, 10, reason, sizeof reason), PL_OK);
		assert_int_equal(pl_quarantine_stats(q).lines, 1);
		pl_quarantine_close(q);
		snprintf(command, sizeof command, "rm -rf '%s/new'", f->directory);
		assert_int_equal(system(command), 0);
	}
}

static void damage_while_it_is_open_is_outlived(void **state)
{
	const struct files *f = *state;
	char reason[256];
	struct pl_quarantine *q = open_at(f, 64 << 20, reason, sizeof reason);
	for (int k = 0; k < 5000; k++) /* beyond the page cache, and checkpointed into the file */
		assert_int_equal(add(q, k, 1000, reason, sizeof reason), PL_OK);
	struct stat st;
	assert_int_equal(stat(f->path, &st), 0);
	overwrite(f->path, 4096, (size_t)st.st_size - 4096);
	uint64_t total;
	enum pl_err err =
	    pl_quarantine_list(q, &(struct pl_quarantine_filter){.contains = PL_STR("absent")}, 0, 1, NULL, NULL, &total);
	assert_int_not_equal(err, PL_OK);
	for (int k = 0; k < 100; k++)
		assert_int_equal(add(q, 10000 + k, 1000, reason, sizeof reason), PL_OK);
	assert_true(set_aside_files(f) >= 1);
	assert_int_equal(pl_quarantine_stats(q).lines, 100);
	pl_quarantine_close(q);
}

static void a_file_taken_away_is_made_anew(void **state)
{
	const struct files *f = *state;
	char reason[256];
	struct pl_quarantine *q = open_at(f, 1 << 20, reason, sizeof reason);
	assert_int_equal(add(q, 1, 10, reason, sizeof reason), PL_OK);
	char command[300];
	snprintf(command, sizeof command, "rm -rf '%s/new'", f->directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(add(q, 2, 10, reason, sizeof reason), PL_OK);
	assert_int_equal(pl_quarantine_stats(q).lines, 1);
	pl_quarantine_close(q);
	q = open_at(f, 1 << 20, reason, sizeof reason);
	assert_int_equal(pl_quarantine_stats(q).lines, 1);
	pl_quarantine_close(q);
}

/* ---- refusals ---- */

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void assert_refused(const struct files *f, enum pl_err expected, const char *words)
{
	struct pl_quarantine *q = NULL;
	char reason[256] = "";
	const struct pl_quarantine_options options = {.path = f->path, .max_bytes = 1 << 20};
	assert_int_equal(pl_quarantine_open(&q, &options, reason, sizeof reason), expected);
	assert_null(q);
	assert_non_null(strstr(reason, f->path));
	assert_non_null(strstr(reason, words));
}

static void newer_and_foreign_files_are_refused(void **state)
{
	const struct files *f = *state;
	char reason[256];
	pl_quarantine_close(open_at(f, 1 << 20, reason, sizeof reason));
	run_sql(f->path, "PRAGMA user_version=2");
	assert_refused(f, PL_EVERSION, "newer Pulseline (format 2, this one knows 1)");
	assert_int_equal(unlink(f->path), 0);
	run_sql(f->path, "CREATE TABLE x(y); PRAGMA application_id=7");
	assert_refused(f, PL_EVERSION, "another program");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_refused(f, PL_EACCES, "Is a directory");
	assert_int_equal(set_aside_files(f), 0);
}

static void a_full_disk_adds_nothing(void **state)
{
	const struct files *f = *state;
	struct rlimit old, tight;
	char reason[256];
	struct pl_quarantine *q = open_at(f, 64 << 20, reason, sizeof reason);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 256 * 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	uint64_t added = 0, failed = 0;
	for (int i = 0; i < 400; i++) {
		reason[0] = '\0';
		enum pl_err err = add(q, i, 2000, reason, sizeof reason);
		assert_true(err == PL_OK || err == PL_EIO);
		assert_int_equal(err == PL_OK, reason[0] == '\0');
		added += err == PL_OK;
		failed += err != PL_OK;
		assert_int_equal(pl_quarantine_stats(q).lines, added);
	}
	assert_true(added > 10 && failed > 10);
	assert_int_equal(pl_quarantine_stats(q).failed, failed);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(add(q, 1000, 2000, reason, sizeof reason), PL_OK);
	pl_quarantine_close(q);
	q = open_at(f, 64 << 20, reason, sizeof reason);
	assert_int_equal(pl_quarantine_stats(q).lines, added + 1);
	pl_quarantine_close(q);
}

static void a_disk_full_from_the_start_is_outlived(void **state)
{
	const struct files *f = *state;
	struct rlimit old, tight;
	char reason[256];
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	struct pl_quarantine *q = open_at(f, 1 << 20, reason, sizeof reason);
	assert_string_not_equal(reason, "");
	assert_int_equal(add(q, 1, 10, reason, sizeof reason), PL_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(add(q, 2, 10, reason, sizeof reason), PL_OK);
	assert_int_equal(pl_quarantine_stats(q).lines, 1);
	assert_int_equal(pl_quarantine_stats(q).failed, 1);
	pl_quarantine_close(q);
}

static void the_file_stays_about_its_bound(void **state)
{
	const struct files *f = *state;
	char reason[256];
	struct stat st;
	struct pl_quarantine *q = open_at(f, 1 << 20, reason, sizeof reason);
	for (int i = 0; i < 4000; i++)
		assert_int_equal(add(q, i, 1000 + (size_t)(i * 37 % 3000), reason, sizeof reason), PL_OK);
	pl_quarantine_close(q); /* the log goes into the file */
	assert_int_equal(stat(f->path, &st), 0);
	if (st.st_size > 2 << 20)
		fail_msg("%lld bytes", (long long)st.st_size);
}

/* ---- threads ---- */

enum { PER_THREAD = 300 };

struct adder {
	struct pl_quarantine *q;
	int first;
	atomic_int *running;
};

static void *add_many(void *data)
{
	struct adder *a = data;
	char reason[256];
	for (int i = 0; i < PER_THREAD; i++)
		assert_int_equal(add(a->q, a->first + i, 20, reason, sizeof reason), PL_OK);
	atomic_fetch_sub(a->running, 1);
	return NULL;
}

static bool rises(void *data, const struct pl_quarantined *line)
{
	int64_t *last = data;
	assert_true(line->id > *last);
	*last = line->id;
	return true;
}

static void threads_share_it(void **state)
{
	const struct files *f = *state;
	char reason[256];
	struct pl_quarantine *q = open_at(f, 64 << 20, reason, sizeof reason);
	atomic_int running = 2;
	struct adder a[2] = {{q, 0, &running}, {q, 100000, &running}};
	pthread_t threads[2];
	uint64_t taken = 0, n;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, &a[i]), 0);
	while (atomic_load(&running) > 0) {
		int64_t last = 0;
		assert_int_equal(pl_quarantine_list(q, &(struct pl_quarantine_filter){0}, 0, 50, rises, &last, &n), PL_OK);
		assert_int_equal(pl_quarantine_take(q, &(struct pl_quarantine_filter){0}, 20, NULL, NULL, &n), PL_OK);
		taken += n;
		struct pl_quarantine_stats s = pl_quarantine_stats(q);
		assert_int_equal(s.added, s.lines + s.deleted);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(pl_quarantine_stats(q).lines + taken, 2 * PER_THREAD);
	pl_quarantine_close(q);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_told_survives_kill_9), /* first: it forks */
	    TEST(it_is_there_after_reopening),
	    TEST(a_damaged_file_is_set_aside),
	    TEST(damage_while_it_is_open_is_outlived),
	    TEST(a_file_taken_away_is_made_anew),
	    TEST(newer_and_foreign_files_are_refused),
	    TEST(a_full_disk_adds_nothing),
	    TEST(a_disk_full_from_the_start_is_outlived),
	    TEST(the_file_stays_about_its_bound),
	    TEST(threads_share_it),
	};
#undef TEST
	return cmocka_run_group_tests_name("pipeline_quarantine_fault", tests, NULL, NULL);
}
