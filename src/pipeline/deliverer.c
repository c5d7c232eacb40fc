#include "pipeline/deliverer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"
#include "pipeline/backoff.h"
#include "pipeline/rate.h"
#include "pipeline/settlement.h"

/* A batch waits so long for others to go with it: a request costs as much as the conversion of some hundred points. */
enum { LENT_AT_MOST = 64, USUAL_DELIVERY_BYTES = 1024 * 1024, LINGER_MS = 100, TICK_MS = 1000 };

/* While it fails: what is older is not live any more, and with a disk no more than this stays in memory. */
static const int64_t live_age_ns = 5 * PL_NS_PER_S;
enum { LIVE_BYTES_FAILING = 4 << 20 };

static const int64_t longest_rest_ns = 10 * PL_NS_PER_S;
static const int64_t refusals_told_ns = 60 * PL_NS_PER_S;
static const int64_t first_sweep_ns = 60 * PL_NS_PER_S, longest_sweep_ns = 600 * PL_NS_PER_S;

enum source { FROM_LIVE, FROM_BEHIND, FROM_HELD, FROM_DISK, FROM_DISK_HELD };

/* Held lines are tried again in sweeps, each over all of them. */
struct sweep {
	int64_t due_mono_ns; /* 0: none */
	int64_t wait_ns;
	bool running, found, moved;
	uint64_t memory_points_left;
};

/* Refusals that the log does not tell yet. */
struct untold {
	int64_t told_mono_ns; /* when it told the last ones; 0: never */
	uint64_t quarantined, dropped, held;
	char reason[512]; /* of the last one */
};

struct pl_deliverer {
	struct pl_deliverer_options o;
	struct pl_journal *journal;
	size_t max_delivery;

	struct pl_delivery delivery;
	enum source source;
	struct pl_lane_item items[LENT_AT_MOST]; /* from disk: with a reference each */
	struct pl_batch *lent[LENT_AT_MOST];
	struct pl_spool_outcome outcomes[LENT_AT_MOST];
	int64_t begun_mono_ns, took_ns;

	bool delivering, pumping, waiting, resting, failing, awaits_journal, draining, stopped;
	bool lingered; /* the next delivery need not wait for more batches */
	uv_timer_t retry_timer, linger_timer, rest_timer, tick_timer;
	struct pl_backoff retry_backoff, hold_backoff;
	struct pl_incident incident;
	struct sweep sweep;
	struct untold untold;
	struct pl_rate in, out;
	void (*idle)(void *data);
	void *idle_data;

	uv_mutex_t lock;
	struct pl_deliverer_status status; /* guarded by lock */
};

/* ---- status ---- */

const char *pl_output_state_word(enum pl_output_state state)
{
	static const char *const words[] = {
	    [PL_OUTPUT_IDLE] = "idle",
	    [PL_OUTPUT_DELIVERING] = "delivering",
	    [PL_OUTPUT_RETRYING] = "retrying",
	    [PL_OUTPUT_HOLDING] = "holding",
	};
	return words[state];
}

static void set_state(struct pl_deliverer *d, enum pl_output_state state)
{
	uv_mutex_lock(&d->lock);
	d->status.state = state;
	uv_mutex_unlock(&d->lock);
}

static bool is_backlog(enum source s)
{
	return s != FROM_LIVE;
}

static int64_t newest_of(const struct pl_deliverer *d)
{
	int64_t newest = 0;
	if (d->source == FROM_LIVE || d->source == FROM_BEHIND)
		for (size_t i = 0; i < d->delivery.n; i++)
			if (d->lent[i]->sealed_mono_ns > newest)
				newest = d->lent[i]->sealed_mono_ns;
	return newest;
}

static void note_success(struct pl_deliverer *d, long http_status)
{
	const struct pl_kv kv[] = {PL_KVC("output", d->o.name), {0}};
	int64_t now = pl_clock_wall_ns(), newest = newest_of(d);
	pl_incident_end(&d->incident, now, d->o.log, "output works again", kv);
	pl_backoff_reset(&d->retry_backoff);
	pl_backoff_reset(&d->hold_backoff);
	d->failing = false;
	uv_mutex_lock(&d->lock);
	d->status.deliveries++;
	d->status.backlog_deliveries += is_backlog(d->source);
	d->status.failing_since_wall_ns = 0;
	d->status.last_reason[0] = '\0';
	d->status.last_status = http_status;
	d->status.last_answer_wall_ns = now;
	if (newest > d->status.delivered_until_mono_ns)
		d->status.delivered_until_mono_ns = newest;
	uv_mutex_unlock(&d->lock);
}

static void note_failure(struct pl_deliverer *d, const struct pl_verdict *v, enum pl_output_state state)
{
	const struct pl_kv kv[] = {PL_KVC("output", d->o.name), PL_KVC("reason", v->reason), PL_KVI("status", v->status), {0}};
	bool hold = state == PL_OUTPUT_HOLDING;
	int64_t now = pl_clock_wall_ns();
	pl_incident_fail(&d->incident, now, d->o.log, hold ? PL_LOG_ERROR : PL_LOG_WARN,
			 hold ? "output needs attention; points are kept" : "output failed; points are kept and sent again", kv);
	uv_mutex_lock(&d->lock);
	d->status.state = state;
	d->status.retries++;
	d->status.failing_since_wall_ns = d->incident.since_ns;
	snprintf(d->status.last_reason, sizeof d->status.last_reason, "%s", v->reason);
	d->status.last_status = v->status;
	d->status.last_answer_wall_ns = now;
	uv_mutex_unlock(&d->lock);
}

static void note_trouble(struct pl_deliverer *d)
{
	const char *reason;
	int64_t since = pl_journal_trouble(d->journal, &reason);
	uv_mutex_lock(&d->lock);
	d->status.disk_trouble_since_wall_ns = since;
	snprintf(d->status.disk_trouble, sizeof d->status.disk_trouble, "%s", reason);
	uv_mutex_unlock(&d->lock);
}

void pl_deliverer_status(const struct pl_deliverer *d, struct pl_deliverer_status *out)
{
	struct pl_deliverer *unlocked = (struct pl_deliverer *)d;
	uv_mutex_lock(&unlocked->lock);
	*out = d->status;
	uv_mutex_unlock(&unlocked->lock);
}

/* ---- waiting ---- */

static void on_retry(uv_timer_t *timer)
{
	struct pl_deliverer *d = timer->data;
	d->waiting = false;
	d->lingered = true;
	if (d->failing) /* one delivery is to bring what came last */
		pl_queue_shed(d->o.queue, pl_clock_mono_ns() - live_age_ns, d->max_delivery);
	pl_deliverer_pump(d);
}

static void wait_and_retry(struct pl_deliverer *d, struct pl_backoff *backoff, int64_t asked_ns)
{
	d->waiting = true;
	uv_timer_start(&d->retry_timer, on_retry, (uint64_t)(pl_backoff_next(backoff, asked_ns) / PL_NS_PER_MS), 0);
}

static void on_rested(uv_timer_t *timer)
{
	struct pl_deliverer *d = timer->data;
	d->resting = false;
	pl_deliverer_pump(d);
}

static void rest(struct pl_deliverer *d)
{
	int64_t took = d->took_ns < longest_rest_ns ? d->took_ns : longest_rest_ns;
	if (d->draining || d->stopped)
		return;
	d->resting = true;
	uv_update_time(&d->o.loop->uv);
	uv_timer_start(&d->rest_timer, on_rested, (uint64_t)(took / PL_NS_PER_MS) + 1, 0);
}

static void on_linger_over(uv_timer_t *timer)
{
	struct pl_deliverer *d = timer->data;
	d->lingered = true;
	pl_deliverer_pump(d);
}

/* Is it worth waiting for more batches? Then pump is called again. */
static bool lingers(struct pl_deliverer *d)
{
	int64_t long_ago = pl_clock_mono_ns() - LINGER_MS * PL_NS_PER_MS;
	if (d->lingered || d->draining || !pl_queue_wait_for(d->o.queue, d->max_delivery, long_ago))
		return false;
	if (!uv_is_active((uv_handle_t *)&d->linger_timer))
		uv_timer_start(&d->linger_timer, on_linger_over, LINGER_MS, 0);
	return true;
}

/* ---- held lines ---- */

static void plan_sweep(struct pl_deliverer *d)
{
	if (d->sweep.due_mono_ns != 0)
		return;
	d->sweep.wait_ns = first_sweep_ns;
	d->sweep.due_mono_ns = pl_clock_mono_ns() + first_sweep_ns;
}

static void begin_sweep(struct pl_deliverer *d)
{
	d->sweep.running = true;
	d->sweep.found = d->sweep.moved = false;
	d->sweep.memory_points_left = pl_queue_account(d->o.queue).held_points;
	if (d->journal != NULL)
		pl_journal_begin_sweep(d->journal);
}

static void end_sweep(struct pl_deliverer *d)
{
	struct sweep *s = &d->sweep;
	s->running = false;
	s->due_mono_ns = 0;
	if (!s->found)
		return;
	s->wait_ns = s->moved ? first_sweep_ns : s->wait_ns * 2;
	s->wait_ns = s->wait_ns < longest_sweep_ns ? s->wait_ns : longest_sweep_ns;
	s->due_mono_ns = pl_clock_mono_ns() + s->wait_ns;
}

static bool is_all_held(const struct pl_delivery *d, const struct pl_verdict *v)
{
	size_t held = 0;
	for (size_t i = 0; i < v->n_refusals; i++)
		held += v->refusals[i].held;
	return held == d->points;
}

/* ---- what became of a delivery ---- */

static void release_items(struct pl_deliverer *d)
{
	for (size_t i = 0; i < d->delivery.n; i++)
		pl_batch_release(d->items[i].batch);
}

static void take_back(struct pl_deliverer *d)
{
	if (d->source == FROM_DISK || d->source == FROM_DISK_HELD)
		release_items(d);
	else
		pl_queue_take_back(d->o.queue, (enum pl_lane_name)d->source);
}

static bool hold(void *data, const struct pl_batch *b)
{
	struct pl_deliverer *d = data;
	return pl_journal_hold(d->journal, b);
}

/* The first refusal at once, then a sum once a minute: one field of a wrong type is refused in every delivery. */
static void tell_refused(struct pl_deliverer *d, int64_t now)
{
	struct untold *u = &d->untold;
	if (u->quarantined + u->dropped + u->held == 0 || (u->told_mono_ns != 0 && now - u->told_mono_ns < refusals_told_ns))
		return;
	if (u->quarantined + u->dropped > 0)
		pl_warn(d->o.log, "points refused for good", PL_KVC("output", d->o.name), PL_KVI("quarantined", u->quarantined),
			PL_KVI("dropped", u->dropped), PL_KVC("reason", u->reason));
	if (u->held > 0)
		pl_warn(d->o.log, "points are held and tried again later", PL_KVC("output", d->o.name), PL_KVI("points", u->held),
			PL_KVC("reason", u->reason));
	*u = (struct untold){.told_mono_ns = now};
}

static void note_refused(struct pl_deliverer *d, const struct pl_settlement *s, const struct pl_verdict *v)
{
	struct untold *u = &d->untold;
	uint64_t held = d->source != FROM_HELD && d->source != FROM_DISK_HELD ? s->held_points : 0;
	if (s->quarantined + s->dropped + held == 0)
		return;
	u->quarantined += s->quarantined;
	u->dropped += s->dropped;
	u->held += held;
	snprintf(u->reason, sizeof u->reason, "%s",
		 v->n_refusals > 0 && v->refusals[0].reason != NULL ? v->refusals[0].reason : v->reason);
	tell_refused(d, pl_clock_mono_ns());
}

static void settle(struct pl_deliverer *d, const struct pl_verdict *v)
{
	size_t n = d->delivery.n;
	struct pl_settlement s = {.outcomes = d->outcomes};
	const struct pl_settlement_env env = {.output = d->o.name,
					      .quarantine = d->o.quarantine,
					      .log = d->o.log,
					      .hold = d->journal != NULL ? hold : NULL,
					      .data = d};
	pl_settlement_make(&s, &env, d->items, n, v);
	note_refused(d, &s, v);
	if (s.held_points > 0)
		plan_sweep(d);
	if (d->source == FROM_HELD || d->source == FROM_DISK_HELD)
		d->sweep.moved |= s.held_points < d->delivery.points;
	struct pl_spool_account disk;
	if (d->journal != NULL) {
		for (size_t i = 0; i < n; i++)
			if (d->items[i].ref.segment != 0)
				pl_journal_settle(d->journal, d->items[i].ref, &d->outcomes[i]);
		disk = pl_journal_account(d->journal);
	}
	if (d->source == FROM_DISK || d->source == FROM_DISK_HELD) {
		pl_queue_publish(d->o.queue, &disk, d->delivery.bytes);
		release_items(d);
	} else {
		pl_queue_settle(d->o.queue, (enum pl_lane_name)d->source, n, d->outcomes, s.held,
				d->journal != NULL ? &disk : NULL);
	}
}

static void on_taken(struct pl_deliverer *d, const struct pl_verdict *v)
{
	struct pl_spool_ref last = d->items[d->delivery.n - 1].ref;
	note_success(d, v->status);
	if (d->source == FROM_DISK_HELD && is_all_held(&d->delivery, v))
		release_items(d); /* as before: nothing to be written */
	else
		settle(d, v);
	if (d->source == FROM_DISK)
		pl_journal_pass(d->journal, last);
	else if (d->source == FROM_DISK_HELD)
		pl_journal_pass_held(d->journal, last);
	if (is_backlog(d->source))
		rest(d);
}

static void go_idle(struct pl_deliverer *d)
{
	void (*idle)(void *) = d->idle;
	d->idle = NULL;
	if (idle != NULL)
		idle(d->idle_data);
}

static void on_failed(struct pl_deliverer *d, const struct pl_verdict *v)
{
	bool hold_on = v->kind == PL_VERDICT_HOLD;
	take_back(d);
	d->failing = true;
	if (d->sweep.running)
		end_sweep(d);
	note_failure(d, v, hold_on ? PL_OUTPUT_HOLDING : PL_OUTPUT_RETRYING);
	pl_queue_shed(d->o.queue, pl_clock_mono_ns() - live_age_ns, LIVE_BYTES_FAILING);
	wait_and_retry(d, hold_on ? &d->hold_backoff : &d->retry_backoff, v->retry_after_ns);
}

static void on_delivered(struct pl_delivery *delivery, const struct pl_verdict *v)
{
	struct pl_deliverer *d = pl_container_of(delivery, struct pl_deliverer, delivery);
	d->delivering = false;
	d->took_ns = pl_clock_mono_ns() - d->begun_mono_ns;
	if (v->kind == PL_VERDICT_DONE || v->kind == PL_VERDICT_REFUSED)
		on_taken(d, v);
	else if (d->stopped)
		take_back(d);
	else
		on_failed(d, v);
	if (d->journal != NULL)
		pl_journal_pin(d->journal, NULL, 0);
	pl_deliverer_pump(d);
}

/* ---- delivering ---- */

static bool lend(struct pl_deliverer *d, enum source source)
{
	struct pl_delivery *v = &d->delivery;
	*v = (struct pl_delivery){.batches = d->lent, .done = on_delivered};
	if (source == FROM_DISK)
		v->n = pl_journal_read(d->journal, d->o.queue, d->max_delivery, d->items, LENT_AT_MOST);
	else if (source == FROM_DISK_HELD)
		v->n = pl_journal_read_held(d->journal, d->max_delivery, d->items, LENT_AT_MOST);
	else
		v->n = pl_queue_lend(d->o.queue, (enum pl_lane_name)source, d->max_delivery, d->items, LENT_AT_MOST);
	for (size_t i = 0; i < v->n; i++) {
		d->lent[i] = d->items[i].batch;
		v->bytes += d->lent[i]->n;
		v->points += d->lent[i]->points;
	}
	if (v->n > 0)
		v->route = d->lent[0]->route;
	if (d->journal != NULL)
		pl_journal_pin(d->journal, d->items, v->n);
	d->source = source;
	return v->n > 0;
}

static bool lend_live(struct pl_deliverer *d)
{
	if (lingers(d))
		return false;
	uv_timer_stop(&d->linger_timer);
	d->lingered = false;
	return lend(d, FROM_LIVE);
}

static bool lend_held(struct pl_deliverer *d)
{
	struct sweep *s = &d->sweep;
	if (!s->running)
		return false;
	if (d->journal != NULL && lend(d, FROM_DISK_HELD)) {
		s->found = true;
		return true;
	}
	if (s->memory_points_left > 0 && lend(d, FROM_HELD)) {
		s->found = true;
		s->memory_points_left -= d->delivery.points < s->memory_points_left ? d->delivery.points : s->memory_points_left;
		return true;
	}
	end_sweep(d);
	return false;
}

static bool lend_next(struct pl_deliverer *d)
{
	if (lend_live(d))
		return true;
	if (d->resting && !d->draining)
		return false;
	return (d->journal != NULL && lend(d, FROM_DISK)) || lend(d, FROM_BEHIND) || lend_held(d);
}

/* Writes what came in. That may go on while a delivery is under way, and is not deferred to its end. */
static void write_ahead(struct pl_deliverer *d)
{
	if (d->journal == NULL)
		return;
	pl_journal_write(d->journal, d->o.queue);
	note_trouble(d);
	if (d->failing)
		pl_queue_shed(d->o.queue, INT64_MIN, LIVE_BYTES_FAILING);
}

/* May a draining one leave it at that? What is on disk can wait for the next start. */
static bool may_leave(const struct pl_deliverer *d)
{
	return d->failing && d->journal != NULL && pl_queue_account(d->o.queue).memory_only_points == 0;
}

/* `pumping` turns the recursion of an instance that is done at once into this loop. */
void pl_deliverer_pump(struct pl_deliverer *d)
{
	if (d->pumping || d->stopped)
		return;
	d->pumping = true;
	write_ahead(d);
	while (!d->awaits_journal && !d->delivering && !d->waiting && !d->stopped && lend_next(d)) {
		d->delivering = true;
		set_state(d, PL_OUTPUT_DELIVERING);
		d->begun_mono_ns = pl_clock_mono_ns();
		d->o.ops->deliver(d->o.self, &d->delivery);
		write_ahead(d);
	}
	d->pumping = false;
	if (d->stopped || d->delivering)
		return;
	if (!d->waiting)
		set_state(d, PL_OUTPUT_IDLE);
	if (d->draining && (!d->waiting || may_leave(d)))
		go_idle(d);
}

static void on_tick(uv_timer_t *timer)
{
	struct pl_deliverer *d = timer->data;
	int64_t now = pl_clock_mono_ns();
	if (d->journal != NULL)
		pl_journal_tick(d->journal, d->o.queue);
	if (d->o.max_age_ns > 0)
		pl_queue_expire(d->o.queue, now - d->o.max_age_ns);
	if (d->sweep.due_mono_ns != 0 && now >= d->sweep.due_mono_ns && !d->sweep.running && !d->failing)
		begin_sweep(d);
	tell_refused(d, now);
	struct pl_queue_account a = pl_queue_account(d->o.queue);
	double in = pl_rate_update(&d->in, now, a.points_in), out = pl_rate_update(&d->out, now, a.points_out);
	uv_mutex_lock(&d->lock);
	d->status.rate_in = in;
	d->status.rate_out = out;
	uv_mutex_unlock(&d->lock);
	pl_deliverer_pump(d);
}

/* ---- beginning and end ---- */

struct pl_deliverer *pl_deliverer_create(const struct pl_deliverer_options *options)
{
	struct pl_deliverer *d = pl_calloc(1, sizeof *d);
	uv_loop_t *loop = &options->loop->uv;
	uint64_t seed = pl_str_hash(pl_str_of(options->name), (uint64_t)pl_clock_wall_ns());
	d->o = *options;
	d->awaits_journal = options->awaits_journal;
	d->max_delivery = options->ops->max_delivery_bytes > 0 ? options->ops->max_delivery_bytes : USUAL_DELIVERY_BYTES;
	d->retry_backoff = (struct pl_backoff){.first_ns = PL_NS_PER_S / 4, .most_ns = 10 * PL_NS_PER_S, .seed = seed};
	d->hold_backoff = (struct pl_backoff){.first_ns = 2 * PL_NS_PER_S, .most_ns = 30 * PL_NS_PER_S, .seed = seed};
	uv_mutex_init(&d->lock);
	uv_timer_t *const timers[] = {&d->retry_timer, &d->linger_timer, &d->rest_timer, &d->tick_timer};
	for (size_t i = 0; i < PL_COUNT_OF(timers); i++) {
		uv_timer_init(loop, timers[i]);
		timers[i]->data = d;
	}
	uv_timer_start(&d->tick_timer, on_tick, TICK_MS, TICK_MS);
	return d;
}

void pl_deliverer_set_journal(struct pl_deliverer *d, struct pl_journal *j)
{
	d->journal = j;
	if (j == NULL)
		return;
	d->awaits_journal = false;
	d->lingered = true; /* what an heir found in memory goes before what is on disk */
	plan_sweep(d);      /* some may be held there */
	pl_deliverer_pump(d);
}

void pl_deliverer_drain(struct pl_deliverer *d, void (*idle)(void *data), void *data)
{
	d->draining = true;
	d->idle = idle;
	d->idle_data = data;
	/* what waits for its time gets one more chance now */
	uv_timer_stop(&d->retry_timer);
	d->waiting = false;
	if (pl_queue_account(d->o.queue).held_points > 0 && !d->sweep.running)
		begin_sweep(d);
	pl_deliverer_pump(d);
}

void pl_deliverer_stop(struct pl_deliverer *d)
{
	d->stopped = true;
	d->untold.told_mono_ns = 0;
	tell_refused(d, pl_clock_mono_ns());
	uv_timer_stop(&d->retry_timer);
	uv_timer_stop(&d->linger_timer);
	uv_timer_stop(&d->rest_timer);
	uv_timer_stop(&d->tick_timer);
}

void pl_deliverer_close(struct pl_deliverer *d)
{
	uv_close((uv_handle_t *)&d->retry_timer, NULL);
	uv_close((uv_handle_t *)&d->linger_timer, NULL);
	uv_close((uv_handle_t *)&d->rest_timer, NULL);
	uv_close((uv_handle_t *)&d->tick_timer, NULL);
}

void pl_deliverer_destroy(struct pl_deliverer *d)
{
	if (d == NULL)
		return;
	uv_mutex_destroy(&d->lock);
	free(d);
}
