/* Workers with an input that emits one line per firing, and an output that counts lines: messages, batches and endings between
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/worker.h"

enum { N_WORKERS = 3, N_TARGETS = 60 };

/* ---- an input that fires without a network ---- */

struct ticker {
	const struct pl_input_env *env;
	struct pl_input_counters counters;
};

struct tick_state {
	struct pl_target *target;
	struct pl_route *route;
	uint64_t fired;
};

static enum pl_err ticker_open(const struct pl_input_env *env, void **self)
{
	struct ticker *t = pl_calloc(1, sizeof *t);
	t->env = env;
	*self = t;
	return PL_OK;
}

static void *ticker_attach(void *self, struct pl_target *target)
{
	(void)self;
	struct tick_state *s = pl_calloc(1, sizeof *s);
	s->target = pl_target_share(target);
	s->route = pl_route_create("db", "");
	return s;
}

static void ticker_fire(void *self, void *state, int64_t wall_ns)
{
	struct ticker *t = self;
	struct tick_state *s = state;
	struct pl_buf line = {0};
	assert_int_equal(wall_ns % s->target->interval_ns, s->target->phase % (uint64_t)s->target->interval_ns);
	pl_buf_addf(&line, "tick v=1 %lld\n", (long long)wall_ns);
	t->env->sink->commit(t->env->sink, s->route, &line, 1);
	pl_buf_finish(&line);
	s->fired++;
	atomic_fetch_add(&t->counters.points, 1);
}

static void ticker_detach(void *self, void *state)
{
	(void)self;
	struct tick_state *s = state;
	pl_target_release(s->target);
	pl_route_release(s->route);
	free(s);
}

static void ticker_status(void *self, void *state, struct pl_target_status *out)
{
	(void)self;
	const struct tick_state *s = state;
	out->scrapes = s->fired;
	out->health = s->fired > 0 ? PL_TARGET_UP : PL_TARGET_UNKNOWN;
}

static const struct pl_input_counters *ticker_counters(void *self)
{
	return &((struct ticker *)self)->counters;
}

static const char *ticker_drop_label(size_t i)
{
	(void)i;
	return NULL;
}

static void ticker_close(void *self, void (*closed)(void *data), void *data)
{
	free(self);
	closed(data);
}

static const struct pl_input_ops ticker_ops = {
    .open = ticker_open,
    .attach = ticker_attach,
    .fire = ticker_fire,
    .detach = ticker_detach,
    .status = ticker_status,
    .counters = ticker_counters,
    .drop_label = ticker_drop_label,
    .close = ticker_close,
};
static const struct pl_plugin ticker = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_INPUT, .name = "ticker", .ops.input = &ticker_ops};

/* ---- an output that counts ---- */

struct tally {
	_Atomic uint64_t points;
};

static enum pl_err tally_open(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	(void)env;
	(void)reason;
	(void)reason_size;
	*self = (void *)config;
	return PL_OK;
}

static void tally_deliver(void *self, struct pl_delivery *d)
{
	struct tally *t = self;
	atomic_fetch_add(&t->points, d->points);
	d->done(d, &(struct pl_verdict){.kind = PL_VERDICT_DONE});
}

static void tally_close(void *self, void (*closed)(void *data), void *data)
{
	(void)self;
	closed(data);
}

static const struct pl_output_ops tally_ops = {.open = tally_open, .deliver = tally_deliver, .close = tally_close};
static const struct pl_plugin tally_plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "tally",
					      .ops.output = &tally_ops};

/* ---- the test ---- */

struct fixture {
	struct pl_loop loop;
	uv_timer_t timer;
	struct tally tallies[2];
	struct pl_section sections[2];
	struct pl_config *snapshot;
	struct pl_output *outputs[2];
	struct pl_outputs *set;
	struct pl_worker *workers[N_WORKERS];
	struct pl_target *targets[N_TARGETS];
	size_t n_collected, n_statuses, n_switched, n_closed, n_outputs_closed;
	bool all_fired;
	uint64_t ticked, lost;
};

static void open_output(struct fixture *f, size_t i)
{
	char reason[128];
	f->sections[i] = (struct pl_section){.kind = "tally", .plugin = &tally_plugin, .config = &f->tallies[i]};
	const struct pl_output_options options = {
	    .name = "tally", .section = &f->sections[i], .config = f->snapshot, .memory_bytes = 1 << 20};
	assert_int_equal(pl_output_create(&f->outputs[i], &options, reason, sizeof reason), PL_OK);
}

static struct pl_target *make_target(struct fixture *f, size_t i)
{
	struct pl_target *t = pl_calloc(1, sizeof *t);
	atomic_init(&t->refs, 1);
	t->config = pl_config_share(f->snapshot);
	t->key = 1000 + i;
	t->phase = i * 1000003;
	t->interval_ns = 5 * PL_NS_PER_MS;
	t->timeout_ns = PL_NS_PER_MS;
	return t;
}

static void on_output_closed(void *data, uint64_t lost)
{
	struct fixture *f = data;
	f->lost += lost;
	if (++f->n_outputs_closed == 2)
		pl_loop_stop(&f->loop);
}

static void on_worker_closed(void *data)
{
	struct fixture *f = data;
	if (++f->n_closed < N_WORKERS)
		return;
	for (size_t i = 0; i < 2; i++)
		pl_output_close(f->outputs[i], 60000, NULL, &f->loop, on_output_closed, f);
}

static void close_workers(struct fixture *f)
{
	uv_close((uv_handle_t *)&f->timer, NULL);
	for (size_t i = 0; i < N_WORKERS; i++) {
		f->ticked += atomic_load(&pl_worker_stats(f->workers[i]).input->points);
		pl_worker_close(f->workers[i], &f->loop, on_worker_closed, f);
	}
}

static void on_switched(void *data)
{
	struct fixture *f = data;
	if (++f->n_switched == N_WORKERS)
		close_workers(f);
}

static void switch_outputs(struct fixture *f)
{
	struct pl_outputs *second = pl_outputs_create(&f->outputs[1], 1);
	for (size_t i = 0; i < N_WORKERS; i++)
		pl_worker_set_outputs(f->workers[i], second, &f->loop, on_switched, f);
	pl_outputs_release(second);
}

static void on_collected(void *data, struct pl_worker_statuses statuses)
{
	struct fixture *f = data;
	for (size_t i = 0; i < statuses.n; i++)
		f->all_fired = f->all_fired && statuses.v[i].scrapes > 0;
	f->n_statuses += statuses.n;
	pl_worker_statuses_free(statuses);
	if (++f->n_collected < N_WORKERS)
		return;
	if (f->all_fired && f->n_statuses == N_TARGETS - N_TARGETS / 3)
		switch_outputs(f);
	else
		uv_timer_start(&f->timer, f->timer.timer_cb, 5, 0);
}

static void collect(uv_timer_t *timer)
{
	struct fixture *f = timer->data;
	f->n_collected = f->n_statuses = 0;
	f->all_fired = true;
	for (size_t i = 0; i < N_WORKERS; i++)
		pl_worker_collect(f->workers[i], NULL, 0, &f->loop, on_collected, f);
}

static void no_point_is_lost_between_threads(void **state)
{
	(void)state;
	struct fixture f = {0};
	f.snapshot = pl_calloc(1, sizeof *f.snapshot);
	atomic_init(&f.snapshot->refs, 1000); /* never the last reference: freed below */
	assert_int_equal(pl_loop_init(&f.loop, "test"), PL_OK);
	uv_timer_init(&f.loop.uv, &f.timer);
	f.timer.data = &f;
	for (size_t i = 0; i < 2; i++)
		open_output(&f, i);
	f.set = pl_outputs_create(f.outputs, 2);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		const struct pl_worker_options options = {.index = i, .input = &ticker, .outputs = f.set};
		assert_int_equal(pl_worker_create(&f.workers[i], &options), PL_OK);
	}
	pl_outputs_release(f.set);
	for (size_t i = 0; i < N_TARGETS; i++) {
		f.targets[i] = make_target(&f, i);
		pl_worker_add(f.workers[i % N_WORKERS], f.targets[i]);
		pl_worker_add(f.workers[i % N_WORKERS], f.targets[i]); /* the second time changes nothing */
	}
	for (size_t i = 0; i < N_TARGETS; i += 3)
		pl_worker_remove(f.workers[i % N_WORKERS], f.targets[i]->key);
	pl_worker_remove(f.workers[0], 1);
	uv_timer_start(&f.timer, collect, 5, 0);
	pl_loop_run(&f.loop);
	pl_loop_finish(&f.loop);
	assert_int_equal(f.n_closed, N_WORKERS);
	assert_int_equal(f.lost, 0);
	assert_true(atomic_load(&f.tallies[0].points) > 0);
	assert_true(atomic_load(&f.tallies[0].points) <= atomic_load(&f.tallies[1].points));
	assert_true(atomic_load(&f.tallies[1].points) >= f.ticked);
	for (size_t i = 0; i < N_TARGETS; i++) {
		assert_int_equal(atomic_load(&f.targets[i]->refs), 1);
		pl_target_release(f.targets[i]);
	}
	free(f.snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_point_is_lost_between_threads)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
