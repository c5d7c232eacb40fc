/* What the tests of the state share: a folder, a loop, a state on them, and calls whose answers are waited for. */
#ifndef PL_TESTS_STATE_BENCH_H
#define PL_TESTS_STATE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/loop.h"
#include "store/state.h"

struct bench {
	char top[64], dir[80], path[96];
	struct pl_loop loop;
	struct pl_state *s;
	char reason[512]; /* of the last call here */
};

struct bench_answer {
	bool came;
	enum pl_err err;
	char reason[512];
};

static inline int bench_set_up(void **state)
{
	struct bench *b = pl_calloc(1, sizeof *b);
	snprintf(b->top, sizeof b->top, "/tmp/pl_state.XXXXXX");
	assert_non_null(mkdtemp(b->top));
	snprintf(b->dir, sizeof b->dir, "%s/new", b->top);
	snprintf(b->path, sizeof b->path, "%s/state.db", b->dir);
	*state = b;
	return 0;
}

static inline int bench_tear_down(void **state)
{
	struct bench *b = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", b->top);
	assert_int_equal(system(command), 0);
	free(b);
	return 0;
}

static inline enum pl_err bench_try(struct bench *b, bool in_memory, size_t max_pending, size_t max_pending_bytes)
{
	const struct pl_state_options options = {.loop = &b->loop,
						 .dir = in_memory ? NULL : b->dir,
						 .max_pending = max_pending,
						 .max_pending_bytes = max_pending_bytes};
	b->reason[0] = '\0';
	assert_int_equal(pl_loop_init(&b->loop, "test"), PL_OK);
	enum pl_err err = pl_state_open(&b->s, &options, b->reason, sizeof b->reason);
	if (err != PL_OK) {
		assert_null(b->s);
		pl_loop_finish(&b->loop);
	}
	return err;
}

static inline void bench_open(struct bench *b)
{
	if (bench_try(b, false, 0, 0) != PL_OK)
		fail_msg("%s", b->reason);
}

static inline void bench_set(void *data)
{
	*(bool *)data = true;
}

static inline void bench_wait(struct bench *b, const bool *come)
{
	while (!*come)
		uv_run(&b->loop.uv, UV_RUN_ONCE);
}

static inline void bench_close(struct bench *b)
{
	bool closed = false;
	pl_state_close(b->s, bench_set, &closed);
	bench_wait(b, &closed);
	b->s = NULL;
	pl_loop_finish(&b->loop);
}

static inline void bench_answered(void *data, enum pl_err err, const char *reason)
{
	struct bench_answer *a = data;
	assert_false(a->came);
	a->came = true;
	a->err = err;
	snprintf(a->reason, sizeof a->reason, "%s", reason);
}

static inline enum pl_err bench_await(struct bench *b, enum pl_err taken, const struct bench_answer *a)
{
	assert_int_equal(taken, PL_OK);
	bench_wait(b, &a->came);
	snprintf(b->reason, sizeof b->reason, "%s", a->reason);
	assert_int_equal(a->err == PL_OK, a->reason[0] == '\0');
	return a->err;
}

static inline enum pl_err bench_put(struct bench *b, const char *kind, struct pl_str id, struct pl_str body)
{
	struct bench_answer a = {0};
	return bench_await(b, pl_state_put(b->s, kind, id, body, bench_answered, &a), &a);
}

/* A document with a body of `fill` times 'x', called by its number. */
static inline enum pl_err bench_put_big(struct bench *b, int number, size_t fill)
{
	char id[16], *body = pl_alloc(fill);
	snprintf(id, sizeof id, "%08d", number);
	memset(body, 'x', fill);
	enum pl_err err = bench_put(b, "big", pl_str_of(id), (struct pl_str){body, fill});
	free(body);
	return err;
}

static inline enum pl_err bench_append(struct bench *b, const char *subject, const char *key, int64_t wall_ns, const char *body,
				       size_t most, int64_t oldest_ns)
{
	struct bench_answer a = {0};
	enum pl_err err = pl_state_append(b->s, pl_str_of(subject), pl_str_of(key), wall_ns, pl_str_of(body), most, oldest_ns,
					  bench_answered, &a);
	return bench_await(b, err, &a);
}

static inline void bench_list(void *data, struct pl_str id, struct pl_str body)
{
	struct pl_buf *text = data;
	pl_buf_add_str(text, id);
	pl_buf_add_char(text, '=');
	pl_buf_add_str(text, body);
	pl_buf_add_char(text, ' ');
}

static inline void bench_assert_documents(struct bench *b, const char *kind, const char *expected)
{
	struct pl_buf text = {0};
	assert_int_equal(pl_state_load(b->s, kind, bench_list, &text, b->reason, sizeof b->reason), PL_OK);
	assert_string_equal(pl_buf_cstr(&text), expected);
	pl_buf_finish(&text);
}

static inline void bench_one(void *data, struct pl_str id, struct pl_str body)
{
	(void)id;
	(void)body;
	++*(size_t *)data;
}

static inline size_t bench_count(struct bench *b, const char *kind)
{
	size_t n = 0;
	assert_int_equal(pl_state_load(b->s, kind, bench_one, &n, b->reason, sizeof b->reason), PL_OK);
	return n;
}

struct bench_events {
	bool came;
	enum pl_err err;
	struct pl_buf text; /* "BODY@TIME ..." */
	uint64_t last;      /* the oldest one's number */
};

static inline void bench_events_came(void *data, enum pl_err err, const struct pl_state_event *v, size_t n, const char *reason)
{
	struct bench_events *e = data;
	e->came = true;
	e->err = err;
	assert_int_equal(err == PL_OK, reason[0] == '\0');
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || v[i].id < v[i - 1].id);
		pl_buf_add_str(&e->text, v[i].body);
		pl_buf_addf(&e->text, "@%lld ", (long long)v[i].wall_ns);
		e->last = v[i].id;
	}
}

/* Returns the oldest one's number. */
static inline uint64_t bench_assert_events(struct bench *b, const char *subject, uint64_t before, size_t most,
					   const char *expected)
{
	struct bench_events e = {0};
	assert_int_equal(pl_state_events(b->s, pl_str_of(subject), before, most, bench_events_came, &e), PL_OK);
	bench_wait(b, &e.came);
	assert_int_equal(e.err, PL_OK);
	assert_string_equal(pl_buf_cstr(&e.text), expected);
	pl_buf_finish(&e.text);
	return e.last;
}

#endif
