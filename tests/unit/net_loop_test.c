#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <cmocka.h>

#include "net/loop.h"

struct seen {
	struct pl_loop loop;
	pthread_t thread;
	sigset_t mask;
	char name[32];
	unsigned calls;
};

static void look(void *data)
{
	struct seen *s = data;
	s->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
	pthread_getname_np(pthread_self(), s->name, sizeof s->name);
	s->calls++;
}

static void a_spawned_loop_is_named_and_sees_no_signals(void **state)
{
	(void)state;
	struct seen s = {0};
	sigset_t before, after;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(pl_loop_init(&s.loop, "worker-0-with-a-long-name"), PL_OK);
	assert_int_equal(pl_loop_spawn(&s.loop), PL_OK);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_true(pl_loop_call(&s.loop, look, &s));
	pl_loop_stop(&s.loop);
	pl_loop_join(&s.loop);
	assert_int_equal(s.calls, 1);
	assert_string_equal(s.name, "worker-0-with-a");
	assert_false(pthread_equal(s.thread, pthread_self()));
	const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGCHLD};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		assert_int_equal(sigismember(&s.mask, signals[i]), 1);
		assert_int_equal(sigismember(&before, signals[i]), sigismember(&after, signals[i]));
	}
	assert_false(pl_loop_call(&s.loop, look, &s));
	assert_int_equal(s.calls, 1);
	pl_loop_finish(&s.loop);
}

static void stopping_twice_is_harmless(void **state)
{
	(void)state;
	for (int spawned = 0; spawned < 2; spawned++) {
		struct seen s = {0};
		assert_int_equal(pl_loop_init(&s.loop, "loop"), PL_OK);
		if (spawned)
			assert_int_equal(pl_loop_spawn(&s.loop), PL_OK);
		pl_loop_stop(&s.loop);
		pl_loop_stop(&s.loop);
		if (!spawned)
			pl_loop_run(&s.loop);
		pl_loop_join(&s.loop);
		pl_loop_stop(&s.loop);
		pl_loop_finish(&s.loop);
	}
}

static void a_loop_that_never_ran_can_be_finished(void **state)
{
	(void)state;
	struct seen s = {0};
	assert_int_equal(pl_loop_init(&s.loop, "loop"), PL_OK);
	assert_true(pl_loop_call(&s.loop, look, &s));
	pl_loop_finish(&s.loop);
	assert_int_equal(s.calls, 1);
}

struct ticker {
	struct pl_loop loop;
	uv_timer_t timer;
	unsigned ticks;
};

static void on_tick(uv_timer_t *timer)
{
	struct ticker *t = timer->data;
	if (++t->ticks == 3)
		uv_close((uv_handle_t *)timer, NULL);
}

static void the_loop_runs_until_every_handle_is_closed(void **state)
{
	(void)state;
	struct ticker t = {0};
	assert_int_equal(pl_loop_init(&t.loop, "loop"), PL_OK);
	uv_timer_init(&t.loop.uv, &t.timer);
	t.timer.data = &t;
	uv_timer_start(&t.timer, on_tick, 1, 1);
	pl_loop_stop(&t.loop);
	pl_loop_run(&t.loop);
	assert_int_equal(t.ticks, 3);
	pl_loop_finish(&t.loop);
}

struct player {
	struct pl_loop loop;
	struct player *other;
	unsigned left, hits;
};

static void hit(void *data)
{
	struct player *p = data;
	p->hits++;
	if (p->left-- == 0) {
		pl_loop_stop(&p->other->loop);
		pl_loop_stop(&p->loop);
		return;
	}
	pl_loop_call(&p->other->loop, hit, p->other);
}

static void two_loops_talk(void **state)
{
	(void)state;
	struct player a = {.left = 5000}, b = {.left = 5000};
	a.other = &b;
	b.other = &a;
	assert_int_equal(pl_loop_init(&a.loop, "a"), PL_OK);
	assert_int_equal(pl_loop_init(&b.loop, "b"), PL_OK);
	assert_int_equal(pl_loop_spawn(&a.loop), PL_OK);
	assert_int_equal(pl_loop_spawn(&b.loop), PL_OK);
	assert_true(pl_loop_call(&a.loop, hit, &a));
	pl_loop_join(&a.loop);
	pl_loop_join(&b.loop);
	assert_int_equal(a.hits, 5001);
	assert_int_equal(b.hits, 5000);
	pl_loop_finish(&a.loop);
	pl_loop_finish(&b.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_spawned_loop_is_named_and_sees_no_signals),
	    cmocka_unit_test(stopping_twice_is_harmless),
	    cmocka_unit_test(a_loop_that_never_ran_can_be_finished),
	    cmocka_unit_test(the_loop_runs_until_every_handle_is_closed),
	    cmocka_unit_test(two_loops_talk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
