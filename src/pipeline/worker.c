#include "pipeline/worker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 0
#include <uthash.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/builder.h"
#include "pipeline/schedule.h"

/* A step of the wall clock larger than this puts every target back on its phase. */
static const int64_t clock_step_ns = PL_NS_PER_S;

struct entry {
	struct pl_schedule_entry due;
	struct pl_target *target; /* shares */
	void *state;              /* the input's */
	UT_hash_handle hh;
};

/* All but what is marked is touched by the worker's own thread alone. */
struct pl_worker {
	struct pl_loop loop;
	struct pl_log *log;
	const struct pl_input_ops *ops;
	void *input;
	struct pl_input_env env;
	const struct pl_listener_ops *listener_ops; /* NULL: there is none */
	void *listener;
	struct pl_listener_env listener_env;
	struct pl_live_tap *live;
	struct pl_sink sink;
	struct pl_transfer_pool *transfers;
	struct pl_outputs *outputs; /* shares */
	struct pl_builder builder;
	struct pl_schedule schedule;
	struct entry *entries; /* uthash by target key */
	uv_timer_t schedule_timer, seal_timer;
	bool seal_armed;
	int64_t wall_minus_mono_ns;

	_Atomic uint64_t n_targets, n_batches, lateness_max_ns; /* any thread reads */

	struct pl_loop *closer;
	void (*closed)(void *data);
	void *closed_data;
	struct pl_msg closed_msg;
};

struct worker_msg {
	struct pl_msg msg;
	struct pl_worker *worker;
	struct pl_target *target;
	uint64_t key;
	struct pl_outputs *outputs;
	struct pl_loop *reply_loop;
	void (*done)(void *data);
	void (*collected)(void *data, struct pl_worker_statuses statuses);
	void *data;
	struct pl_worker_statuses statuses;
	uint64_t *keys; /* owned; NULL: all */
	size_t n_keys;
	const struct pl_plugin *plugin;
	_Atomic uint64_t *counters;
	void *prepared;
	void (*told)(void *data, struct pl_str json);
	struct pl_buf json;
};

static int64_t scheduled_now(const struct pl_worker *w)
{
	return pl_clock_mono_ns() + w->wall_minus_mono_ns;
}

/* ---- schedule ---- */

static void arm_schedule(struct pl_worker *w);

static void note_lateness(struct pl_worker *w, int64_t late_ns)
{
	uint64_t late = late_ns > 0 ? (uint64_t)late_ns : 0;
	if (late > atomic_load_explicit(&w->lateness_max_ns, memory_order_relaxed))
		atomic_store_explicit(&w->lateness_max_ns, late, memory_order_relaxed);
}

static void follow_wall_clock(struct pl_worker *w)
{
	int64_t difference = pl_clock_wall_ns() - pl_clock_mono_ns();
	int64_t step = difference - w->wall_minus_mono_ns;
	if (step > -clock_step_ns && step < clock_step_ns)
		return;
	pl_warn(w->log, "the wall clock jumped; scrapes move to their moments on it", PL_KVT("by_seconds", step));
	w->wall_minus_mono_ns = difference;
	pl_schedule_realign(&w->schedule, scheduled_now(w));
}

static void on_due(uv_timer_t *timer)
{
	struct pl_worker *w = timer->data;
	struct pl_schedule_entry *due;
	int64_t moment;
	uint64_t skipped;
	follow_wall_clock(w);
	while ((due = pl_schedule_next(&w->schedule, scheduled_now(w), &moment, &skipped)) != NULL) {
		struct entry *e = pl_container_of(due, struct entry, due);
		note_lateness(w, scheduled_now(w) - moment);
		w->ops->fire(w->input, e->state, moment);
	}
	arm_schedule(w);
}

static void arm_schedule(struct pl_worker *w)
{
	int64_t due = pl_schedule_due(&w->schedule);
	if (due == INT64_MAX) {
		uv_timer_stop(&w->schedule_timer);
		return;
	}
	int64_t wait = due - scheduled_now(w);
	uint64_t ms = wait > 0 ? (uint64_t)((wait + PL_NS_PER_MS - 1) / PL_NS_PER_MS) : 0;
	uv_update_time(&w->loop.uv);
	uv_timer_start(&w->schedule_timer, on_due, ms, 0);
}

/* ---- batches ---- */

static void on_sealed(void *data, struct pl_batch *b)
{
	struct pl_worker *w = data;
	atomic_fetch_add_explicit(&w->n_batches, 1, memory_order_relaxed);
	pl_outputs_put(w->outputs, b);
}

static void on_seal_due(uv_timer_t *timer)
{
	struct pl_worker *w = timer->data;
	int64_t now = pl_clock_mono_ns();
	int64_t next = pl_builder_flush(&w->builder, now);
	w->seal_armed = next != INT64_MAX;
	if (w->seal_armed)
		uv_timer_start(&w->seal_timer, on_seal_due, (uint64_t)((next - now) / PL_NS_PER_MS + 1), 0);
}

static void on_commit(struct pl_sink *sink, struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct pl_worker *w = pl_container_of(sink, struct pl_worker, sink);
	if (lines->n == 0)
		return;
	pl_builder_add(&w->builder, route, lines, points, pl_clock_mono_ns());
	if (!w->seal_armed) {
		w->seal_armed = true;
		uv_timer_start(&w->seal_timer, on_seal_due, PL_BATCH_SEAL_NS / PL_NS_PER_MS, 0);
	}
}

static void on_put(struct pl_sink *sink, struct pl_batch *b)
{
	on_sealed(pl_container_of(sink, struct pl_worker, sink), b);
}

/* ---- targets ---- */

static struct entry *find_entry(struct pl_worker *w, uint64_t key)
{
	struct entry *e;
	HASH_FIND(hh, w->entries, &key, sizeof key, e);
	return e;
}

static void drop_entry(struct pl_worker *w, struct entry *e)
{
	HASH_DEL(w->entries, e);
	pl_schedule_remove(&w->schedule, &e->due);
	w->ops->detach(w->input, e->state);
	pl_target_release(e->target);
	free(e);
	atomic_fetch_sub_explicit(&w->n_targets, 1, memory_order_relaxed);
}

static void run_add(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct pl_worker *w = m->worker;
	if (find_entry(w, m->target->key) != NULL) {
		pl_target_release(m->target);
	} else {
		struct entry *e = pl_calloc(1, sizeof *e);
		e->target = m->target;
		e->state = w->ops->attach(w->input, e->target);
		HASH_ADD_KEYPTR(hh, w->entries, &e->target->key, sizeof e->target->key, e);
		pl_schedule_add(&w->schedule, &e->due, e->target->interval_ns, e->target->phase, scheduled_now(w));
		atomic_fetch_add_explicit(&w->n_targets, 1, memory_order_relaxed);
		arm_schedule(w);
	}
	free(m);
}

static void run_remove(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct entry *e = find_entry(m->worker, m->key);
	if (e != NULL) {
		drop_entry(m->worker, e);
		arm_schedule(m->worker);
	}
	free(m);
}

static void tell(struct pl_worker *w, struct worker_msg content, void (*run)(struct pl_msg *msg))
{
	struct worker_msg *m = pl_alloc(sizeof *m);
	*m = content;
	m->msg.run = run;
	m->worker = w;
	pl_loop_post(&w->loop, &m->msg);
}

void pl_worker_add(struct pl_worker *w, struct pl_target *t)
{
	tell(w, (struct worker_msg){.target = pl_target_share(t)}, run_add);
}

void pl_worker_remove(struct pl_worker *w, uint64_t target_key)
{
	tell(w, (struct worker_msg){.key = target_key}, run_remove);
}

/* ---- outputs ---- */

static void run_done(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	m->done(m->data);
	free(m);
}

static void run_set_outputs(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct pl_worker *w = m->worker;
	pl_builder_flush(&w->builder, INT64_MAX);
	pl_outputs_release(w->outputs);
	w->outputs = m->outputs;
	m->msg.run = run_done;
	if (!pl_loop_post(m->reply_loop, &m->msg))
		free(m);
}

void pl_worker_set_outputs(struct pl_worker *w, struct pl_outputs *outputs, struct pl_loop *loop, void (*done)(void *data),
			   void *data)
{
	tell(w, (struct worker_msg){.outputs = pl_outputs_share(outputs), .reply_loop = loop, .done = done, .data = data},
	     run_set_outputs);
}

/* ---- status ---- */

void pl_worker_statuses_free(struct pl_worker_statuses statuses)
{
	for (size_t i = 0; i < statuses.n; i++) {
		pl_target_release(statuses.v[i].target);
		free(statuses.v[i].offenders);
	}
	free(statuses.v);
	free(statuses.outcomes);
}

static void run_collected(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	m->collected(m->data, m->statuses);
	free(m);
}

static void add_status(struct pl_worker *w, const struct entry *e, struct pl_worker_statuses *statuses)
{
	struct pl_target_status *s = &statuses->v[statuses->n];
	s->outcomes = statuses->outcomes + statuses->n++ * PL_TARGET_OUTCOMES;
	s->target = pl_target_share(e->target);
	w->ops->status(w->input, e->state, s);
}

static void run_collect(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct pl_worker *w = m->worker;
	size_t most = m->keys != NULL ? m->n_keys : HASH_COUNT(w->entries);
	m->statuses.v = pl_calloc(most, sizeof *m->statuses.v);
	m->statuses.outcomes = pl_calloc(most, PL_TARGET_OUTCOMES * sizeof *m->statuses.outcomes);
	for (struct entry *e = m->keys == NULL ? w->entries : NULL; e != NULL; e = e->hh.next)
		add_status(w, e, &m->statuses);
	for (size_t i = 0; i < m->n_keys; i++) {
		const struct entry *e = find_entry(w, m->keys[i]);
		if (e != NULL)
			add_status(w, e, &m->statuses);
	}
	free(m->keys);
	m->msg.run = run_collected;
	if (!pl_loop_post(m->reply_loop, &m->msg)) {
		pl_worker_statuses_free(m->statuses);
		free(m);
	}
}

void pl_worker_collect(struct pl_worker *w, const uint64_t *keys, size_t n, struct pl_loop *loop,
		       void (*done)(void *data, struct pl_worker_statuses statuses), void *data)
{
	struct worker_msg m = {.reply_loop = loop, .collected = done, .data = data};
	if (keys != NULL) {
		m.keys = pl_calloc(n, sizeof *m.keys);
		memcpy(m.keys, keys, n * sizeof *keys);
		m.n_keys = n;
	}
	tell(w, m, run_collect);
}

/* ---- listener ---- */

static void run_listen(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct pl_worker *w = m->worker;
	if (w->listener_ops == NULL) {
		w->listener_ops = m->plugin->ops.listener;
		w->listener_env = (struct pl_listener_env){
		    .loop = &w->loop, .log = w->log, .sink = &w->sink, .live = w->live, .counters = m->counters};
		w->listener_ops->open(&w->listener_env, &w->listener);
	}
	w->listener_ops->adopt(w->listener, m->prepared);
	free(m);
}

void pl_worker_listen(struct pl_worker *w, const struct pl_plugin *plugin, _Atomic uint64_t *counters, void *prepared)
{
	tell(w, (struct worker_msg){.plugin = plugin, .counters = counters, .prepared = prepared}, run_listen);
}

static void run_told(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	m->told(m->data, pl_buf_str(&m->json));
	pl_buf_finish(&m->json);
	free(m);
}

static void run_listener_status(struct pl_msg *msg)
{
	struct worker_msg *m = pl_container_of(msg, struct worker_msg, msg);
	struct pl_worker *w = m->worker;
	if (w->listener_ops != NULL)
		w->listener_ops->status(w->listener, &m->json);
	m->msg.run = run_told;
	if (!pl_loop_post(m->reply_loop, &m->msg)) {
		pl_buf_finish(&m->json);
		free(m);
	}
}

void pl_worker_listener_status(struct pl_worker *w, struct pl_loop *loop, void (*done)(void *data, struct pl_str json),
			       void *data)
{
	tell(w, (struct worker_msg){.reply_loop = loop, .told = done, .data = data}, run_listener_status);
}

struct pl_worker_stats pl_worker_stats(struct pl_worker *w)
{
	return (struct pl_worker_stats){
	    .input = w->ops->counters(w->input),
	    .targets = atomic_load_explicit(&w->n_targets, memory_order_relaxed),
	    .batches = atomic_load_explicit(&w->n_batches, memory_order_relaxed),
	    .lateness_max_ns = atomic_exchange_explicit(&w->lateness_max_ns, 0, memory_order_relaxed),
	};
}

/* ---- life ---- */

static void release(struct pl_worker *w)
{
	pl_builder_finish(&w->builder);
	pl_schedule_finish(&w->schedule);
	pl_outputs_release(w->outputs);
	free(w);
}

enum pl_err pl_worker_create(struct pl_worker **out, const struct pl_worker_options *options)
{
	struct pl_worker *w = pl_calloc(1, sizeof *w);
	char thread_name[16];
	snprintf(thread_name, sizeof thread_name, "worker:%u", options->index);
	w->log = options->log;
	w->ops = options->input->ops.input;
	w->outputs = pl_outputs_share(options->outputs);
	w->live = options->live;
	w->sink.commit = on_commit;
	w->sink.put = on_put;
	w->wall_minus_mono_ns = pl_clock_wall_ns() - pl_clock_mono_ns();
	pl_builder_init(&w->builder, on_sealed, w);
	enum pl_err err = pl_loop_init(&w->loop, thread_name);
	if (err != PL_OK) {
		release(w);
		return err;
	}
	uv_timer_init(&w->loop.uv, &w->schedule_timer);
	uv_timer_init(&w->loop.uv, &w->seal_timer);
	w->schedule_timer.data = w->seal_timer.data = w;
	err = pl_transfer_pool_create(&w->transfers, &w->loop, &(struct pl_transfer_pool_options){0});
	if (err == PL_OK) {
		w->env = (struct pl_input_env){
		    .loop = &w->loop, .transfers = w->transfers, .log = w->log, .sink = &w->sink, .live = w->live};
		err = w->ops->open(&w->env, &w->input);
	}
	if (err == PL_OK)
		err = pl_loop_spawn(&w->loop);
	if (err != PL_OK) /* the program ends now: it could not even start its threads */
		return err;
	*out = w;
	return PL_OK;
}

static void close_finished(struct pl_msg *msg)
{
	struct pl_worker *w = pl_container_of(msg, struct pl_worker, closed_msg);
	void (*closed)(void *) = w->closed;
	void *data = w->closed_data;
	pl_loop_join(&w->loop);
	pl_loop_finish(&w->loop);
	release(w);
	closed(data);
}

static void on_transfers_closed(void *data)
{
	struct pl_worker *w = data;
	struct pl_loop *closer = w->closer;
	pl_builder_flush(&w->builder, INT64_MAX);
	uv_close((uv_handle_t *)&w->schedule_timer, NULL);
	uv_close((uv_handle_t *)&w->seal_timer, NULL);
	w->closed_msg.run = close_finished;
	pl_loop_stop(&w->loop);
	pl_loop_post(closer, &w->closed_msg);
}

static void on_input_closed(void *data)
{
	struct pl_worker *w = data;
	pl_transfer_pool_close(w->transfers, on_transfers_closed, w);
}

static void on_listener_closed(void *data)
{
	struct pl_worker *w = data;
	w->ops->close(w->input, on_input_closed, w);
}

static void run_close(void *data)
{
	struct pl_worker *w = data;
	uv_timer_stop(&w->schedule_timer);
	for (struct entry *e = w->entries, *next; e != NULL; e = next) {
		next = e->hh.next;
		drop_entry(w, e);
	}
	if (w->listener_ops != NULL)
		w->listener_ops->close(w->listener, on_listener_closed, w);
	else
		on_listener_closed(w);
}

void pl_worker_close(struct pl_worker *w, struct pl_loop *loop, void (*closed)(void *data), void *data)
{
	w->closer = loop;
	w->closed = closed;
	w->closed_data = data;
	pl_loop_call(&w->loop, run_close, w);
}
