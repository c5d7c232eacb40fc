/* A loop, a real state, a clock that stands still until it is told, and notifiers that do what they are told. */
#ifndef ALERTS_HARNESS_H
#define ALERTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/outbox.h"
#include "base/clock.h"
#include "base/mem.h"

static int64_t clock_ns = INT64_C(1800000000) * 1000000000;

static bool clock_runs;

static int64_t now_ns(void)
{
	return clock_runs ? pl_clock_wall_ns() : clock_ns;
}

static void pass(int64_t seconds)
{
	clock_ns += seconds * PL_NS_PER_S;
}

struct scripted {
	enum { TAKES, FAILS, REFUSES, HANGS } mode;
	const char *poison; /* fails for notices of this alert, whatever the mode */
	unsigned attempts;
	struct pl_buf taken; /* "LEVEL id cause|...;" of each notice that it took */
	struct pl_buf keys;  /* of all attempts, "key " each */
	int64_t retry_after_ns;
	struct pl_notice_delivery *held;
};

static void scripted_send(void *self, struct pl_notice_delivery *d)
{
	struct scripted *s = self;
	const struct pl_notice *n = d->notice;
	struct pl_notice_verdict v = {.result = PL_NOTICE_SENT};
	s->attempts++;
	pl_buf_addf(&s->keys, "%.*s ", (int)n->key.n, n->key.p);
	if (s->mode == HANGS) {
		s->held = d;
		return;
	}
	if (s->mode == REFUSES) {
		v = (struct pl_notice_verdict){.result = PL_NOTICE_REFUSED, .reason = "400 no"};
	} else if (s->mode == FAILS || (s->poison != NULL && pl_str_is(n->events[0].alert, s->poison))) {
		v = (struct pl_notice_verdict){
		    .result = PL_NOTICE_RETRY, .retry_after_ns = s->retry_after_ns, .reason = "503 away"};
	} else {
		for (size_t i = 0; i < n->n; i++) {
			const struct pl_notice_event *e = &n->events[i];
			pl_buf_addf(&s->taken, "%s%s%.*s %.*s%s%.*s", i > 0 ? "|" : "", e->reminder ? "again " : "",
				    (int)e->level.n, e->level.p, (int)e->id.n, e->id.p, e->cause.n > 0 ? " " : "",
				    (int)e->cause.n, e->cause.p);
		}
		if (n->post.n > 0)
			pl_buf_addf(&s->taken, " to %.*s", (int)n->post.n, n->post.p);
		pl_buf_add_char(&s->taken, ';');
	}
	d->done(d, &v);
}

static void scripted_answer(struct scripted *s, enum pl_notice_result result)
{
	struct pl_notice_delivery *d = s->held;
	struct pl_notice_verdict v = {.result = result};
	s->held = NULL;
	d->done(d, &v);
}

static const struct pl_notifier_ops scripted_ops = {.send = scripted_send};

static void scripted_finish(struct scripted *s)
{
	pl_buf_finish(&s->taken);
	pl_buf_finish(&s->keys);
}

/* What it took since the last look. */
#define assert_taken(S, TEXT)                                                                                                    \
	do {                                                                                                                     \
		assert_string_equal(pl_buf_cstr(&(S)->taken), (TEXT));                                                           \
		pl_buf_clear(&(S)->taken);                                                                                       \
	} while (0)

struct world {
	struct pl_loop loop;
	char dir[64];
	struct pl_state *state;
};

static void flag(void *data)
{
	*(bool *)data = true;
}

static void flag_done(void *data, enum pl_err err, const char *reason)
{
	(void)reason;
	assert_int_equal(err, PL_OK);
	*(bool *)data = true;
}

static void wait_for(struct world *w, const bool *done)
{
	while (!*done)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
}

/* Everything that was asked of the state has been answered, and what followed from it. */
static void calm(struct world *w)
{
	for (int i = 0; i < 4; i++) {
		bool done = false;
		assert_int_equal(pl_state_put(w->state, "test", PL_STR("calm"), PL_STR("1"), flag_done, &done), PL_OK);
		wait_for(w, &done);
	}
}

static void open_state(struct world *w)
{
	char reason[256] = "";
	struct pl_state_options options = {.loop = &w->loop, .dir = w->dir};
	if (pl_state_open(&w->state, &options, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
}

static void close_state(struct world *w)
{
	bool done = false;
	pl_state_close(w->state, flag, &done);
	wait_for(w, &done);
}

static void world_init(struct world *w)
{
	assert_int_equal(pl_loop_init(&w->loop, "test"), PL_OK);
	snprintf(w->dir, sizeof w->dir, "/tmp/pulseline-alerts-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	open_state(w);
}

static void remove_dir(const char *dir)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void world_finish(struct world *w)
{
	close_state(w);
	pl_loop_stop(&w->loop);
	uv_run(&w->loop.uv, UV_RUN_DEFAULT);
	pl_loop_finish(&w->loop);
	remove_dir(w->dir);
}

/* The state goes on with what is in the files now, as after a crash: whoever has the old one must not use it any more, which is
 * closed by what is returned. */
static struct pl_state *crash(struct world *w)
{
	char command[256], dir[64];
	struct pl_state *old = w->state;
	snprintf(dir, sizeof dir, "/tmp/pulseline-alerts-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command, "cp %s/state.db* %s/", w->dir, dir);
	assert_int_equal(system(command), 0);
	remove_dir(w->dir);
	memcpy(w->dir, dir, sizeof dir);
	open_state(w);
	return old;
}

static void bury(struct world *w, struct pl_state *old)
{
	bool done = false;
	pl_state_close(old, flag, &done);
	wait_for(w, &done);
}

static size_t documents;

static void count_document(void *data, struct pl_str id, struct pl_str body)
{
	(void)data;
	(void)id;
	(void)body;
	documents++;
}

static size_t stored(struct world *w, const char *kind)
{
	char reason[256] = "";
	documents = 0;
	assert_int_equal(pl_state_load(w->state, kind, count_document, NULL, reason, sizeof reason), PL_OK);
	return documents;
}

#endif
