#include "pipeline/output.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"
#include "pipeline/backoff.h"

/* A batch waits so long for others to go with it: a request costs as much as the conversion of some hundred points. */
enum { LENT_AT_MOST = 64, USUAL_DELIVERY_BYTES = 1024 * 1024, LINGER_MS = 100 };

/* Touched by the output's own thread alone, but for what says otherwise. */
struct pl_output {
	char *name;
	const struct pl_section *section;
	const struct pl_output_ops *ops;
	struct pl_config *config;
	struct pl_log *log;
	struct pl_loop loop;
	struct pl_output_env env;
	void *self;
	struct pl_queue *queue;                        /* any thread */
	_Atomic uint64_t counters[PL_OUTPUT_COUNTERS]; /* the instance's; any thread reads */

	struct pl_delivery delivery;
	struct pl_batch *lent[LENT_AT_MOST];
	size_t max_delivery;
	bool delivering, pumping, waiting;
	uv_timer_t retry_timer, linger_timer;
	bool lingered; /* the next delivery need not wait for more batches */
	struct pl_backoff retry_backoff, hold_backoff;
	struct pl_incident incident;

	atomic_bool closing;   /* any thread */
	bool draining, ending; /* waiting for the queue to empty; the instance is being closed */
	uv_timer_t grace_timer;
	struct pl_output *heir;
	struct pl_loop *closer;
	void (*closed)(void *data, uint64_t points_lost);
	void *closed_data;
	struct pl_msg closed_msg;

	uv_mutex_t status_lock;
	struct pl_output_status status; /* any thread; guarded by status_lock */
};

struct simple_msg {
	struct pl_msg msg;
	struct pl_output *output;
	struct pl_query *query;
	unsigned grace_ms;
};

static void pump(struct pl_output *o);
static void wake(void *data);

/* ---- status ---- */

static void set_state(struct pl_output *o, enum pl_output_state state)
{
	uv_mutex_lock(&o->status_lock);
	o->status.state = state;
	uv_mutex_unlock(&o->status_lock);
}

static void note_success(struct pl_output *o, long http_status)
{
	const struct pl_kv kv[] = {PL_KVC("output", o->name), {0}};
	pl_incident_end(&o->incident, pl_clock_wall_ns(), o->log, "output works again", kv);
	pl_backoff_reset(&o->retry_backoff);
	pl_backoff_reset(&o->hold_backoff);
	uv_mutex_lock(&o->status_lock);
	o->status.deliveries++;
	o->status.failing_since_wall_ns = 0;
	o->status.last_reason[0] = '\0';
	o->status.last_status = http_status;
	uv_mutex_unlock(&o->status_lock);
}

static void note_failure(struct pl_output *o, const struct pl_verdict *v, enum pl_output_state state)
{
	const struct pl_kv kv[] = {PL_KVC("output", o->name), PL_KVC("reason", v->reason), PL_KVI("status", v->status), {0}};
	bool hold = state == PL_OUTPUT_HOLDING;
	pl_incident_fail(&o->incident, pl_clock_wall_ns(), o->log, hold ? PL_LOG_ERROR : PL_LOG_WARN,
			 hold ? "output needs attention; points are kept" : "output failed; points are kept and sent again", kv);
	uv_mutex_lock(&o->status_lock);
	o->status.state = state;
	o->status.retries++;
	o->status.failing_since_wall_ns = o->incident.since_ns;
	snprintf(o->status.last_reason, sizeof o->status.last_reason, "%s", v->reason);
	o->status.last_status = v->status;
	uv_mutex_unlock(&o->status_lock);
}

/* ---- the end ---- */

static void close_finished(struct pl_msg *msg)
{
	struct pl_output *o = pl_container_of(msg, struct pl_output, closed_msg);
	pl_loop_join(&o->loop);
	pl_loop_finish(&o->loop);
	uint64_t left = pl_queue_account(o->queue).points_queued;
	if (o->heir != NULL && left > 0) {
		pl_queue_move(o->queue, o->heir->queue);
		pl_loop_call(&o->heir->loop, wake, o->heir);
		left = 0;
	}
	pl_queue_destroy(o->queue);
	uv_mutex_destroy(&o->status_lock);
	pl_config_release(o->config);
	void (*closed)(void *, uint64_t) = o->closed;
	void *data = o->closed_data;
	free(o->name);
	free(o);
	closed(data, left);
}

static void on_instance_closed(void *data)
{
	struct pl_output *o = data;
	struct pl_loop *closer = o->closer;
	uv_close((uv_handle_t *)&o->retry_timer, NULL);
	uv_close((uv_handle_t *)&o->grace_timer, NULL);
	uv_close((uv_handle_t *)&o->linger_timer, NULL);
	o->closed_msg.run = close_finished;
	pl_loop_stop(&o->loop);
	pl_loop_post(closer, &o->closed_msg);
}

static void end_instance(struct pl_output *o)
{
	if (!o->draining)
		return;
	o->draining = false;
	o->ending = true;
	uv_timer_stop(&o->retry_timer);
	uv_timer_stop(&o->grace_timer);
	uv_timer_stop(&o->linger_timer);
	o->ops->close(o->self, on_instance_closed, o);
}

static void on_grace_over(uv_timer_t *timer)
{
	struct pl_output *o = timer->data;
	struct pl_queue_account account = pl_queue_account(o->queue);
	pl_warn(o->log, "output closed before everything was delivered", PL_KVC("output", o->name),
		PL_KVI("points", account.points_queued));
	end_instance(o);
}

/* ---- delivering ---- */

static void on_retry(uv_timer_t *timer)
{
	struct pl_output *o = timer->data;
	o->waiting = false;
	o->lingered = true;
	pump(o);
}

static void wait_and_retry(struct pl_output *o, struct pl_backoff *backoff, int64_t asked_ns)
{
	int64_t wait = pl_backoff_next(backoff, asked_ns);
	o->waiting = true;
	uv_timer_start(&o->retry_timer, on_retry, (uint64_t)(wait / PL_NS_PER_MS), 0);
}

static void log_refused(struct pl_output *o, const struct pl_verdict *v, uint32_t points)
{
	pl_warn(o->log, "points refused for good", PL_KVC("output", o->name), PL_KVI("points", points),
		PL_KVC("reason", v->reason));
}

/* The server will not take so much at once: remembers that, and cuts a batch that is alone too large. */
static void split(struct pl_output *o, const struct pl_verdict *v)
{
	struct pl_delivery *d = &o->delivery;
	uv_mutex_lock(&o->status_lock);
	o->status.splits++;
	uv_mutex_unlock(&o->status_lock);
	if (o->max_delivery > d->bytes / 2)
		o->max_delivery = d->bytes / 2;
	if (d->n > 1) {
		pl_queue_settle(o->queue, 0, 0, PL_DROP_REFUSED);
	} else if (!pl_queue_split_first(o->queue)) {
		log_refused(o, v, d->points);
		pl_queue_settle(o->queue, 1, d->points, PL_DROP_REFUSED);
	}
}

/* Lines that are named count as dropped like the others. */
static void settle_done(struct pl_output *o, const struct pl_verdict *v)
{
	uint32_t refused = v->refused + (uint32_t)v->n_refusals;
	const char *as = v->n_refusals > 0 ? v->refusals[0].as : v->refused_as;
	if (refused > 0)
		log_refused(o, v, refused);
	pl_queue_settle(o->queue, o->delivery.n, refused, pl_drop_of(as));
}

static void on_delivered(struct pl_delivery *d, const struct pl_verdict *v)
{
	struct pl_output *o = pl_container_of(d, struct pl_output, delivery);
	o->delivering = false;
	switch (v->kind) {
	case PL_VERDICT_DONE:
		settle_done(o, v);
		note_success(o, v->status);
		break;
	case PL_VERDICT_REFUSED:
		log_refused(o, v, d->points);
		pl_queue_settle(o->queue, d->n, d->points, pl_drop_of(v->refused_as));
		note_success(o, v->status);
		break;
	case PL_VERDICT_SPLIT:
		o->lingered = true;
		split(o, v);
		break;
	case PL_VERDICT_RETRY:
		pl_queue_settle(o->queue, 0, 0, PL_DROP_REFUSED);
		note_failure(o, v, PL_OUTPUT_RETRYING);
		wait_and_retry(o, &o->retry_backoff, v->retry_after_ns);
		break;
	case PL_VERDICT_HOLD:
		pl_queue_settle(o->queue, 0, 0, PL_DROP_REFUSED);
		note_failure(o, v, PL_OUTPUT_HOLDING);
		wait_and_retry(o, &o->hold_backoff, v->retry_after_ns);
		break;
	}
	pump(o);
}

static void on_linger_over(uv_timer_t *timer)
{
	struct pl_output *o = timer->data;
	o->lingered = true;
	pump(o);
}

/* Is it worth waiting for more batches? Then pump is called again. */
static bool lingers(struct pl_output *o)
{
	if (o->lingered || o->draining || !pl_queue_wait_for(o->queue, o->max_delivery))
		return false;
	if (!uv_is_active((uv_handle_t *)&o->linger_timer))
		uv_timer_start(&o->linger_timer, on_linger_over, LINGER_MS, 0);
	return true;
}

static bool lend_next(struct pl_output *o)
{
	struct pl_delivery *d = &o->delivery;
	*d = (struct pl_delivery){.batches = o->lent, .done = on_delivered};
	d->n = pl_queue_lend(o->queue, o->max_delivery, o->lent, LENT_AT_MOST);
	for (size_t i = 0; i < d->n; i++) {
		d->bytes += o->lent[i]->n;
		d->points += o->lent[i]->points;
	}
	if (d->n > 0)
		d->route = o->lent[0]->route;
	return d->n > 0;
}

/* Delivers until the queue is empty, the instance takes its time, or something failed. `pumping` turns the recursion of an
 * instance that is done at once into this loop. */
static void pump(struct pl_output *o)
{
	if (o->pumping)
		return;
	o->pumping = true;
	while (!o->delivering && !o->waiting && !o->ending && !lingers(o) && lend_next(o)) {
		o->delivering = true;
		o->lingered = false;
		uv_timer_stop(&o->linger_timer);
		set_state(o, PL_OUTPUT_DELIVERING);
		o->ops->deliver(o->self, &o->delivery);
	}
	o->pumping = false;
	if (o->delivering || o->waiting || o->ending)
		return;
	set_state(o, PL_OUTPUT_IDLE);
	if (uv_is_active((uv_handle_t *)&o->linger_timer))
		return;
	o->lingered = false;
	end_instance(o);
}

static void wake(void *data)
{
	pump(data);
}

void pl_output_put(struct pl_output *o, struct pl_batch *b)
{
	if (pl_queue_put(o->queue, b))
		pl_loop_call(&o->loop, wake, o);
}

/* ---- queries ---- */

static void run_query(struct pl_msg *msg)
{
	struct simple_msg *m = pl_container_of(msg, struct simple_msg, msg);
	struct pl_output *o = m->output;
	struct pl_query *q = m->query;
	free(m);
	if (o->ending || atomic_load(&o->closing)) {
		q->err = PL_ECANCELED;
		q->reason = "the store is closing";
		pl_query_answer(q);
		return;
	}
	o->ops->query(o->self, q);
}

bool pl_output_readable(const struct pl_output *o)
{
	return o->ops->query != NULL;
}

bool pl_output_query(struct pl_output *o, struct pl_query *q)
{
	if (!pl_output_readable(o) || atomic_load(&o->closing))
		return false;
	struct simple_msg *m = pl_calloc(1, sizeof *m);
	*m = (struct simple_msg){.msg = {.run = run_query}, .output = o, .query = q};
	if (pl_loop_post(&o->loop, &m->msg))
		return true;
	free(m);
	return false;
}

/* ---- the beginning ---- */

struct opening {
	struct pl_msg msg;
	struct pl_output *output;
	uv_sem_t opened;
	enum pl_err err;
	char *reason;
	size_t reason_size;
};

static void open_instance(struct pl_msg *msg)
{
	struct opening *opening = pl_container_of(msg, struct opening, msg);
	struct pl_output *o = opening->output;
	opening->err = o->ops->open(&o->env, o->section->config, &o->self, opening->reason, opening->reason_size);
	if (opening->err == PL_OK) {
		uv_timer_init(&o->loop.uv, &o->retry_timer);
		uv_timer_init(&o->loop.uv, &o->grace_timer);
		uv_timer_init(&o->loop.uv, &o->linger_timer);
		o->retry_timer.data = o->grace_timer.data = o->linger_timer.data = o;
	} else {
		pl_loop_stop(&o->loop);
	}
	uv_sem_post(&opening->opened);
}

static struct pl_output *allocate(const struct pl_output_options *options)
{
	const struct pl_plugin *plugin = options->section->plugin;
	struct pl_output *o = pl_calloc(1, sizeof *o);
	o->name = pl_strdup(options->name);
	o->section = options->section;
	o->ops = plugin->ops.output;
	o->config = pl_config_share(options->config);
	o->log = options->log;
	o->queue = pl_queue_create(options->memory_bytes, options->policy);
	o->max_delivery = o->ops->max_delivery_bytes > 0 ? o->ops->max_delivery_bytes : USUAL_DELIVERY_BYTES;
	o->env = (struct pl_output_env){
	    .loop = &o->loop, .log = o->log, .name = o->name, .query_done = pl_query_answer, .counters = o->counters};
	uint64_t seed = pl_str_hash(pl_str_of(o->name), (uint64_t)pl_clock_wall_ns());
	o->retry_backoff = (struct pl_backoff){.first_ns = PL_NS_PER_S / 4, .most_ns = 10 * PL_NS_PER_S, .seed = seed};
	o->hold_backoff = (struct pl_backoff){.first_ns = 2 * PL_NS_PER_S, .most_ns = 30 * PL_NS_PER_S, .seed = seed};
	atomic_init(&o->closing, false);
	uv_mutex_init(&o->status_lock);
	return o;
}

static void release(struct pl_output *o)
{
	pl_queue_destroy(o->queue);
	uv_mutex_destroy(&o->status_lock);
	pl_config_release(o->config);
	free(o->name);
	free(o);
}

enum pl_err pl_output_create(struct pl_output **out, const struct pl_output_options *options, char *reason, size_t reason_size)
{
	struct pl_output *o = allocate(options);
	struct opening opening = {.msg = {.run = open_instance}, .output = o, .reason = reason, .reason_size = reason_size};
	char thread_name[16];
	snprintf(thread_name, sizeof thread_name, "out:%s", o->name);
	enum pl_err err = pl_loop_init(&o->loop, thread_name);
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot start an event loop: %s", pl_err_text(err));
		release(o);
		return err;
	}
	uv_sem_init(&opening.opened, 0);
	pl_loop_post(&o->loop, &opening.msg);
	err = pl_loop_spawn(&o->loop);
	if (err == PL_OK) {
		uv_sem_wait(&opening.opened);
		err = opening.err;
	} else {
		snprintf(reason, reason_size, "cannot start a thread: %s", pl_err_text(err));
	}
	uv_sem_destroy(&opening.opened);
	if (err != PL_OK) {
		pl_loop_join(&o->loop);
		pl_loop_finish(&o->loop);
		release(o);
		return err;
	}
	*out = o;
	return PL_OK;
}

static void begin_close(struct pl_msg *msg)
{
	struct simple_msg *m = pl_container_of(msg, struct simple_msg, msg);
	struct pl_output *o = m->output;
	o->draining = true;
	uv_timer_start(&o->grace_timer, on_grace_over, m->grace_ms, 0);
	free(m);
	/* what waits for its time gets one more chance now */
	uv_timer_stop(&o->retry_timer);
	o->waiting = false;
	pump(o);
}

void pl_output_close(struct pl_output *o, unsigned grace_ms, struct pl_output *heir, struct pl_loop *loop,
		     void (*closed)(void *data, uint64_t points_lost), void *data)
{
	o->heir = heir;
	o->closer = loop;
	o->closed = closed;
	o->closed_data = data;
	atomic_store(&o->closing, true);
	struct simple_msg *m = pl_calloc(1, sizeof *m);
	*m = (struct simple_msg){.msg = {.run = begin_close}, .output = o, .grace_ms = grace_ms};
	pl_loop_post(&o->loop, &m->msg);
}

const char *pl_output_name(const struct pl_output *o)
{
	return o->name;
}

const struct pl_section *pl_output_section(const struct pl_output *o)
{
	return o->section;
}

void pl_output_status(const struct pl_output *o, struct pl_output_status *out)
{
	struct pl_output *unlocked = (struct pl_output *)o;
	uv_mutex_lock(&unlocked->status_lock);
	*out = o->status;
	uv_mutex_unlock(&unlocked->status_lock);
	out->account = pl_queue_account(o->queue);
}

const char *pl_output_counter(const struct pl_output *o, size_t i, uint64_t *value)
{
	if (o->ops->counter_label == NULL || i >= PL_OUTPUT_COUNTERS)
		return NULL;
	*value = atomic_load_explicit(&o->counters[i], memory_order_relaxed);
	return o->ops->counter_label(i);
}
