#include "in_relay/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "in_relay/conn.h"

enum {
	DRAIN_STEP_MS = 20,
	DRAIN_MOST_MS = 500,
	QUIET_MS = 60000,
	STATUS_NAMES_BYTES = 8 << 20, /* a status that is longer names no more collectors, */
	STATUS_BYTES = 16 << 20,      /* and then no more relays */
};

struct pl_in_relay_listener {
	uv_tcp_t tcp;
	struct pl_in_relay_server *server;
};

void pl_in_relay_prepared_free(struct pl_in_relay_prepared *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	pl_tls_context_release(p->tls);
	pl_config_release(p->config);
	free(p);
}

/* ---- troubles, memory ---- */

static bool is_drop(enum pl_in_relay_count what)
{
	return what >= PL_IN_RELAY_DROP_MALFORMED && what <= PL_IN_RELAY_DROP_SERIES_KEY;
}

void pl_in_relay_trouble(struct pl_in_relay_server *s, enum pl_in_relay_count what, const struct pl_in_relay_conn *c)
{
	const struct pl_listener_counter *counter = pl_in_relay_counter(what);
	const char *message = is_drop(what)                   ? "stats of relays are dropped"
			      : what == PL_IN_RELAY_TAKEOVERS ? "a newer connection takes over a relay's id"
			      : what < PL_IN_RELAY_END_NO_ID  ? "collectors of relays are not added"
							      : "connections of relays are ended";
	struct pl_kv kv[4] = {PL_KVC("reason", counter->reason != NULL ? counter->reason : "same id")};
	if (c != NULL) {
		kv[1] = PL_KVS("id", c->id);
		kv[2] = PL_KVC("address", c->address);
	}
	pl_in_relay_add(s, what, 1);
	s->troubles[what].last_ms = pl_in_relay_now_ms(s);
	pl_incident_fail(&s->troubles[what].incident, pl_clock_wall_ns(), s->env->log, PL_LOG_WARN, message, kv);
}

static void end_troubles(struct pl_in_relay_server *s, uint64_t now)
{
	for (size_t i = 0; i < PL_IN_RELAY_COUNTS; i++) {
		if (s->troubles[i].incident.since_ns == 0 || now - s->troubles[i].last_ms < QUIET_MS)
			continue;
		const char *reason = pl_in_relay_counter(i)->reason;
		pl_incident_end(&s->troubles[i].incident, pl_clock_wall_ns(), s->env->log, "relays: no more of this for a minute",
				(const struct pl_kv[]){PL_KVC("reason", reason != NULL ? reason : "same id"), {0}});
	}
}

bool pl_in_relay_memory_grow(struct pl_in_relay_server *s, size_t from, size_t to)
{
	s->memory += to;
	s->memory -= from;
	pl_in_relay_set(s, PL_IN_RELAY_MEMORY, s->memory);
	return to <= from || s->memory <= PL_IN_RELAY_ALL_MEMORY;
}

/* ---- time ---- */

static void on_due(void *data, struct pl_in_relay_spoke *spoke)
{
	(void)data;
	pl_in_relay_conn_poll(pl_container_of(spoke, struct pl_in_relay_conn, spoke));
}

static void on_poll(uv_timer_t *timer)
{
	struct pl_in_relay_server *s = timer->data;
	pl_in_relay_wheel_turn(&s->wheel, pl_in_relay_now_ms(s), on_due, s);
	pl_in_relay_arm(s);
}

static uint64_t idle_ms(const struct pl_relay_config *config)
{
	uint64_t beat = (uint64_t)(config->beat_interval / PL_NS_PER_MS), poll = (uint64_t)(config->poll_interval / PL_NS_PER_MS);
	uint64_t most = 2 * (beat > poll ? beat : poll);
	return most > PL_IN_RELAY_LEAST_IDLE_MS ? most : PL_IN_RELAY_LEAST_IDLE_MS;
}

static void end_overdue(struct pl_in_relay_server *s, struct pl_in_relay_conns *list, uint64_t now, uint64_t patience_ms,
			enum pl_in_relay_count what)
{
	struct pl_in_relay_conn *c;
	while ((c = TAILQ_FIRST(list)) != NULL && now - c->since_ms >= patience_ms) {
		if (what != PL_IN_RELAY_COUNTS)
			pl_in_relay_trouble(s, what, c);
		pl_in_relay_conn_close(c);
	}
}

static void sweep_members(struct pl_in_relay_server *s, uint64_t now)
{
	const struct pl_relay_config *config = pl_in_relay_config(s);
	uint64_t idle = idle_ms(config), renew = PL_IN_RELAY_OVERRIDE_S * UINT64_C(500);
	for (struct pl_in_relay_conn *c = TAILQ_FIRST(&s->members), *next; c != NULL; c = next) {
		next = TAILQ_NEXT(c, of_list);
		if (now - c->since_ms >= idle) {
			pl_in_relay_trouble(s, PL_IN_RELAY_END_IDLE, c);
			pl_in_relay_conn_close(c);
		} else if (c->override_ms != 0 && now - c->override_ms >= renew) {
			pl_in_relay_conn_override(c);
		}
	}
}

/* Who was asked may answer for a moment; then all go. */
static void drain(struct pl_in_relay_server *s, uint64_t now)
{
	bool over = now - s->closing_since_ms >= DRAIN_MOST_MS;
	for (struct pl_in_relay_conn *c = TAILQ_FIRST(&s->members), *next; c != NULL; c = next) {
		next = TAILQ_NEXT(c, of_list);
		if (over || !c->asked)
			pl_in_relay_conn_close(c);
	}
}

static void close_all(struct pl_in_relay_conns *list)
{
	while (!TAILQ_EMPTY(list))
		pl_in_relay_conn_close(TAILQ_FIRST(list));
}

static void finish_if_done(struct pl_in_relay_server *s);

static void on_sweep(uv_timer_t *timer)
{
	struct pl_in_relay_server *s = timer->data;
	uint64_t now = pl_in_relay_now_ms(s);
	if (s->closing) {
		drain(s, now);
		finish_if_done(s);
		return;
	}
	end_troubles(s, now);
	end_overdue(s, &s->ending, now, PL_IN_RELAY_LINGER_MS, PL_IN_RELAY_COUNTS);
	if (s->now != NULL) {
		sweep_members(s, now);
		end_overdue(s, &s->handshakes, now, (uint64_t)(pl_in_relay_config(s)->handshake_timeout / PL_NS_PER_MS),
			    PL_IN_RELAY_END_HANDSHAKE_TIMEOUT);
	}
	if (s->now == NULL && s->n_streams == 0)
		uv_timer_stop(timer);
}

void pl_in_relay_arm(struct pl_in_relay_server *s)
{
	if (s->closing)
		return;
	if (s->n_members == 0) {
		uv_timer_stop(&s->poll);
		return;
	}
	uint64_t now = pl_in_relay_now_ms(s);
	if (!uv_is_active((uv_handle_t *)&s->poll)) /* what went by with nobody here is of no interest */
		pl_in_relay_wheel_turn(&s->wheel, now, on_due, s);
	uv_timer_start(&s->poll, on_poll, pl_in_relay_wheel_wait(&s->wheel, now), 0);
}

/* ---- listening ---- */

static void on_listener_closed(uv_handle_t *handle)
{
	struct pl_in_relay_listener *l = handle->data;
	struct pl_in_relay_server *s = l->server;
	free(l);
	s->handles--;
	finish_if_done(s);
}

static void close_listener(struct pl_in_relay_server *s)
{
	if (s->listener == NULL)
		return;
	uv_close((uv_handle_t *)&s->listener->tcp, on_listener_closed);
	s->listener = NULL;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct pl_in_relay_listener *l = stream->data;
	struct pl_in_relay_server *s = l->server;
	if (status != 0) {
		pl_in_relay_trouble(s, PL_IN_RELAY_END_ACCEPT, NULL);
		return;
	}
	if (s->listener == l)
		pl_in_relay_conn_accept(s, stream);
}

static void open_listener(struct pl_in_relay_server *s, struct pl_in_relay_prepared *p)
{
	struct pl_in_relay_listener *l = pl_calloc(1, sizeof *l);
	l->server = s;
	l->tcp.data = l;
	uv_tcp_init(&s->env->loop->uv, &l->tcp);
	s->handles++;
	s->listener = l;
	int rc = uv_tcp_open(&l->tcp, p->fd);
	p->fd = -1;
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->tcp, SOMAXCONN, on_connection);
	if (rc != 0)
		pl_error(s->env->log, "cannot listen for relays", PL_KVC("listen", p->address),
			 PL_KVC("reason", uv_strerror(rc)));
	else
		pl_info(s->env->log, "listening for relays", PL_KVC("listen", p->address),
			PL_KVC("tls", p->tls != NULL ? "yes" : "no"));
}

static void respread(struct pl_in_relay_server *s, uint64_t interval_ms)
{
	struct pl_in_relay_conn *c;
	if (s->wheel.interval_ms == interval_ms)
		return;
	for (c = TAILQ_FIRST(&s->members); c != NULL; c = TAILQ_NEXT(c, of_list))
		pl_in_relay_wheel_remove(&s->wheel, &c->spoke);
	pl_in_relay_wheel_finish(&s->wheel);
	pl_in_relay_wheel_init(&s->wheel, interval_ms, pl_in_relay_now_ms(s));
	for (c = TAILQ_FIRST(&s->members); c != NULL; c = TAILQ_NEXT(c, of_list))
		pl_in_relay_wheel_add(&s->wheel, &c->spoke);
	pl_in_relay_arm(s);
}

static void take_on(struct pl_in_relay_server *s)
{
	const struct pl_relay_config *config = pl_in_relay_config(s);
	if (s->route != NULL)
		pl_route_release(s->route);
	s->route = pl_route_create(config->influx.database, config->influx.retention_policy);
	s->tagging = (struct pl_in_relay_tagging){.external = s->now->config->global.external_labels,
						  .collector_tag = config->collector_tag};
	respread(s, (uint64_t)(config->poll_interval / PL_NS_PER_MS));
	for (struct pl_in_relay_conn *c = TAILQ_FIRST(&s->members), *next; c != NULL; c = next) {
		next = TAILQ_NEXT(c, of_list);
		c->lines.limit = (size_t)config->limits.line_bytes;
		pl_in_relay_conn_retag(c);
		pl_in_relay_conn_override(c);
	}
	if (!uv_is_active((uv_handle_t *)&s->sweep))
		uv_timer_start(&s->sweep, on_sweep, PL_IN_RELAY_SWEEP_MS, PL_IN_RELAY_SWEEP_MS);
}

void pl_in_relay_server_adopt(struct pl_in_relay_server *s, struct pl_in_relay_prepared *p)
{
	struct pl_in_relay_prepared *before = s->now;
	if (s->closing) {
		pl_in_relay_prepared_free(p);
		return;
	}
	if (p == NULL || p->fd >= 0) { /* another address, or none: who came over the old one comes again */
		close_listener(s);
		close_all(&s->handshakes);
		close_all(&s->members);
		close_all(&s->ending);
	}
	s->now = p;
	if (p != NULL) {
		take_on(s);
		if (p->fd >= 0)
			open_listener(s, p);
	}
	pl_in_relay_prepared_free(before);
}

/* ---- status ---- */

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_json_key(j, key);
	pl_json_cstr(j, wall_ns != 0 ? pl_clock_text(wall_ns, text) : NULL);
}

static void add_conn(struct pl_json *j, const struct pl_in_relay_conn *c)
{
	pl_json_object_begin(j);
	pl_json_key(j, "id");
	pl_json_str(j, c->id);
	pl_json_key(j, "address");
	pl_json_cstr(j, c->address);
	add_time(j, "since", c->accepted_wall_ns);
	add_time(j, "lastGot", c->got_wall_ns);
	pl_json_key(j, "points");
	pl_json_u64(j, c->n_points);
	pl_json_key(j, "dropped");
	pl_json_u64(j, c->n_dropped);
	pl_json_key(j, "collectors");
	pl_json_array_begin(j);
	for (size_t i = 0; i < c->collectors.n && j->out->n < STATUS_NAMES_BYTES; i++)
		pl_json_str(j, pl_in_relay_collector_name(c->collectors.v[i]));
	pl_json_array_end(j);
	pl_json_object_end(j);
}

void pl_in_relay_server_status(struct pl_in_relay_server *s, struct pl_buf *json)
{
	struct pl_json j = {.out = json};
	const struct pl_in_relay_conn *c;
	pl_json_object_begin(&j);
	pl_json_key(&j, "relays");
	pl_json_array_begin(&j);
	for (c = TAILQ_FIRST(&s->members); c != NULL && json->n < STATUS_BYTES; c = TAILQ_NEXT(c, of_list))
		add_conn(&j, c);
	pl_json_array_end(&j);
	pl_json_key(&j, "truncated"); /* are relays or names of collectors missing? */
	pl_json_bool(&j, json->n >= STATUS_NAMES_BYTES);
	pl_json_object_end(&j);
}

/* ---- life ---- */

struct pl_in_relay_server *pl_in_relay_server_create(const struct pl_listener_env *env)
{
	struct pl_in_relay_server *s = pl_calloc(1, sizeof *s);
	s->env = env;
	TAILQ_INIT(&s->handshakes);
	TAILQ_INIT(&s->members);
	TAILQ_INIT(&s->ending);
	uv_timer_init(&env->loop->uv, &s->poll);
	uv_timer_init(&env->loop->uv, &s->sweep);
	s->poll.data = s->sweep.data = s;
	s->handles = 2;
	return s;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_in_relay_server *s = handle->data;
	if (--s->handles > 0)
		return;
	void (*closed)(void *) = s->closed;
	void *data = s->closed_data;
	pl_in_relay_prepared_free(s->now);
	if (s->route != NULL)
		pl_route_release(s->route);
	pl_in_relay_wheel_finish(&s->wheel);
	pl_buf_finish(&s->line);
	pl_buf_finish(&s->scratch);
	pl_buf_finish(&s->points);
	free(s->live);
	free(s->live_tags);
	free(s);
	closed(data);
}

static void finish_if_done(struct pl_in_relay_server *s)
{
	if (!s->closing || s->n_streams > 0 || s->handles != 2 || uv_is_closing((uv_handle_t *)&s->sweep))
		return;
	uv_close((uv_handle_t *)&s->poll, on_timer_closed);
	uv_close((uv_handle_t *)&s->sweep, on_timer_closed);
}

void pl_in_relay_server_stream_freed(struct pl_in_relay_server *s)
{
	s->n_streams--;
	pl_in_relay_set(s, PL_IN_RELAY_OPEN, s->n_streams);
	finish_if_done(s);
}

void pl_in_relay_server_close(struct pl_in_relay_server *s, void (*closed)(void *data), void *data)
{
	s->closing = true;
	s->closing_since_ms = pl_in_relay_now_ms(s);
	s->closed = closed;
	s->closed_data = data;
	close_listener(s);
	close_all(&s->handshakes);
	close_all(&s->ending);
	uv_timer_stop(&s->poll);
	uv_timer_start(&s->sweep, on_sweep, DRAIN_STEP_MS, DRAIN_STEP_MS);
}
