#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pipeline/plugin.h"

extern const struct pl_plugin pl_plugin_out_file;

/* As the plugin's schema decodes it. */
struct config {
	const char *path;
	bool fsync;
};

enum { MOST = 8 };

struct scene {
	char dir[64], path[128], other[128];
	struct config config;
	struct pl_route *route;
	void *self;
	char reason[256];
};

struct delivered {
	struct pl_delivery delivery;
	struct pl_verdict verdict;
	unsigned calls;
};

static const struct pl_output_ops *ops(void)
{
	return pl_plugin_out_file.ops.output;
}

static int set_up(void **state)
{
	struct scene *s = pl_calloc(1, sizeof *s);
	snprintf(s->dir, sizeof s->dir, "/tmp/pulseline-out-file-XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		return -1;
	snprintf(s->path, sizeof s->path, "%s/lines", s->dir);
	snprintf(s->other, sizeof s->other, "%s/lines.1", s->dir);
	s->config.path = s->path;
	s->route = pl_route_create("", "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	*state = s;
	return 0;
}

static void on_closed(void *data)
{
	*(bool *)data = true;
}

static void close_output(struct scene *s)
{
	bool closed = false;
	ops()->close(s->self, on_closed, &closed);
	assert_true(closed);
	s->self = NULL;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	if (s->self != NULL)
		close_output(s);
	pl_route_release(s->route);
	unlink(s->path);
	unlink(s->other);
	rmdir(s->dir);
	free(s);
	return 0;
}

static enum pl_err open_output(struct scene *s)
{
	struct pl_output_env env = {.name = "file"};
	return ops()->open(&env, &s->config, &s->self, s->reason, sizeof s->reason);
}

static struct pl_batch *batch_of(struct scene *s, const char *lines)
{
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, lines);
	return pl_batch_create(s->route, &b, 1);
}

/* n lines of one length, numbered from `first`. */
static struct pl_batch *numbered(struct scene *s, unsigned first, unsigned n)
{
	struct pl_buf b = {0};
	for (unsigned i = first; i < first + n; i++)
		pl_buf_addf(&b, "line,n=%08u,pad=pppppppppppppppppppppppppppp value=1 1%08u\n", i, i);
	return pl_batch_create(s->route, &b, n);
}

static void on_done(struct pl_delivery *d, const struct pl_verdict *verdict)
{
	struct delivered *r = pl_container_of(d, struct delivered, delivery);
	r->verdict = *verdict;
	r->calls++;
}

static struct pl_verdict deliver(struct scene *s, struct pl_batch *const *batches, size_t n)
{
	struct delivered r = {.delivery = {.batches = batches, .n = n, .route = s->route, .done = on_done}};
	for (size_t i = 0; i < n; i++)
		r.delivery.bytes += batches[i]->n;
	ops()->deliver(s->self, &r.delivery);
	assert_int_equal(r.calls, 1);
	return r.verdict;
}

static struct pl_verdict deliver_text(struct scene *s, const char *lines)
{
	struct pl_batch *b = batch_of(s, lines);
	struct pl_verdict v = deliver(s, &b, 1);
	pl_batch_release(b);
	return v;
}

/* All that can be read from fd now. */
static void drain(int fd, struct pl_buf *out)
{
	ssize_t n;
	while ((n = read(fd, pl_buf_reserve(out, 4096), 4096)) > 0)
		out->n += (size_t)n;
}

static void assert_file(const char *path, const char *want)
{
	struct pl_buf b = {0};
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	drain(fd, &b);
	close(fd);
	assert_string_equal(pl_buf_cstr(&b), want);
	pl_buf_finish(&b);
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void appends_batches_in_order(void **state)
{
	struct scene *s = *state;
	struct stat st;
	mode_t mask = umask(0);
	s->config.fsync = true;
	assert_int_equal(open_output(s), PL_OK);
	umask(mask);
	struct pl_batch *b[2] = {batch_of(s, "a value=1 1\nb value=2 2\n"), batch_of(s, "c value=3 3\n")};
	assert_int_equal(deliver(s, b, 2).kind, PL_VERDICT_DONE);
	assert_int_equal(deliver_text(s, "d value=4 4\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "a value=1 1\nb value=2 2\nc value=3 3\nd value=4 4\n");
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	close_output(s);
	assert_int_equal(open_output(s), PL_OK);
	assert_int_equal(deliver_text(s, "e value=5 5\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "a value=1 1\nb value=2 2\nc value=3 3\nd value=4 4\ne value=5 5\n");
	pl_batch_release(b[0]);
	pl_batch_release(b[1]);
}

static void follows_logrotate(void **state)
{
	struct scene *s = *state;
	assert_int_equal(open_output(s), PL_OK);
	assert_int_equal(deliver_text(s, "a value=1 1\n").kind, PL_VERDICT_DONE);
	assert_int_equal(rename(s->path, s->other), 0);
	assert_int_equal(deliver_text(s, "b value=1 1\n").kind, PL_VERDICT_DONE);
	assert_file(s->other, "a value=1 1\n");
	assert_file(s->path, "b value=1 1\n");
	assert_int_equal(unlink(s->path), 0);
	assert_int_equal(deliver_text(s, "c value=1 1\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "c value=1 1\n");
	assert_int_equal(rename(s->other, s->path), 0);
	assert_int_equal(deliver_text(s, "d value=1 1\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "a value=1 1\nd value=1 1\n");
}

static void starts_a_new_line_behind_a_torn_one(void **state)
{
	struct scene *s = *state;
	put_file(s->path, "a value=1 1\nb val");
	assert_int_equal(open_output(s), PL_OK);
	assert_int_equal(deliver_text(s, "c value=1 1\n").kind, PL_VERDICT_DONE);
	assert_int_equal(deliver_text(s, "d value=1 1\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "a value=1 1\nb val\nc value=1 1\nd value=1 1\n");
}

static void says_what_cannot_be_opened(void **state)
{
	struct scene *s = *state;
	char want[300];
	s->config.path = s->dir;
	assert_int_not_equal(open_output(s), PL_OK);
	snprintf(want, sizeof want, "cannot open %s: Is a directory", s->dir);
	assert_string_equal(s->reason, want);
	assert_int_equal(unlink(s->other), -1);
	snprintf(s->other, sizeof s->other, "%s/missing/lines", s->dir);
	s->config.path = s->other;
	assert_int_equal(open_output(s), PL_ENOENT);
	snprintf(want, sizeof want, "cannot open %s: No such file or directory", s->other);
	assert_string_equal(s->reason, want);
}

static void retries_when_the_directory_went_away(void **state)
{
	struct scene *s = *state;
	char away[80];
	snprintf(away, sizeof away, "%s-away", s->dir);
	assert_int_equal(open_output(s), PL_OK);
	assert_int_equal(rename(s->dir, away), 0);
	struct pl_verdict v = deliver_text(s, "a value=1 1\n");
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_non_null(strstr(v.reason, "No such file or directory"));
	assert_int_equal(rename(away, s->dir), 0);
	assert_int_equal(deliver_text(s, "a value=1 1\n").kind, PL_VERDICT_DONE);
	assert_file(s->path, "a value=1 1\n");
}

static void retries_when_the_disk_is_full(void **state)
{
	struct scene *s = *state;
	s->config.path = "/dev/full";
	assert_int_equal(open_output(s), PL_OK);
	struct pl_verdict v = deliver_text(s, "a value=1 1\n");
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_string_equal(v.reason, "cannot write to /dev/full: No space left on device");
}

static void takes_a_partial_write_back(void **state)
{
	struct scene *s = *state;
	struct rlimit old, small;
	struct pl_batch *b[3] = {numbered(s, 0, 10), numbered(s, 10, 10), numbered(s, 20, 10)};
	struct pl_buf want = {0};
	assert_int_equal(open_output(s), PL_OK);
	assert_int_equal(deliver_text(s, "before value=1 1\n").kind, PL_VERDICT_DONE);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1000; /* in the middle of the second batch's lines */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct pl_verdict v[2] = {deliver(s, b, 2), deliver(s, b, 2)};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(v[i].kind, PL_VERDICT_RETRY);
		assert_non_null(strstr(v[i].reason, "File too large"));
	}
	assert_file(s->path, "before value=1 1\n");
	assert_int_equal(deliver(s, b, 3).kind, PL_VERDICT_DONE);
	pl_buf_add_cstr(&want, "before value=1 1\n");
	for (int i = 0; i < 3; i++) {
		pl_buf_add(&want, b[i]->p, b[i]->n);
		pl_batch_release(b[i]);
	}
	assert_file(s->path, pl_buf_cstr(&want));
	pl_buf_finish(&want);
}

static int open_reader(struct scene *s)
{
	int fd = open(s->path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static void waits_for_the_reader_of_a_fifo(void **state)
{
	struct scene *s = *state;
	assert_int_equal(mkfifo(s->path, 0600), 0);
	assert_int_equal(open_output(s), PL_OK);
	struct pl_verdict v = deliver_text(s, "a value=1 1\n");
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_non_null(strstr(v.reason, "nobody reads "));
	int reader = open_reader(s);
	assert_int_equal(deliver_text(s, "a value=1 1\n").kind, PL_VERDICT_DONE);
	close(reader);
	assert_int_equal(deliver_text(s, "b value=1 1\n").kind, PL_VERDICT_RETRY);
	reader = open_reader(s);
	struct pl_buf got = {0};
	assert_int_equal(deliver_text(s, "b value=1 1\n").kind, PL_VERDICT_DONE);
	drain(reader, &got);
	assert_string_equal(pl_buf_cstr(&got), "b value=1 1\n");
	close(reader);
	pl_buf_finish(&got);
}

/* A reader that stops reading, in the middle of a batch: then `then` happens, and the same batches come again. */
static struct pl_buf fill_fifo(struct scene *s, int *reader, struct pl_batch *const *batches, size_t n)
{
	struct pl_buf got = {0};
	assert_int_equal(mkfifo(s->path, 0600), 0);
	assert_int_equal(open_output(s), PL_OK);
	*reader = open_reader(s);
	fcntl(*reader, F_SETPIPE_SZ, 65536);
	struct pl_verdict v = deliver(s, batches, n);
	assert_int_equal(v.kind, PL_VERDICT_RETRY);
	assert_non_null(strstr(v.reason, "does not take more"));
	drain(*reader, &got);
	assert_true(got.n > 0 && got.n < 3 * batches[0]->n);
	return got;
}

static void assert_lines(const struct pl_buf *got, struct pl_batch *const *batches, size_t n)
{
	struct pl_buf want = {0};
	for (size_t i = 0; i < n; i++)
		pl_buf_add(&want, batches[i]->p, batches[i]->n);
	assert_true(pl_str_eq(pl_buf_str(got), pl_buf_str(&want)));
	pl_buf_finish(&want);
}

static void goes_on_where_a_pipe_stopped(void **state)
{
	struct scene *s = *state;
	struct pl_batch *b[3] = {numbered(s, 0, 700), numbered(s, 700, 700), numbered(s, 1400, 10)};
	int reader;
	struct pl_buf got = fill_fifo(s, &reader, b, 2);
	assert_int_equal(deliver(s, b, 3).kind, PL_VERDICT_DONE);
	drain(reader, &got);
	assert_lines(&got, b, 3);
	close(reader);
	for (int i = 0; i < 3; i++)
		pl_batch_release(b[i]);
	pl_buf_finish(&got);
}

/* The queue was full and dropped the batch that was being written: its cut line is ended, the rest of it is gone. */
static void ends_the_line_of_a_dropped_batch(void **state)
{
	struct scene *s = *state;
	char odd[100];
	memset(odd, 'x', sizeof odd);
	memcpy(odd + 80, " value=1 1\n", 12);
	struct pl_batch *b[3] = {batch_of(s, odd), numbered(s, 0, 1400), numbered(s, 1400, 10)};
	int reader;
	struct pl_buf got = {0};
	assert_int_equal(mkfifo(s->path, 0600), 0);
	assert_int_equal(open_output(s), PL_OK);
	reader = open_reader(s);
	fcntl(reader, F_SETPIPE_SZ, 65536);
	assert_int_equal(deliver(s, b, 2).kind, PL_VERDICT_RETRY);
	drain(reader, &got);
	size_t cut = got.n;
	assert_int_not_equal(got.p[cut - 1], '\n');
	assert_int_equal(deliver(s, b + 2, 1).kind, PL_VERDICT_DONE);
	drain(reader, &got);
	struct pl_str rest = pl_buf_str(&got);
	assert_true(pl_str_ends(rest, (struct pl_str){b[2]->p, b[2]->n}));
	size_t line = b[2]->n / 10;
	assert_true(got.n < cut + b[2]->n + line);
	while (rest.n > 0)
		assert_true(pl_str_cut(&rest, '\n').n >= line - 1); /* whole lines only */
	close(reader);
	for (int i = 0; i < 3; i++)
		pl_batch_release(b[i]);
	pl_buf_finish(&got);
}

static void gives_a_new_reader_whole_lines(void **state)
{
	struct scene *s = *state;
	struct pl_batch *b[2] = {numbered(s, 0, 700), numbered(s, 700, 700)};
	int reader;
	struct pl_buf first = fill_fifo(s, &reader, b, 2), second = {0};
	close(reader);
	assert_int_equal(deliver(s, b, 2).kind, PL_VERDICT_RETRY);
	reader = open_reader(s);
	assert_int_equal(deliver(s, b, 2).kind, PL_VERDICT_DONE);
	drain(reader, &second);
	while (first.n > 0 && first.p[first.n - 1] != '\n')
		first.n--; /* the first reader was left with half a line, which the second gets whole */
	pl_buf_add_str(&first, pl_buf_str(&second));
	assert_lines(&first, b, 2);
	close(reader);
	pl_batch_release(b[0]);
	pl_batch_release(b[1]);
	pl_buf_finish(&first);
	pl_buf_finish(&second);
}

static void writes_to_standard_output(void **state)
{
	struct scene *s = *state;
	int ends[2];
	struct pl_buf got = {0};
	s->config.path = "-";
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	enum pl_err err = open_output(s);
	struct pl_verdict good = deliver_text(s, "a value=1 1\n");
	drain(ends[0], &got);
	close(ends[0]);
	struct pl_verdict bad = deliver_text(s, "b value=1 1\n");
	close_output(s);
	bool still_open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(err, PL_OK);
	assert_int_equal(good.kind, PL_VERDICT_DONE);
	assert_string_equal(pl_buf_cstr(&got), "a value=1 1\n");
	assert_int_equal(bad.kind, PL_VERDICT_HOLD);
	assert_string_equal(bad.reason, "nobody reads standard output");
	assert_true(still_open);
	pl_buf_finish(&got);
}

static void is_a_plugin(void **state)
{
	(void)state;
	const struct pl_plugin *p = &pl_plugin_out_file;
	assert_true(p->magic == PL_PLUGIN_MAGIC && p->abi_major == PL_PLUGIN_ABI_MAJOR && p->size == sizeof *p);
	assert_int_equal(p->kind, PL_PLUGIN_OUTPUT);
	assert_string_equal(p->name, "file");
	assert_int_equal(p->schema->size, sizeof(struct config));
	assert_true(p->ops.output->durable);
	assert_null(p->ops.output->query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_a_plugin),
	    cmocka_unit_test_setup_teardown(appends_batches_in_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(follows_logrotate, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(starts_a_new_line_behind_a_torn_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(says_what_cannot_be_opened, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(retries_when_the_directory_went_away, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(retries_when_the_disk_is_full, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(takes_a_partial_write_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(waits_for_the_reader_of_a_fifo, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(goes_on_where_a_pipe_stopped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ends_the_line_of_a_dropped_batch, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(gives_a_new_reader_whole_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(writes_to_standard_output, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
