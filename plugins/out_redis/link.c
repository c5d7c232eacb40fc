#include "out_redis/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"
#include "base/printable.h"
#include "net/stream.h"
#include "out_redis/url.h"
#include "pipeline/plugin.h"

enum { TICK_MS = 100, HEARTBEAT_MS = 10000, FIRST_PAUSE_MS = 100, MOST_PAUSE_MS = 10000, MOST_GREETINGS = 4 };

enum state { WAITING, ASKING, GREETING, UP, CLOSING };
enum greeting { GREET_AUTH, GREET_SELECT, GREET_ROLE, GREET_PING, GREET_MASTER };

struct pl_redis_link {
	struct pl_loop *loop;
	struct pl_log *log;
	char *name;
	const struct pl_redis_config *config;
	struct pl_redis_link_events events;
	void *data;
	struct pl_redis_url url;
	char host[PL_REDIS_MAX_HOST + 1]; /* that is connected to */
	uint16_t port;
	enum state state;
	struct pl_stream *stream;
	struct pl_resp *resp;
	enum greeting greetings[MOST_GREETINGS]; /* sent, to be answered in this order */
	size_t n_greetings, n_greeted;
	uint64_t unanswered; /* commands of the user's */
	bool probing;        /* a heartbeat was sent when nothing was unanswered */
	uint64_t progress_ms;
	size_t sentinel, sentinels_asked; /* the one to ask next; how many in vain in this round */
	uint64_t seed;
	unsigned failures;
	struct pl_incident incident;
	uv_timer_t pause, tick;
	unsigned handles;
	void (*closed)(void *data);
	void *closed_data;
};

static void begin(struct pl_redis_link *l);

static uint64_t now_ms(const struct pl_redis_link *l)
{
	return uv_now(&l->loop->uv);
}

/* ---- trouble ---- */

static void drop_connection(struct pl_redis_link *l)
{
	pl_stream_close(l->stream);
	l->stream = NULL;
	l->probing = false;
	l->unanswered = 0;
	uv_timer_stop(&l->tick);
}

static void on_pause_over(uv_timer_t *timer)
{
	begin(timer->data);
}

/* Doubling, with a random part, so that many daemons do not come back to a server at the same moment. */
static uint64_t next_pause(struct pl_redis_link *l)
{
	uint64_t most = FIRST_PAUSE_MS << (l->failures < 8 ? l->failures : 8);
	l->failures++;
	most = most < MOST_PAUSE_MS ? most : MOST_PAUSE_MS;
	l->seed = l->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return most / 2 + (l->seed >> 33) % (most / 2 + 1);
}

/* The other Sentinels are asked at once. */
static uint64_t pause_after(struct pl_redis_link *l, enum state failed_in)
{
	if (failed_in == ASKING) {
		size_t n = l->config->sentinel->addresses.n;
		l->sentinel = (l->sentinel + 1) % n;
		if (++l->sentinels_asked < n)
			return 0;
	}
	l->sentinels_asked = 0;
	return next_pause(l);
}

void pl_redis_link_fail(struct pl_redis_link *l, enum pl_redis_trouble trouble, const char *reason)
{
	enum state was = l->state;
	struct pl_buf shown = {0}, server = {0};
	if (was == WAITING || was == CLOSING)
		return;
	pl_buf_add_printable(&shown, pl_str_of(reason));
	pl_buf_addf(&server, "%s:%u", l->host, (unsigned)l->port);
	pl_incident_fail(&l->incident, pl_clock_wall_ns(), l->log, PL_LOG_WARN, "no working connection to Redis",
			 (const struct pl_kv[]){PL_KVC("output", l->name),
						PL_KVC("server", pl_buf_cstr(&server)),
						PL_KVC("kind", pl_redis_trouble_label(trouble)),
						PL_KVC("reason", pl_buf_cstr(&shown)),
						{0}});
	pl_buf_finish(&shown);
	pl_buf_finish(&server);
	l->state = WAITING;
	drop_connection(l);
	uv_timer_start(&l->pause, on_pause_over, pause_after(l, was), 0);
	l->events.failed(l->data, trouble);
	if (was == UP)
		l->events.down(l->data);
}

static void on_end(void *data, enum pl_stream_failure why, const char *reason)
{
	static const enum pl_redis_trouble troubles[] = {
	    [PL_STREAM_RESOLVE] = PL_REDIS_RESOLVE, [PL_STREAM_CONNECT] = PL_REDIS_REFUSED,
	    [PL_STREAM_TIMEOUT] = PL_REDIS_TIMEOUT, [PL_STREAM_TLS] = PL_REDIS_TLS,
	    [PL_STREAM_CLOSED] = PL_REDIS_CLOSED,
	};
	pl_redis_link_fail(data, troubles[why], reason);
}

static void on_tick(uv_timer_t *timer)
{
	struct pl_redis_link *l = timer->data;
	bool waits = l->state != UP || l->unanswered > 0 || l->probing;
	uint64_t silent_ms = now_ms(l) - l->progress_ms;
	if (waits && silent_ms * PL_NS_PER_MS >= (uint64_t)l->config->timeout) {
		pl_redis_link_fail(l, PL_REDIS_TIMEOUT, "the server does not answer");
	} else if (!waits && silent_ms >= HEARTBEAT_MS) {
		struct pl_buf b = {0};
		const struct pl_str word = l->config->sentinel != NULL ? PL_STR("ROLE") : PL_STR("PING");
		pl_resp_add_command(&b, &word, 1);
		l->probing = true;
		l->progress_ms = now_ms(l);
		pl_stream_write(l->stream, &b);
	}
}

/* ---- greetings: one line of commands, whose answers decide ---- */

static void greet(struct pl_redis_link *l, struct pl_buf *b, enum greeting what, const struct pl_str *argv, size_t n)
{
	l->greetings[l->n_greetings++] = what;
	pl_resp_add_command(b, argv, n);
}

static bool add_auth(struct pl_redis_link *l, struct pl_buf *b, const char *user, const struct pl_secret *secret,
		     const char *given)
{
	struct pl_buf password = {0};
	char reason[256] = "";
	if (given != NULL && given[0] != '\0') {
		pl_buf_add_cstr(&password, given);
	} else if (!pl_secret_given(secret)) {
		return true;
	} else if (pl_secret_read(secret, &password, reason, sizeof reason) != PL_OK) {
		pl_buf_finish(&password);
		pl_redis_link_fail(l, PL_REDIS_AUTH, reason);
		return false;
	}
	struct pl_str argv[3] = {PL_STR("AUTH")};
	size_t n = 1;
	if (user != NULL && user[0] != '\0')
		argv[n++] = pl_str_of(user);
	argv[n++] = pl_buf_str(&password);
	greet(l, b, GREET_AUTH, argv, n);
	pl_buf_finish(&password);
	return true;
}

static void ask_sentinel(struct pl_redis_link *l)
{
	const struct pl_redis_sentinel_config *s = l->config->sentinel;
	struct pl_buf b = {0};
	if (!add_auth(l, &b, s->username, &s->password, NULL))
		return;
	const struct pl_str question[] = {PL_STR("SENTINEL"), PL_STR("get-master-addr-by-name"), pl_str_of(s->master)};
	greet(l, &b, GREET_MASTER, question, 3);
	pl_stream_write(l->stream, &b);
}

static void introduce(struct pl_redis_link *l)
{
	struct pl_buf b = {0};
	char number[16];
	const char *user = l->url.user[0] != '\0' ? l->url.user : l->config->username;
	const struct pl_str role = PL_STR("ROLE"), ping = PL_STR("PING");
	if (!add_auth(l, &b, user, &l->config->password, l->url.password))
		return;
	if (l->url.database != 0) {
		snprintf(number, sizeof number, "%u", l->url.database);
		const struct pl_str select[] = {PL_STR("SELECT"), pl_str_of(number)};
		greet(l, &b, GREET_SELECT, select, 2);
	}
	greet(l, &b, l->config->sentinel != NULL ? GREET_ROLE : GREET_PING, l->config->sentinel != NULL ? &role : &ping, 1);
	pl_stream_write(l->stream, &b);
}

static void on_open(void *data)
{
	struct pl_redis_link *l = data;
	l->n_greetings = l->n_greeted = 0;
	l->progress_ms = now_ms(l);
	pl_resp_destroy(l->resp);
	l->resp = pl_resp_create();
	uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
	if (l->state == ASKING)
		ask_sentinel(l);
	else
		introduce(l);
}

static void come_up(struct pl_redis_link *l)
{
	l->state = UP;
	l->failures = 0;
	l->sentinels_asked = 0;
	pl_incident_end(&l->incident, pl_clock_wall_ns(), l->log, "connected to Redis again",
			(const struct pl_kv[]){PL_KVC("output", l->name), {0}});
	l->events.up(l->data);
}

static void connect_to_server(struct pl_redis_link *l);

static void take_master(struct pl_redis_link *l, const struct pl_resp_reply *r)
{
	uint64_t port;
	if (r->type != PL_RESP_ARRAY || r->n_items < 2 || r->items[0].n == 0 || r->items[0].n > PL_REDIS_MAX_HOST ||
	    !pl_str_u64(pl_resp_str(&r->items[1]), &port) || port == 0 || port > 65535) {
		pl_redis_link_fail(l, PL_REDIS_SENTINEL, "the Sentinel knows no such master");
		return;
	}
	drop_connection(l);
	memcpy(l->host, r->items[0].p, r->items[0].n);
	l->host[r->items[0].n] = '\0';
	l->port = (uint16_t)port;
	connect_to_server(l);
}

static bool is_master(const struct pl_resp_reply *r)
{
	return r->type == PL_RESP_ARRAY && r->n_items > 0 && pl_str_is(pl_resp_str(&r->items[0]), "master");
}

static void fail_by_reply(struct pl_redis_link *l, const struct pl_resp_reply *r, enum pl_redis_trouble otherwise)
{
	char text[PL_RESP_MAX_TEXT + 1];
	enum pl_redis_trouble trouble = pl_redis_trouble_of(pl_resp_str(&r->text));
	snprintf(text, sizeof text, "%.*s", (int)r->text.n, r->text.p);
	pl_redis_link_fail(l, trouble == PL_REDIS_OTHER ? otherwise : trouble, text);
}

static void on_greeted(struct pl_redis_link *l, const struct pl_resp_reply *r)
{
	if (l->n_greeted == l->n_greetings) {
		pl_redis_link_fail(l, PL_REDIS_PROTOCOL, "the server answers what nobody asked");
		return;
	}
	enum greeting what = l->greetings[l->n_greeted++];
	if (r->type == PL_RESP_ERROR)
		fail_by_reply(l, r, what == GREET_AUTH ? PL_REDIS_AUTH : l->state == ASKING ? PL_REDIS_SENTINEL : PL_REDIS_OTHER);
	else if (what == GREET_MASTER)
		take_master(l, r);
	else if (what == GREET_ROLE && !is_master(r))
		pl_redis_link_fail(l, PL_REDIS_SENTINEL, "the server that the Sentinel names is no master (yet)");
	else if (l->n_greeted == l->n_greetings)
		come_up(l);
}

static void on_reply(struct pl_redis_link *l, const struct pl_resp_reply *r)
{
	if (l->state != UP) {
		on_greeted(l, r);
	} else if (l->probing) { /* it was sent when nothing else was unanswered */
		l->probing = false;
		if (r->type == PL_RESP_ERROR)
			fail_by_reply(l, r, PL_REDIS_OTHER);
		else if (l->config->sentinel != NULL && !is_master(r))
			pl_redis_link_fail(l, PL_REDIS_SENTINEL, "the server is no master any more");
	} else if (l->unanswered > 0) {
		l->unanswered--;
		l->events.reply(l->data, r);
	} else {
		pl_redis_link_fail(l, PL_REDIS_PROTOCOL, "the server answers what nobody asked");
	}
}

static void on_data(void *data, const char *p, size_t n)
{
	struct pl_redis_link *l = data;
	const struct pl_stream *stream = l->stream;
	const struct pl_resp_reply *reply;
	const char *reason = "";
	int got = 0;
	l->progress_ms = now_ms(l);
	if (!pl_resp_feed(l->resp, p, n, &reason)) {
		pl_redis_link_fail(l, PL_REDIS_PROTOCOL, reason);
		return;
	}
	while (l->stream == stream && (got = pl_resp_next(l->resp, &reply, &reason)) > 0)
		on_reply(l, reply);
	if (l->stream != stream)
		return;
	if (got < 0)
		pl_redis_link_fail(l, PL_REDIS_PROTOCOL, reason);
	else if (l->state == UP)
		l->events.idle(l->data);
}

static void on_drain(void *data)
{
	struct pl_redis_link *l = data;
	if (l->state == UP) /* no sign of life: the kernel takes bytes for a server that is stopped, too */
		l->events.idle(l->data);
}

static const struct pl_stream_events stream_events = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_end = on_end};

/* ---- connecting ---- */

static void connect_now(struct pl_redis_link *l)
{
	const struct pl_tls_config *tls = &l->config->tls_config;
	const struct pl_stream_tls_options tls_options = {
	    .ca_file = tls->ca_file,
	    .cert_file = tls->cert_file,
	    .key_file = tls->key_file,
	    .server_name = tls->server_name,
	    .insecure_skip_verify = tls->insecure_skip_verify,
	    .min_version = 0x0301 + tls->min_version,
	    .max_version = 0x0301 + tls->max_version,
	};
	const struct pl_stream_options options = {
	    .host = l->host,
	    .port = l->port,
	    .connect_timeout_ms = (uint64_t)(l->config->connect_timeout / PL_NS_PER_MS),
	    .tls = l->url.tls ? &tls_options : NULL,
	};
	l->stream = pl_stream_open(l->loop, &options, &stream_events, l);
}

static void connect_to_server(struct pl_redis_link *l)
{
	l->state = GREETING;
	connect_now(l);
}

static void begin(struct pl_redis_link *l)
{
	const struct pl_redis_sentinel_config *s = l->config->sentinel;
	char reason[128];
	if (s == NULL) {
		memcpy(l->host, l->url.host, sizeof l->host);
		l->port = l->url.port;
		connect_to_server(l);
		return;
	}
	l->state = ASKING;
	l->port = 26379;
	if (pl_redis_host_parse(pl_str_of(s->addresses.v[l->sentinel]), l->host, &l->port, reason, sizeof reason) != PL_OK)
		pl_redis_link_fail(l, PL_REDIS_SENTINEL, reason);
	else
		connect_now(l);
}

size_t pl_redis_link_send(struct pl_redis_link *l, struct pl_buf *commands, unsigned replies)
{
	if (l->unanswered == 0 && !l->probing)
		l->progress_ms = now_ms(l);
	l->unanswered += replies;
	return pl_stream_write(l->stream, commands);
}

/* ---- life ---- */

struct pl_redis_link *pl_redis_link_create(struct pl_loop *loop, struct pl_log *log, const char *name,
					   const struct pl_redis_config *config, const struct pl_redis_link_events *events,
					   void *data)
{
	struct pl_redis_link *l = pl_calloc(1, sizeof *l);
	char reason[192];
	l->loop = loop;
	l->log = log;
	l->name = pl_strdup(name);
	l->config = config;
	l->events = *events;
	l->data = data;
	l->seed = (uint64_t)pl_clock_wall_ns() ^ (uint64_t)(uintptr_t)l;
	l->handles = 2;
	uv_timer_init(&loop->uv, &l->pause);
	uv_timer_init(&loop->uv, &l->tick);
	l->pause.data = l->tick.data = l;
	uv_timer_start(&l->pause, on_pause_over, 0, 0);
	if (pl_redis_url_parse(pl_str_of(config->url), &l->url, reason, sizeof reason) != PL_OK)
		uv_timer_stop(&l->pause); /* the configuration's check has seen to it that this cannot be */
	return l;
}

static void on_timer_closed(uv_handle_t *h)
{
	struct pl_redis_link *l = h->data;
	if (--l->handles > 0)
		return;
	void (*closed)(void *) = l->closed;
	void *data = l->closed_data;
	pl_resp_destroy(l->resp);
	free(l->name);
	free(l);
	closed(data);
}

void pl_redis_link_close(struct pl_redis_link *l, void (*closed)(void *data), void *data)
{
	l->closed = closed;
	l->closed_data = data;
	l->state = CLOSING;
	drop_connection(l);
	uv_close((uv_handle_t *)&l->pause, on_timer_closed);
	uv_close((uv_handle_t *)&l->tick, on_timer_closed);
}
