#include "out_influxdb/provision.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"
#include "out_influxdb/upkeep.h"

enum { CHECK_AGAIN_MS = 10 * 60 * 1000, POKED_MS = 1000, MOST_PATIENCE_S = 60 };

static void ask(struct pl_influx_provision *p);

/* ---- waiting ---- */

static void on_timer(uv_timer_t *timer)
{
	struct pl_influx_provision *p = timer->data;
	p->rounds = 0;
	p->changed = false;
	ask(p);
}

static void rest(struct pl_influx_provision *p, uint64_t ms)
{
	p->state = PL_INFLUX_RESTING;
	if (p->again && ms > POKED_MS)
		ms = POKED_MS;
	p->again = false;
	uv_timer_start(&p->timer, on_timer, ms, 0);
}

static void fail(struct pl_influx_provision *p, enum pl_err err, const char *reason)
{
	const struct pl_kv kv[] = {
	    PL_KVC("output", p->env->name), PL_KVC("database", p->database), PL_KVC("reason", reason), {0}};
	bool person = err == PL_EACCES || err == PL_ENOENT;
	pl_influx_count(p->env, PL_INFLUX_PROVISION_FAILURES, 1);
	pl_incident_fail(&p->incident, pl_clock_wall_ns(), p->env->log, person ? PL_LOG_ERROR : PL_LOG_WARN,
			 "InfluxDB is not provisioned; tried again", kv);
	p->failures++;
	p->again = false;
	rest(p, pl_influx_patience_ms(p->failures, MOST_PATIENCE_S));
}

/* No InfluxDB 1.x. Said once; asked again as seldom as when all is well, because the server may be replaced. */
static void give_up(struct pl_influx_provision *p, const char *reason)
{
	if (!p->said)
		pl_warn(p->env->log, "the server takes no InfluxQL: retention policies and downsampling are up to you",
			PL_KVC("output", p->env->name), PL_KVC("reason", reason));
	p->said = true;
	p->again = false;
	rest(p, CHECK_AGAIN_MS);
	p->state = PL_INFLUX_NO_QUERIES;
}

/* ---- what differs ---- */

/* InfluxDB's own choice for a duration (1.6.7): it refuses to keep a shard duration that is longer than the new duration. */
static int64_t usual_shard(int64_t duration_ns)
{
	const int64_t hour = 3600 * PL_NS_PER_S;
	if (duration_ns > 0 && duration_ns < 48 * hour)
		return hour;
	return duration_ns > 0 && duration_ns <= 180 * 24 * hour ? 24 * hour : 168 * hour;
}

static const struct pl_influx_shown_policy *find(const struct pl_influx_shown_policy *shown, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (pl_str_is(shown[i].name, name))
			return &shown[i];
	}
	return NULL;
}

static void add_change(struct pl_buf *out, const char *what, int64_t was_ns, int64_t is_ns)
{
	pl_buf_addf(out, "%s%s from ", out->n > 0 ? ", " : "", what);
	pl_influx_add_duration(out, was_ns);
	pl_buf_add_cstr(out, " to ");
	pl_influx_add_duration(out, is_ns);
}

/* The statement that makes `has` what it should be; nothing when it is. has NULL: there is none. */
static void compare(struct pl_influx_provision *p, const struct pl_influx_policy *want, const struct pl_influx_shown_policy *has)
{
	struct pl_influx_policy_change c = {.shard_ns = -1, .duration_ns = -1};
	if (has == NULL) {
		c = (struct pl_influx_policy_change){.create = true,
						     .duration_ns = want->duration_ns,
						     .shard_ns = want->shard_ns > 0 ? want->shard_ns : -1,
						     .make_default = want->is_default};
		pl_buf_add_cstr(&p->change, "created, duration ");
		pl_influx_add_duration(&p->change, want->duration_ns);
	} else {
		int64_t shard = want->shard_ns;
		if (shard == 0 && want->duration_ns > 0 && has->shard_ns > want->duration_ns)
			shard = usual_shard(want->duration_ns);
		if (has->duration_ns != want->duration_ns) {
			c.duration_ns = want->duration_ns;
			add_change(&p->change, "duration", has->duration_ns, c.duration_ns);
		}
		if (shard > 0 && has->shard_ns != shard) {
			c.shard_ns = shard;
			add_change(&p->change, "shard duration", has->shard_ns, shard);
		}
		c.make_default = want->is_default && !has->is_default;
	}
	if (c.make_default)
		pl_buf_addf(&p->change, "%smade the default", p->change.n > 0 ? ", " : "");
	if (p->change.n > 0)
		pl_influx_change_policy(&p->statement, pl_str_of(p->database), pl_str_of(want->name), &c);
}

static bool find_difference(struct pl_influx_provision *p, const struct pl_influx_shown_policy *shown, size_t n)
{
	pl_buf_clear(&p->statement);
	pl_buf_clear(&p->change);
	pl_buf_clear(&p->about);
	for (size_t k = 0; k < p->n_policies; k++) {
		size_t i = (p->first + k) % p->n_policies;
		compare(p, &p->policies[i], find(shown, n, p->policies[i].name));
		if (p->change.n > 0) {
			pl_buf_add_cstr(&p->about, p->policies[i].name);
			p->changing = i;
			return true;
		}
	}
	return false;
}

/* ---- asking and changing ---- */

static void post(struct pl_influx_provision *p, pl_influx_done done)
{
	char reason[256];
	p->request.max_answer = PL_INFLUX_UPKEEP_ANSWER_BYTES;
	p->request.whole = true;
	p->request.done = done;
	if (pl_influx_request_query(&p->request, p->server, PL_STR(""), &p->statement, PL_INFLUX_FOR_UPKEEP, reason,
				    sizeof reason) != PL_OK)
		fail(p, PL_EACCES, reason);
}

static void on_changed(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_provision *p = pl_container_of(r, struct pl_influx_provision, request);
	char reason[256];
	(void)cut;
	if (p->closing)
		return;
	if (result->err != PL_OK) {
		fail(p, result->err, result->reason);
	} else if (pl_influx_check_result(result->status, pl_buf_str(&r->answer), reason, sizeof reason) != PL_OK) {
		p->first = p->n_policies > 0 ? (p->changing + 1) % p->n_policies : 0; /* one that is refused holds up no other */
		fail(p, result->status == 401 || result->status == 403 ? PL_EACCES : PL_EIO, reason);
	} else {
		pl_influx_count(p->env, PL_INFLUX_PROVISION_CHANGES, 1);
		const struct pl_kv kv[] = {PL_KVC("output", p->env->name),
					   PL_KVC("database", p->database),
					   p->about.n > 0 ? PL_KVS("retention_policy", pl_buf_str(&p->about)) : (struct pl_kv){0},
					   PL_KVS("change", pl_buf_str(&p->change)),
					   {0}};
		pl_log_write(p->env->log, PL_LOG_INFO,
			     p->about.n > 0 ? "InfluxDB: retention policy changed" : "InfluxDB: database created", kv);
		p->changed = true;
		ask(p);
	}
}

/* One change at a time: what is shown next tells whether it came to be, whoever else changes things meanwhile. */
static void change(struct pl_influx_provision *p)
{
	if (++p->rounds > p->n_policies + 2) {
		fail(p, PL_EIO, "it accepts the changes and then shows the old state");
		return;
	}
	p->state = PL_INFLUX_CHANGING;
	post(p, on_changed);
}

static void create_database(struct pl_influx_provision *p, const char *reason)
{
	if (!p->create_database) {
		fail(p, PL_ENOENT, reason);
		return;
	}
	pl_buf_clear(&p->statement);
	pl_buf_clear(&p->about);
	pl_buf_clear(&p->change);
	pl_buf_add_cstr(&p->change, "created");
	pl_influx_create_database(&p->statement, pl_str_of(p->database));
	change(p);
}

static void succeed(struct pl_influx_provision *p, const struct pl_influx_shown_policy *shown, size_t n)
{
	const struct pl_kv kv[] = {PL_KVC("output", p->env->name), PL_KVC("database", p->database), {0}};
	pl_incident_end(&p->incident, pl_clock_wall_ns(), p->env->log, "InfluxDB is provisioned now", kv);
	p->failures = 0;
	p->said = false;
	rest(p, CHECK_AGAIN_MS);
	p->ready(p, p->changed, shown, n);
}

static void on_shown(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_provision *p = pl_container_of(r, struct pl_influx_provision, request);
	struct pl_arena arena = {0};
	struct pl_influx_shown_policy *shown;
	size_t n;
	char reason[256];
	if (p->closing)
		return;
	if (result->err != PL_OK || cut) {
		fail(p, result->err, cut ? "the list of retention policies is larger than 16 MiB" : result->reason);
		return;
	}
	enum pl_err err =
	    pl_influx_read_policies(result->status, pl_buf_str(&r->answer), &arena, &shown, &n, reason, sizeof reason);
	if (err == PL_EUNSUPPORTED)
		give_up(p, reason);
	else if (err == PL_ENOENT)
		create_database(p, reason);
	else if (err != PL_OK)
		fail(p, err, reason);
	else if (find_difference(p, shown, n))
		change(p);
	else
		succeed(p, shown, n);
	pl_arena_finish(&arena);
}

static void ask(struct pl_influx_provision *p)
{
	p->state = PL_INFLUX_ASKING;
	pl_buf_clear(&p->statement);
	pl_influx_show_policies(&p->statement, pl_str_of(p->database));
	post(p, on_shown);
}

/* ---- life ---- */

void pl_influx_provision_open(struct pl_influx_provision *p)
{
	uv_timer_init(&p->env->loop->uv, &p->timer);
	p->timer.data = p;
	ask(p);
}

void pl_influx_provision_poke(struct pl_influx_provision *p)
{
	if (p->state == PL_INFLUX_ASKING || p->state == PL_INFLUX_CHANGING)
		p->again = true;
	else if (p->state == PL_INFLUX_RESTING && p->failures == 0 && uv_timer_get_due_in(&p->timer) > POKED_MS)
		uv_timer_start(&p->timer, on_timer, POKED_MS, 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_influx_provision *p = handle->data;
	pl_influx_request_finish(&p->request);
	pl_buf_finish(&p->statement);
	pl_buf_finish(&p->change);
	pl_buf_finish(&p->about);
	p->closed(p);
}

void pl_influx_provision_close(struct pl_influx_provision *p, void (*closed)(struct pl_influx_provision *p))
{
	p->closed = closed;
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
