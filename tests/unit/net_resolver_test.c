#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/resolver.h"

/* Names that the hosts file of any machine has, and names that fail without any server being asked: an empty label. */

struct asker {
	struct pl_resolver_lookup lookup; /* first */
	struct world *world;
	unsigned done;
	enum pl_err err;
	char addresses[256], reason[128];
};

struct world {
	struct pl_loop loop;
	struct pl_resolver *resolver;
	unsigned waiting, closed;
	struct pl_resolver_options options;
};

static void keep(struct asker *a, const struct pl_resolver_answer *answer)
{
	a->done++;
	a->err = answer->err;
	snprintf(a->addresses, sizeof a->addresses, "%s", answer->addresses != NULL ? answer->addresses : "");
	snprintf(a->reason, sizeof a->reason, "%s", answer->reason);
}

static void on_done(struct pl_resolver_lookup *lookup, const struct pl_resolver_answer *answer)
{
	struct asker *a = (struct asker *)lookup;
	keep(a, answer);
	if (--a->world->waiting == 0)
		uv_stop(&a->world->loop.uv);
}

/* True when it was answered at once. */
static bool ask(struct world *w, struct asker *a, const char *host)
{
	struct pl_resolver_answer answer;
	*a = (struct asker){.lookup.on_done = on_done, .world = w};
	if (pl_resolver_start(w->resolver, &a->lookup, host, 60 * PL_NS_PER_S, &answer)) {
		keep(a, &answer);
		return true;
	}
	w->waiting++;
	return false;
}

static void run(struct world *w)
{
	if (w->waiting > 0)
		uv_run(&w->loop.uv, UV_RUN_DEFAULT);
	assert_int_equal(w->waiting, 0);
}

static void count_closed(void *data)
{
	((struct world *)data)->closed++;
}

static void world_init(struct world *w, struct pl_resolver_options options)
{
	*w = (struct world){.options = options};
	assert_int_equal(pl_loop_init(&w->loop, "test"), PL_OK);
	w->resolver = pl_resolver_create(&w->loop, &options);
}

static void world_finish(struct world *w)
{
	pl_resolver_close(w->resolver, count_closed, w);
	pl_loop_stop(&w->loop);
	pl_loop_run(&w->loop);
	assert_int_equal(w->closed, 1);
	pl_loop_finish(&w->loop);
}

static void knows_what_needs_no_lookup(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool needless;
	} cases[] = {
	    {"127.0.0.1", true}, {"::1", true},          {"[fe80::1]", true},   {"localhost", true}, {"LocalHost", true},
	    {"", false},         {"example.com", false}, {"127.0.0.1.", false}, {"1.2.3", false},    {"localhost.lan", false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_resolver_needless(cases[i].host), cases[i].needless);
}

static void finds_and_remembers(void **state)
{
	(void)state;
	struct world w;
	struct asker a;
	world_init(&w, (struct pl_resolver_options){0});
	assert_false(ask(&w, &a, "localhost"));
	assert_int_equal(a.done, 0);
	run(&w);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.err, PL_OK);
	assert_true(strstr(a.addresses, "127.0.0.1") != NULL || strstr(a.addresses, "[::1]") != NULL);
	assert_string_equal(a.reason, "");
	assert_true(ask(&w, &a, "localhost"));
	assert_true(ask(&w, &a, "LOCALHOST"));
	assert_int_equal(a.err, PL_OK);
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.lookups, 1);
	assert_int_equal(s.hits, 2);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.running, 0);
	world_finish(&w);
}

static void remembers_what_does_not_exist(void **state)
{
	(void)state;
	struct world w;
	struct asker a, b;
	world_init(&w, (struct pl_resolver_options){0});
	ask(&w, &a, "no..such");
	run(&w);
	assert_int_equal(a.err, PL_ENET);
	assert_string_not_equal(a.reason, "");
	assert_true(ask(&w, &b, "no..such"));
	assert_int_equal(b.err, PL_ENET);
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.lookups, 1);
	assert_int_equal(s.failed, 1);
	world_finish(&w);
}

static void refuses_what_cannot_be_a_name(void **state)
{
	(void)state;
	struct world w;
	struct asker a;
	world_init(&w, (struct pl_resolver_options){0});
	char name[300];
	memset(name, 'a', sizeof name);
	name[254] = '\0';
	assert_true(ask(&w, &a, name));
	assert_int_equal(a.err, PL_EINVAL);
	assert_true(ask(&w, &a, ""));
	assert_int_equal(a.err, PL_EINVAL);
	assert_int_equal(pl_resolver_stats(w.resolver).entries, 0);
	world_finish(&w);
}

static void many_share_one_lookup(void **state)
{
	(void)state;
	enum { N = 100 };
	struct world w;
	struct asker askers[N];
	world_init(&w, (struct pl_resolver_options){0});
	for (unsigned i = 0; i < N; i++)
		assert_false(ask(&w, &askers[i], "localhost"));
	run(&w);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(askers[i].done, 1);
		assert_string_equal(askers[i].addresses, askers[0].addresses);
	}
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.lookups, 1);
	assert_int_equal(s.shared, N - 1);
	world_finish(&w);
}

static void runs_a_bounded_number_at_once(void **state)
{
	(void)state;
	enum { N = 40 };
	struct world w;
	struct asker askers[N];
	world_init(&w, (struct pl_resolver_options){.max_running = 3});
	for (unsigned i = 0; i < N; i++) {
		char name[32];
		snprintf(name, sizeof name, "x..%u", i);
		ask(&w, &askers[i], name);
	}
	run(&w);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(askers[i].done, 1);
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.lookups, N);
	assert_int_equal(s.entries, N);
	assert_int_equal(s.peak, 3);
	world_finish(&w);
}

static void forgets_the_oldest(void **state)
{
	(void)state;
	struct world w;
	struct asker a;
	world_init(&w, (struct pl_resolver_options){.max_entries = 3});
	for (unsigned i = 0; i < 10; i++) {
		char name[32];
		snprintf(name, sizeof name, "x..%u", i);
		ask(&w, &a, name);
		run(&w);
		ask(&w, &a, "localhost"); /* used all the time: stays */
		run(&w);
		assert_int_equal(a.err, PL_OK);
	}
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.entries, 3);
	assert_int_equal(s.evicted, 8);
	assert_int_equal(s.lookups, 11);
	world_finish(&w);
}

static void refuses_when_all_are_in_use(void **state)
{
	(void)state;
	struct world w;
	struct asker a, b, c;
	world_init(&w, (struct pl_resolver_options){.max_entries = 1});
	assert_false(ask(&w, &a, "localhost"));
	assert_true(ask(&w, &b, "localhost.lan"));
	assert_int_equal(b.err, PL_EFULL);
	assert_false(ask(&w, &c, "localhost"));
	run(&w);
	assert_int_equal(a.err, PL_OK);
	assert_int_equal(c.err, PL_OK);
	assert_int_equal(pl_resolver_stats(w.resolver).refused, 1);
	world_finish(&w);
}

static void a_stale_answer_serves_while_it_is_renewed(void **state)
{
	(void)state;
	struct world w;
	struct asker a;
	world_init(&w, (struct pl_resolver_options){.fresh_ns = 1, .stale_ns = 3600 * PL_NS_PER_S, .negative_ns = 1});
	assert_false(ask(&w, &a, "localhost"));
	run(&w);
	assert_true(ask(&w, &a, "localhost"));
	assert_int_equal(a.err, PL_OK);
	struct pl_resolver_stats s = pl_resolver_stats(w.resolver);
	assert_int_equal(s.stale, 1);
	assert_int_equal(s.lookups, 2); /* the second runs behind it */
	assert_int_equal(s.running, 1);
	/* Whoever found that the addresses do not work waits for the new ones. */
	pl_resolver_doubt(w.resolver, "LocalHost");
	assert_false(ask(&w, &a, "localhost"));
	run(&w);
	assert_int_equal(a.err, PL_OK);
	world_finish(&w);
}

static void without_staleness_every_expiry_is_waited_for(void **state)
{
	(void)state;
	struct world w;
	struct asker a;
	world_init(&w, (struct pl_resolver_options){.fresh_ns = 1, .stale_ns = -1});
	for (unsigned i = 0; i < 3; i++) {
		assert_false(ask(&w, &a, "localhost"));
		run(&w);
		assert_int_equal(a.err, PL_OK);
	}
	assert_int_equal(pl_resolver_stats(w.resolver).lookups, 3);
	world_finish(&w);
}

static void cancelled_and_late_ones_are_left_out(void **state)
{
	(void)state;
	struct world w;
	struct asker a, b, late;
	struct pl_resolver_answer answer;
	world_init(&w, (struct pl_resolver_options){0});
	assert_false(ask(&w, &a, "localhost"));
	assert_false(ask(&w, &b, "localhost"));
	late = (struct asker){.lookup.on_done = on_done, .world = &w};
	assert_false(pl_resolver_start(w.resolver, &late.lookup, "localhost", 0, &answer));
	w.waiting++;
	pl_resolver_cancel(w.resolver, &a.lookup);
	pl_resolver_cancel(w.resolver, &a.lookup);
	w.waiting--;
	run(&w);
	assert_int_equal(a.done, 0);
	assert_int_equal(b.done, 1);
	assert_int_equal(late.done, 1); /* in time or not: the look-up may be quicker */
	assert_true(late.err == PL_ETIMEOUT || late.err == PL_OK);
	world_finish(&w);
}

static void closes_with_lookups_running(void **state)
{
	(void)state;
	struct world w;
	struct asker askers[20];
	world_init(&w, (struct pl_resolver_options){0});
	for (unsigned i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, i % 2 ? "x..%u" : "localhost", i);
		if (!ask(&w, &askers[i], name))
			pl_resolver_cancel(w.resolver, &askers[i].lookup);
	}
	world_finish(&w);
}

static void ask_next(struct pl_resolver_lookup *lookup, const struct pl_resolver_answer *answer)
{
	struct asker *a = (struct asker *)lookup;
	struct world *w = a->world;
	keep(a, answer);
	struct pl_resolver_answer next;
	if (a->done < 50) {
		char name[32];
		snprintf(name, sizeof name, "x..%u", a->done);
		while (pl_resolver_start(w->resolver, &a->lookup, name, PL_NS_PER_S * 60, &next)) {
			keep(a, &next);
			if (a->done >= 50)
				break;
			snprintf(name, sizeof name, "x..%u", a->done);
		}
		if (a->lookup.entry != NULL)
			return;
	}
	if (--w->waiting == 0)
		uv_stop(&w->loop.uv);
}

static void may_be_used_from_its_own_answers(void **state)
{
	(void)state;
	struct world w;
	struct asker askers[5];
	struct pl_resolver_answer answer;
	world_init(&w, (struct pl_resolver_options){.max_entries = 4, .max_running = 2});
	for (unsigned i = 0; i < 5; i++) {
		askers[i] = (struct asker){.lookup.on_done = ask_next, .world = &w};
		assert_false(pl_resolver_start(w.resolver, &askers[i].lookup, "localhost", 60 * PL_NS_PER_S, &answer));
		w.waiting++;
	}
	run(&w);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(askers[i].done, 50);
	assert_true(pl_resolver_stats(w.resolver).entries <= 4);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_what_needs_no_lookup),
	    cmocka_unit_test(finds_and_remembers),
	    cmocka_unit_test(remembers_what_does_not_exist),
	    cmocka_unit_test(refuses_what_cannot_be_a_name),
	    cmocka_unit_test(many_share_one_lookup),
	    cmocka_unit_test(runs_a_bounded_number_at_once),
	    cmocka_unit_test(forgets_the_oldest),
	    cmocka_unit_test(refuses_when_all_are_in_use),
	    cmocka_unit_test(a_stale_answer_serves_while_it_is_renewed),
	    cmocka_unit_test(without_staleness_every_expiry_is_waited_for),
	    cmocka_unit_test(cancelled_and_late_ones_are_left_out),
	    cmocka_unit_test(closes_with_lookups_running),
	    cmocka_unit_test(may_be_used_from_its_own_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
