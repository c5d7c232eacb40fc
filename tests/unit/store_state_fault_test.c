/* The state over kill -9, damage, a full disk, other users of its file, and other files in its place. */
#include "state_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- kill -9 ---- */

enum { ROUNDS = 8, IN_FLIGHT = 40, LEAST = 400 };

struct writer {
	struct bench *b;
	int to; /* a pipe: the numbers answered PL_OK */
	uint32_t next;
};

struct written {
	struct writer *w;
	uint32_t number;
};

static void write_another(struct written *p);

static void tell(void *data, enum pl_err err, const char *reason)
{
	struct written *p = data;
	(void)reason;
	if (err != PL_OK || write(p->w->to, &p->number, sizeof p->number) != sizeof p->number)
		_exit(1);
	write_another(p);
}

static void write_another(struct written *p)
{
	char id[16], body[600];
	struct pl_state *s = p->w->b->s;
	enum pl_err err;
	p->number = p->w->next++;
	snprintf(id, sizeof id, "%u", p->number);
	memset(body, 'a' + (int)(p->number % 26), sizeof body);
	const struct pl_str text = {body, 100 + p->number % 500};
	if (p->number % 2 == 0)
		err = pl_state_put(s, "d", pl_str_of(id), text, tell, p);
	else
		err = pl_state_append(s, PL_STR("s"), pl_str_of(id), p->number, text, 1 << 20, 0, tell, p);
	if (err != PL_OK)
		_exit(2);
}

static void write_until_killed(struct bench *b, int to, uint32_t first)
{
	struct writer w = {b, to, first};
	struct written p[IN_FLIGHT];
	if (bench_try(b, false, 0, 0) != PL_OK)
		_exit(3);
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		p[i].w = &w;
		write_another(&p[i]);
	}
	uv_run(&b->loop.uv, UV_RUN_DEFAULT);
	_exit(4);
}

struct seen {
	unsigned char *numbers;
	uint32_t most;
	bool came;
};

static void see(struct seen *s, uint32_t number, struct pl_str body)
{
	assert_true(number < s->most);
	assert_int_equal(s->numbers[number], 0);
	assert_int_equal(body.n, 100 + number % 500);
	assert_int_equal(body.p[body.n - 1], 'a' + (int)(number % 26));
	s->numbers[number] = 1;
}

static void see_document(void *data, struct pl_str id, struct pl_str body)
{
	uint64_t number;
	assert_true(pl_str_u64(id, &number));
	see(data, (uint32_t)number, body);
}

static void see_events(void *data, enum pl_err err, const struct pl_state_event *v, size_t n, const char *reason)
{
	struct seen *s = data;
	assert_int_equal(err, PL_OK);
	assert_string_equal(reason, "");
	for (size_t i = 0; i < n; i++)
		see(s, (uint32_t)v[i].wall_ns, v[i].body);
	s->came = true;
}

static void what_was_answered_survives_kill_9(void **state)
{
	struct bench *b = *state;
	enum { MOST = 1 << 22 };
	unsigned char *told = pl_calloc(MOST, 1);
	uint32_t first = 0, number, n_told = 0;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			write_until_killed(b, ends[1], first);
		close(ends[1]);
		for (uint32_t n = 0; read(ends[0], &number, sizeof number) == sizeof number; n++) {
			assert_true(number < MOST);
			told[number] = 1;
			n_told++;
			if (n == LEAST + 37 * (uint32_t)round)
				kill(child, SIGKILL);
			first = number + 2 * IN_FLIGHT; /* beyond what it may have begun */
		}
		close(ends[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status))
			fail_msg("the child ended by itself: %d", WEXITSTATUS(status));
		struct seen seen = {.numbers = pl_calloc(MOST, 1), .most = MOST};
		bench_open(b);
		assert_string_equal(b->reason, "");
		assert_int_equal(pl_state_load(b->s, "d", see_document, &seen, b->reason, sizeof b->reason), PL_OK);
		assert_int_equal(pl_state_events(b->s, PL_STR("s"), 0, SIZE_MAX, see_events, &seen), PL_OK);
		bench_wait(b, &seen.came);
		bench_close(b);
		for (uint32_t i = 0; i < MOST; i++)
			if (told[i] && !seen.numbers[i])
				fail_msg("round %d: number %u was answered and is gone", round, i);
		free(seen.numbers);
	}
	assert_true(n_told > ROUNDS * LEAST);
	free(told);
}

/* ---- damage ---- */

static size_t set_aside_files(const struct bench *b)
{
	size_t n = 0;
	DIR *d = opendir(b->dir);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += strncmp(e->d_name, "state.db.damaged-", 17) == 0;
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
	struct bench *b = *state;
	static const struct {
		off_t from;
		size_t n;
	} rows[] = {{0, 4096}, {4096, 65536}, {100, 512}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char command[128];
		bench_open(b);
		for (int k = 0; k < 100; k++)
			assert_int_equal(bench_put_big(b, k, 1000), PL_OK);
		bench_close(b);
		overwrite(b->path, rows[i].from, rows[i].n);
		bench_open(b);
		assert_non_null(strstr(b->reason, "the state was damaged; set aside as "));
		assert_int_equal(set_aside_files(b), 1);
		assert_int_equal(bench_count(b, "big"), 0);
		assert_int_equal(bench_put_big(b, 1, 10), PL_OK);
		assert_int_equal(bench_count(b, "big"), 1);
		bench_close(b);
		snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
		assert_int_equal(system(command), 0);
	}
}

static void damage_while_it_is_open_is_outlived(void **state)
{
	struct bench *b = *state;
	struct stat st;
	bench_open(b);
	for (int k = 0; k < 300; k++) /* beyond the page cache, and checkpointed into the file */
		assert_int_equal(bench_put_big(b, k, 20000), PL_OK);
	assert_int_equal(stat(b->path, &st), 0);
	assert_true(st.st_size > 1 << 20);
	overwrite(b->path, 4096, (size_t)st.st_size - 4096);
	for (int k = 0; k < 300; k++)
		assert_int_equal(bench_put_big(b, 1000 + k, 1000), PL_OK);
	assert_true(set_aside_files(b) >= 1);
	assert_true(bench_count(b, "big") >= 1);
	bench_close(b);
}

static void a_file_taken_away_is_made_anew(void **state)
{
	struct bench *b = *state;
	char command[128];
	bench_open(b);
	assert_int_equal(bench_put(b, "d", PL_STR("1"), PL_STR("x")), PL_OK);
	snprintf(command, sizeof command, "rm -rf '%s'/state.db*", b->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(bench_put(b, "d", PL_STR("2"), PL_STR("x")), PL_OK);
	bench_close(b);
	bench_open(b);
	bench_assert_documents(b, "d", "2=x ");
	bench_close(b);
}

/* ---- refusals ---- */

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void assert_refused(struct bench *b, enum pl_err expected, const char *words)
{
	assert_int_equal(bench_try(b, false, 0, 0), expected);
	assert_non_null(strstr(b->reason, b->dir));
	if (strstr(b->reason, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, b->reason);
}

static void newer_and_foreign_files_are_refused(void **state)
{
	struct bench *b = *state;
	bench_open(b);
	bench_close(b);
	run_sql(b->path, "PRAGMA user_version=2");
	assert_refused(b, PL_EVERSION, "newer Pulseline (format 2, this one knows 1)");
	assert_int_equal(unlink(b->path), 0);
	run_sql(b->path, "CREATE TABLE x(y); PRAGMA application_id=7");
	assert_refused(b, PL_EVERSION, "another program");
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(mkdir(b->path, 0700), 0);
	assert_refused(b, PL_EACCES, "Is a directory");
	assert_int_equal(set_aside_files(b), 0);
}

static void one_user_at_a_time(void **state)
{
	struct bench *b = *state;
	struct bench second = *b;
	char words[64];
	bench_open(b);
	snprintf(words, sizeof words, "in use by another daemon, process %ld", (long)getpid());
	assert_refused(&second, PL_EINUSE, words);
	assert_int_equal(bench_put(b, "d", PL_STR("1"), PL_STR("x")), PL_OK);
	bench_close(b);
	bench_open(&second);
	bench_assert_documents(&second, "d", "1=x ");
	bench_close(&second);
}

static void a_folder_without_rights_is_refused(void **state)
{
	struct bench *b = *state;
	uid_t me = geteuid();
	assert_int_equal(chmod(b->top, 0555), 0);
	if (me == 0) /* root may everything */
		assert_int_equal(seteuid(65534), 0);
	enum pl_err missing = bench_try(b, false, 0, 0);
	if (me == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(missing, PL_EACCES);
	assert_non_null(strstr(b->reason, "cannot be made: Permission denied"));
	assert_int_equal(chmod(b->top, 0755), 0);
	assert_int_equal(mkdir(b->dir, 0755), 0);
	assert_int_equal(chmod(b->dir, 0555), 0);
	if (me == 0)
		assert_int_equal(seteuid(65534), 0);
	enum pl_err closed = bench_try(b, false, 0, 0);
	if (me == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(closed, PL_EACCES);
	assert_non_null(strstr(b->reason, "Permission denied"));
	assert_int_equal(chmod(b->dir, 0755), 0);
	bench_open(b);
	bench_close(b);
}

/* ---- a full disk ---- */

static void set_limit(rlim_t bytes, struct rlimit *old)
{
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, old), 0);
	struct rlimit tight = *old;
	tight.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
}

static void a_full_disk_fails_and_is_outlived(void **state)
{
	struct bench *b = *state;
	struct rlimit old;
	uint64_t kept = 0, failed = 0;
	bench_open(b);
	assert_int_equal(bench_append(b, "s", "", 1, "e", 5, 0), PL_OK);
	set_limit(256 * 1024, &old);
	for (int i = 0; i < 300; i++) {
		enum pl_err err = bench_put_big(b, i, 2000);
		if (err != PL_OK) {
			if (err != PL_EFULL)
				fail_msg("%d %d: %s", i, err, b->reason);
			assert_non_null(strstr(b->reason, "no space left on the disk"));
		}
		kept += err == PL_OK;
		failed += err != PL_OK;
		if (i % 50 == 0)
			bench_assert_events(b, "s", 0, 5, "e@1 "); /* reading goes on */
	}
	assert_true(kept > 10 && failed > 10);
	assert_int_equal(pl_state_stats(b->s).failed, failed);
	assert_int_equal(bench_count(b, "big"), kept);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(bench_put_big(b, 1000, 2000), PL_OK);
	bench_close(b);
	bench_open(b);
	assert_string_equal(b->reason, "");
	assert_int_equal(bench_count(b, "big"), kept + 1);
	bench_close(b);
}

static void what_reads_beside_a_failure_sees_nothing_of_it(void **state)
{
	struct bench *b = *state;
	struct rlimit old;
	struct bench_answer append = {0}, put = {0};
	struct bench_events events = {0};
	char *body = pl_calloc(1, 4 << 20);
	bench_open(b);
	assert_int_equal(bench_append(b, "s", "", 1, "e", 5, 0), PL_OK);
	set_limit(1 << 20, &old);
	assert_int_equal(
	    pl_state_append(b->s, PL_STR("s"), PL_STR(""), 2, (struct pl_str){body, 4 << 20}, 5, 0, bench_answered, &append),
	    PL_OK);
	assert_int_equal(pl_state_events(b->s, PL_STR("s"), 0, 5, bench_events_came, &events), PL_OK);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("x"), (struct pl_str){body, 4 << 20}, bench_answered, &put), PL_OK);
	bench_wait(b, &put.came);
	assert_int_equal(append.err, PL_EFULL);
	assert_int_equal(put.err, PL_EFULL);
	assert_int_equal(events.err, PL_OK);
	assert_string_equal(pl_buf_cstr(&events.text), "e@1 ");
	bench_assert_documents(b, "d", "");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	bench_close(b);
	pl_buf_finish(&events.text);
	free(body);
}

static void a_disk_full_from_the_start_is_told(void **state)
{
	struct bench *b = *state;
	struct rlimit old;
	set_limit(1024, &old);
	enum pl_err err = bench_try(b, false, 0, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(err, PL_EIO);
	if (strstr(b->reason, "no space left on the disk") == NULL)
		fail_msg("%s", b->reason);
	bench_open(b);
	assert_int_equal(bench_put_big(b, 1, 10), PL_OK);
	bench_close(b);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, bench_set_up, bench_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_answered_survives_kill_9), /* first: it forks */
	    TEST(a_damaged_file_is_set_aside),
	    TEST(damage_while_it_is_open_is_outlived),
	    TEST(a_file_taken_away_is_made_anew),
	    TEST(newer_and_foreign_files_are_refused),
	    TEST(one_user_at_a_time),
	    TEST(a_folder_without_rights_is_refused),
	    TEST(a_full_disk_fails_and_is_outlived),
	    TEST(what_reads_beside_a_failure_sees_nothing_of_it),
	    TEST(a_disk_full_from_the_start_is_told),
	};
#undef TEST
	return cmocka_run_group_tests_name("store_state_fault", tests, NULL, NULL);
}
