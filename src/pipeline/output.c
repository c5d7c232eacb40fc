#include "pipeline/output.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

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
	struct pl_queue *queue; /* any thread */
	struct pl_journal *journal;
	struct pl_journal_options journal_options;
	char *journal_dir;                             /* NULL: memory only */
	struct pl_deliverer *deliverer;                /* its status: any thread */
	_Atomic uint64_t counters[PL_OUTPUT_COUNTERS]; /* the instance's; any thread reads */

	atomic_bool closing; /* any thread */
	bool ending;         /* the instance is being closed */
	uv_timer_t grace_timer;
	struct pl_output *heir;
	struct pl_loop *closer;
	void (*closed)(void *data, uint64_t points_lost);
	void *closed_data;
	struct pl_msg closed_msg;
};

struct simple_msg {
	struct pl_msg msg;
	struct pl_output *output;
	struct pl_query *query;
	unsigned grace_ms;
};

/* What goes from an output to its heir. */
struct heritage {
	struct pl_msg msg;
	struct pl_output *heir;
	struct pl_queue *queue;
	struct pl_journal *journal;
};

/* ---- the end ---- */

static void inherit(struct pl_msg *msg)
{
	struct heritage *h = pl_container_of(msg, struct heritage, msg);
	struct pl_output *o = h->heir;
	if (h->journal != NULL) {
		o->journal = h->journal;
		pl_journal_set_limits(o->journal, &o->journal_options.spool.limits, o->journal_options.sync);
	}
	pl_queue_inherit(o->queue, h->queue);
	pl_queue_destroy(h->queue);
	free(h);
	if (o->journal != NULL)
		pl_deliverer_set_journal(o->deliverer, o->journal);
	pl_deliverer_pump(o->deliverer);
}

static void bequeath(struct pl_output *o)
{
	struct heritage *h = pl_calloc(1, sizeof *h);
	*h = (struct heritage){.msg = {.run = inherit}, .heir = o->heir, .queue = o->queue, .journal = o->journal};
	o->queue = NULL;
	o->journal = NULL;
	pl_loop_post(&o->heir->loop, &h->msg);
}

static void release(struct pl_output *o)
{
	pl_journal_close(o->journal);
	pl_queue_destroy(o->queue);
	pl_deliverer_destroy(o->deliverer);
	pl_config_release(o->config);
	free(o->journal_dir);
	free(o->name);
	free(o);
}

static void close_finished(struct pl_msg *msg)
{
	struct pl_output *o = pl_container_of(msg, struct pl_output, closed_msg);
	pl_loop_join(&o->loop);
	pl_loop_finish(&o->loop);
	void (*closed)(void *, uint64_t) = o->closed;
	void *data = o->closed_data;
	uint64_t lost = 0;
	if (o->heir != NULL)
		bequeath(o);
	else
		lost = pl_queue_account(o->queue).memory_only_points;
	release(o);
	closed(data, lost);
}

static void on_instance_closed(void *data)
{
	struct pl_output *o = data;
	struct pl_loop *closer = o->closer;
	uv_close((uv_handle_t *)&o->grace_timer, NULL);
	pl_deliverer_close(o->deliverer);
	o->closed_msg.run = close_finished;
	pl_loop_stop(&o->loop);
	pl_loop_post(closer, &o->closed_msg);
}

static void say_what_is_left(const struct pl_output *o)
{
	struct pl_queue_account a = pl_queue_account(o->queue);
	if (a.memory_only_points > 0)
		pl_warn(o->log, "output closed before everything was delivered", PL_KVC("output", o->name),
			PL_KVI("points", a.memory_only_points));
	if (a.points_queued > a.memory_only_points)
		pl_info(o->log, "points wait on disk for the next start", PL_KVC("output", o->name),
			PL_KVI("points", a.points_queued - a.memory_only_points), PL_KVC("dir", o->journal_dir));
}

static void end_instance(void *data)
{
	struct pl_output *o = data;
	if (o->ending)
		return;
	o->ending = true;
	uv_timer_stop(&o->grace_timer);
	pl_deliverer_stop(o->deliverer);
	if (o->heir == NULL)
		say_what_is_left(o);
	if (o->heir == NULL && o->journal != NULL && o->journal_options.sync != PL_SYNC_NONE)
		pl_journal_sync(o->journal);
	o->ops->close(o->self, on_instance_closed, o);
}

static void on_grace_over(uv_timer_t *timer)
{
	end_instance(timer->data);
}

static void begin_close(struct pl_msg *msg)
{
	struct simple_msg *m = pl_container_of(msg, struct simple_msg, msg);
	struct pl_output *o = m->output;
	unsigned grace_ms = m->grace_ms;
	free(m);
	if (o->heir != NULL) {
		end_instance(o);
		return;
	}
	uv_timer_start(&o->grace_timer, on_grace_over, grace_ms, 0);
	pl_deliverer_drain(o->deliverer, end_instance, o);
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

/* ---- batches and queries ---- */

static void wake(void *data)
{
	struct pl_output *o = data;
	pl_deliverer_pump(o->deliverer);
}

bool pl_output_is_live(const struct pl_output *o)
{
	return o->ops->deliver == NULL;
}

void pl_output_put(struct pl_output *o, struct pl_batch *b)
{
	if (!pl_output_is_live(o) && pl_queue_put(o->queue, b))
		pl_loop_call(&o->loop, wake, o);
}

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
	const struct pl_output_options *options;
	uv_sem_t opened;
	enum pl_err err;
	char *reason;
	size_t reason_size;
};

static enum pl_err open_journal(struct opening *opening)
{
	struct pl_output *o = opening->output;
	if (o->journal_dir == NULL)
		return PL_OK;
	struct pl_spool_account account = {0};
	if (opening->options->heir_of == NULL) {
		enum pl_err err = pl_journal_open(&o->journal, &o->journal_options, opening->reason, opening->reason_size);
		if (err != PL_OK)
			return err;
		account = pl_journal_account(o->journal);
		if (account.points_pending > 0)
			pl_info(o->log, "points of an earlier run wait on disk", PL_KVC("output", o->name),
				PL_KVI("points", account.points_pending));
	}
	pl_queue_use_disk(o->queue, &account);
	return PL_OK;
}

static void make_deliverer(struct pl_output *o, const struct pl_output_options *options)
{
	const struct pl_deliverer_options deliverer = {
	    .name = o->name,
	    .ops = o->ops,
	    .self = o->self,
	    .loop = &o->loop,
	    .log = o->log,
	    .queue = o->queue,
	    .quarantine = options->quarantine,
	    .max_age_ns = options->disk.max_age_ns,
	    .awaits_journal = o->journal_dir != NULL && options->heir_of != NULL,
	};
	o->deliverer = pl_deliverer_create(&deliverer);
	pl_deliverer_set_journal(o->deliverer, o->journal);
}

static void open_instance(struct pl_msg *msg)
{
	struct opening *opening = pl_container_of(msg, struct opening, msg);
	struct pl_output *o = opening->output;
	opening->err = open_journal(opening);
	if (opening->err == PL_OK)
		opening->err = o->ops->open(&o->env, o->section->config, &o->self, opening->reason, opening->reason_size);
	if (opening->err == PL_OK) {
		uv_timer_init(&o->loop.uv, &o->grace_timer);
		o->grace_timer.data = o;
		make_deliverer(o, opening->options);
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
	if (options->heir_of != NULL)
		pl_queue_expect(o->queue, options->heir_of->queue);
	o->env = (struct pl_output_env){.loop = &o->loop,
					.log = o->log,
					.name = o->name,
					.query_done = pl_query_answer,
					.counters = o->counters,
					.live = options->live};
	if (o->ops->durable && options->queue_dir != NULL) {
		struct pl_buf dir = {0};
		pl_buf_addf(&dir, "%s/%s", options->queue_dir, o->name);
		o->journal_dir = pl_strdup(pl_buf_cstr(&dir));
		pl_buf_finish(&dir);
	}
	o->journal_options = (struct pl_journal_options){
	    .spool = {.dir = o->journal_dir, .name = o->name, .limits = options->disk, .log = o->log}, .sync = options->sync};
	atomic_init(&o->closing, false);
	return o;
}

enum pl_err pl_output_create(struct pl_output **out, const struct pl_output_options *options, char *reason, size_t reason_size)
{
	struct pl_output *o = allocate(options);
	struct opening opening = {
	    .msg = {.run = open_instance}, .output = o, .options = options, .reason = reason, .reason_size = reason_size};
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

/* ---- what is asked of it ---- */

const char *pl_output_name(const struct pl_output *o)
{
	return o->name;
}

const struct pl_section *pl_output_section(const struct pl_output *o)
{
	return o->section;
}

static int64_t at_least_0(int64_t ns)
{
	return ns > 0 ? ns : 0;
}

void pl_output_status(const struct pl_output *o, struct pl_output_status *out)
{
	pl_deliverer_status(o->deliverer, &out->delivery);
	out->account = pl_queue_account(o->queue);
	int64_t now = pl_clock_mono_ns();
	const struct pl_queue_account *a = &out->account;
	out->oldest_age_ns = a->oldest_mono_ns != 0 ? at_least_0(now - a->oldest_mono_ns) : 0;
	if (a->on_disk_only > 0 && a->disk.oldest_wall_ns != 0) {
		int64_t on_disk = at_least_0(pl_clock_wall_ns() - a->disk.oldest_wall_ns);
		out->oldest_age_ns = on_disk > out->oldest_age_ns ? on_disk : out->oldest_age_ns;
	}
	int64_t delivered = out->delivery.delivered_until_mono_ns;
	if (a->batches_queued == 0)
		out->lag_ns = 0;
	else
		out->lag_ns = delivered != 0 ? at_least_0(now - delivered) : out->oldest_age_ns;
}

const char *pl_output_counter(const struct pl_output *o, size_t i, uint64_t *value)
{
	if (o->ops->counter_label == NULL || i >= PL_OUTPUT_COUNTERS)
		return NULL;
	*value = atomic_load_explicit(&o->counters[i], memory_order_relaxed);
	return o->ops->counter_label(i);
}
