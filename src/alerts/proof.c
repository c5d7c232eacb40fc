#include "alerts/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/mem.h"

/* Of a new database Kapacitor hears after up to a minute (its subscriptions-sync-interval), so the long way gets two attempts. */
enum { MOST_UNDER_WAY = 256, LONG_ATTEMPTS = 2, MOST_ATTEMPTS = 3, TICK_MS = 500 };

struct proof {
	char *id;
	bool under_way;
	enum pl_proof_path path;
	unsigned attempt, step;
	int64_t begun_ns, next_ns; /* monotonic: of this attempt; of its next step, or of its end */
	bool all_written;
	UT_hash_handle hh; /* in the order of asking */
};

struct pl_proofs {
	struct pl_proofs_env env;
	struct proof *by_id; /* uthash */
	int64_t timeout_ns;
	struct pl_proofs_stats stats;
	uv_timer_t timer;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

static struct proof *find(struct pl_proofs *p, struct pl_str id)
{
	struct proof *f;
	HASH_FIND(hh, p->by_id, id.p, id.n, f);
	return f;
}

static void drop(struct pl_proofs *p, struct proof *f)
{
	p->stats.under_way -= f->under_way;
	p->stats.waiting -= !f->under_way;
	HASH_DEL(p->by_id, f);
	free(f->id);
	free(f);
}

static void end(struct pl_proofs *p, struct proof *f, int64_t took_ns, const char *reason)
{
	char *id = f->id;
	f->id = NULL;
	HASH_DEL(p->by_id, f);
	p->stats.under_way--;
	*(reason[0] == '\0' ? &p->stats.proven : &p->stats.failed) += 1;
	free(f);
	p->env.ended(p->env.data, pl_str_of(id), took_ns, reason);
	free(id);
}

static void attempt(struct pl_proofs *p, struct proof *f, enum pl_proof_path path)
{
	f->path = path;
	f->attempt++;
	f->step = 0;
	f->all_written = false;
	f->begun_ns = f->next_ns = p->env.mono_ns();
}

static void give_up(struct pl_proofs *p, struct proof *f)
{
	bool by_kapacitor = p->env.reachable(p->env.data, PL_PROOF_PATH_KAPACITOR);
	if (f->path == PL_PROOF_PATH_INFLUXDB && (f->attempt < LONG_ATTEMPTS || by_kapacitor)) {
		attempt(p, f, f->attempt < LONG_ATTEMPTS ? PL_PROOF_PATH_INFLUXDB : PL_PROOF_PATH_KAPACITOR);
		return;
	}
	end(p, f, 0,
	    f->path == PL_PROOF_PATH_INFLUXDB
		? "no event came of points written to InfluxDB"
		: "no event came of points written to Kapacitor: it cannot reach kapacitor.webhook_url, "
		  "or the task does not run");
}

/* The time by which an attempt's points are made. Some of them may reach Kapacitor even if the attempt fails, and its windows
 * look at no point that is older than one they have seen: so each attempt lies behind all of the one before, and the last one
 * ends now. */
static int64_t time_of(const struct proof *f, const struct pl_alert *a)
{
	int64_t ago = a->kind == PL_ALERT_RELATIVE ? a->ago : 0, spans = 2 * ago + 4 * a->duration + 8 * a->every;
	return pl_clock_wall_ns() - (f->attempt < MOST_ATTEMPTS ? MOST_ATTEMPTS - f->attempt : 0) * spans;
}

/* Writes what is due; the rest of the time waits for the event. */
static void step(struct pl_proofs *p, struct proof *f, const struct pl_alert *a)
{
	struct pl_buf lines = {0};
	int64_t wait_ns = 0;
	if (f->all_written) {
		give_up(p, f);
		return;
	}
	f->all_written = !pl_tick_proof_step(a, p->env.defaults(p->env.data), f->step++, time_of(f, a), &lines, &wait_ns);
	if (f->all_written && f->step == 1) {
		end(p, f, 0, "no synthetic points could make it fire: its thresholds or counts ask for too much");
		pl_buf_finish(&lines);
		return;
	}
	if (!f->all_written && lines.n > 0)
		p->env.write(p->env.data, f->path, pl_buf_str(&lines));
	f->next_ns = p->env.mono_ns() + (f->all_written ? p->timeout_ns : wait_ns);
	pl_buf_finish(&lines);
}

static void on_tick(uv_timer_t *timer)
{
	struct pl_proofs *p = timer->data;
	int64_t now = p->env.mono_ns();
	struct proof *f, *next;
	HASH_ITER(hh, p->by_id, f, next)
	{
		if (!f->under_way && p->stats.under_way >= MOST_UNDER_WAY)
			continue;
		if (f->under_way && now < f->next_ns)
			continue;
		const struct pl_alert *a = p->env.alert(p->env.data, pl_str_of(f->id));
		if (!f->under_way) {
			f->under_way = true;
			p->stats.waiting--;
			p->stats.under_way++;
			attempt(p, f,
				p->env.reachable(p->env.data, PL_PROOF_PATH_INFLUXDB) ? PL_PROOF_PATH_INFLUXDB
										      : PL_PROOF_PATH_KAPACITOR);
		}
		if (a == NULL)
			end(p, f, 0, "its task does not run");
		else
			step(p, f, a);
	}
	if (p->by_id == NULL)
		uv_timer_stop(&p->timer);
}

struct pl_proofs *pl_proofs_create(const struct pl_proofs_env *env)
{
	struct pl_proofs *p = pl_calloc(1, sizeof *p);
	p->env = *env;
	if (env->mono_ns == NULL)
		p->env.mono_ns = pl_clock_mono_ns;
	p->timeout_ns = 120 * PL_NS_PER_S;
	uv_timer_init(&env->loop->uv, &p->timer);
	p->timer.data = p;
	return p;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_proofs *p = handle->data;
	void (*closed)(void *) = p->closed;
	void *data = p->closed_data;
	free(p);
	closed(data);
}

void pl_proofs_close(struct pl_proofs *p, void (*closed)(void *data), void *data)
{
	struct proof *f, *next;
	HASH_ITER(hh, p->by_id, f, next)
	drop(p, f);
	p->closing = true;
	p->closed = closed;
	p->closed_data = data;
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void pl_proofs_set_timeout(struct pl_proofs *p, int64_t ns)
{
	p->timeout_ns = ns;
}

void pl_proofs_ask(struct pl_proofs *p, struct pl_str id)
{
	if (p->closing || find(p, id) != NULL)
		return;
	struct proof *f = pl_calloc(1, sizeof *f);
	f->id = pl_strndup(id.p, id.n);
	HASH_ADD_KEYPTR(hh, p->by_id, f->id, id.n, f);
	p->stats.waiting++;
	if (!uv_is_active((uv_handle_t *)&p->timer))
		uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
}

void pl_proofs_forget(struct pl_proofs *p, struct pl_str id)
{
	struct proof *f = find(p, id);
	if (f != NULL)
		drop(p, f);
}

void pl_proofs_event(struct pl_proofs *p, struct pl_str id, int level)
{
	static const char broken[] =
	    "the task fires and its events come home, but points written to InfluxDB do not reach Kapacitor: see "
	    "SHOW SUBSCRIPTIONS for the database of the proofs (kapacitor.proof.database)";
	struct proof *f = find(p, id);
	if (f == NULL || !f->under_way || level == PL_ALERT_OK)
		return;
	bool detour = f->path == PL_PROOF_PATH_KAPACITOR && p->env.reachable(p->env.data, PL_PROOF_PATH_INFLUXDB);
	end(p, f, p->env.mono_ns() - f->begun_ns, detour ? broken : "");
}

struct pl_proofs_stats pl_proofs_stats(const struct pl_proofs *p)
{
	return p->stats;
}
