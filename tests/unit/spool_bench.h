/* A spool in a directory of its own, for tests. */
#ifndef SPOOL_BENCH_H
#define SPOOL_BENCH_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/spool.h"

struct bench {
	char dir[64];
	struct pl_spool_options options;
	struct pl_spool *spool;
	struct pl_route *route;
};

static inline void bench_open(struct bench *b)
{
	char reason[256] = "";
	if (pl_spool_open(&b->spool, &b->options, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
}

static inline void bench_close(struct bench *b)
{
	pl_spool_close(b->spool);
	b->spool = NULL;
}

static inline void bench_reopen(struct bench *b)
{
	bench_close(b);
	bench_open(b);
}

/* With no spool open yet. */
static inline void bench_init(struct bench *b)
{
	*b = (struct bench){.dir = "/tmp/pl-spool-XXXXXX"};
	assert_non_null(mkdtemp(b->dir));
	b->options = (struct pl_spool_options){.dir = b->dir, .name = "out", .limits = {.max_bytes = 64 << 20}};
	b->route = pl_route_create("db", "rp");
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void bench_finish(struct bench *b)
{
	if (b->spool != NULL)
		bench_close(b);
	pl_route_release(b->route);
	nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "m n=MARKi\n" `points` times, then as much more as makes it `bytes` long at least. */
static inline struct pl_batch *bench_batch(struct pl_route *route, unsigned mark, uint32_t points, size_t bytes)
{
	struct pl_buf lines = {0};
	for (uint32_t i = 0; i < points; i++) {
		pl_buf_addf(&lines, "m n=%ui", mark);
		if (i == 0 && lines.n + 1 < bytes) {
			pl_buf_add_cstr(&lines, ",s=\"");
			size_t more = lines.n + 2 < bytes ? bytes - 2 - lines.n : 0;
			memset(pl_buf_reserve(&lines, more), 'a' + (int)(mark % 26), more);
			lines.n += more;
			pl_buf_add_char(&lines, '"');
		}
		pl_buf_add_char(&lines, '\n');
	}
	return pl_batch_create(route, &lines, points);
}

static inline unsigned bench_mark(const struct pl_batch *b)
{
	return (unsigned)strtoul(b->p + strlen("m n="), NULL, 10);
}

static inline enum pl_err bench_try(struct bench *b, unsigned mark, uint32_t points, size_t bytes, struct pl_spool_ref *ref)
{
	char reason[256] = "";
	struct pl_batch *batch = bench_batch(b->route, mark, points, bytes);
	enum pl_err err = pl_spool_append(b->spool, batch, false, false, ref, reason, sizeof reason);
	assert_int_equal(err == PL_OK, reason[0] == '\0');
	pl_batch_release(batch);
	return err;
}

static inline struct pl_spool_ref bench_append(struct bench *b, unsigned mark, uint32_t points, size_t bytes)
{
	struct pl_spool_ref ref = {0, 0};
	assert_int_equal(bench_try(b, mark, points, bytes, &ref), PL_OK);
	assert_true(ref.segment > 0);
	return ref;
}

static inline void bench_out(struct bench *b, struct pl_spool_ref ref, uint32_t points)
{
	pl_spool_settle(b->spool, ref, &(struct pl_spool_outcome){.out = points});
}

/* The marks of what is pending, in order, as "1 2 3". */
static inline const char *bench_pending(struct bench *b, bool held, struct pl_buf *text)
{
	struct pl_spool_ref at = {0, 0};
	struct pl_batch *batch;
	pl_buf_clear(text);
	while (pl_spool_read(b->spool, at, held, &batch, &at) == PL_OK) {
		pl_buf_addf(text, text->n > 0 ? " %u" : "%u", bench_mark(batch));
		pl_batch_release(batch);
	}
	return pl_buf_cstr(text);
}

static inline void assert_pending(struct bench *b, const char *marks)
{
	struct pl_buf text = {0};
	assert_string_equal(bench_pending(b, false, &text), marks);
	pl_buf_finish(&text);
}

/* The account adds up; returns it. */
static inline struct pl_spool_account bench_account(const struct bench *b)
{
	struct pl_spool_account a = pl_spool_account(b->spool);
	uint64_t sum = a.points_out + a.points_pending + a.points_quarantined;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		sum += a.dropped[d];
	assert_int_equal(a.points_in, sum);
	return a;
}

static inline void assert_account(const struct bench *b, uint64_t in, uint64_t out, uint64_t pending)
{
	struct pl_spool_account a = bench_account(b);
	assert_int_equal(a.points_in, in);
	assert_int_equal(a.points_out, out);
	assert_int_equal(a.points_pending, pending);
}

/* How many files of the directory have `part` in their names. */
static inline size_t bench_files(const struct bench *b, const char *part)
{
	size_t n = 0;
	DIR *d = opendir(b->dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += strstr(e->d_name, part) != NULL;
	closedir(d);
	return n;
}

static inline const char *bench_path(const struct bench *b, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", b->dir, name);
	return out;
}

static inline const char *bench_segment(const struct bench *b, uint64_t id, char out[128])
{
	char name[32];
	snprintf(name, sizeof name, "%016" PRIx64 ".seg", id);
	return bench_path(b, name, out);
}

/* Exchanges the byte at `offset` (from the end when negative). */
static inline void bench_flip(const char *path, long offset)
{
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
	int c = fgetc(f);
	assert_int_not_equal(c, EOF);
	fseek(f, -1, SEEK_CUR);
	fputc(c ^ 0x40, f);
	fclose(f);
}

static inline off_t bench_size(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

#endif
