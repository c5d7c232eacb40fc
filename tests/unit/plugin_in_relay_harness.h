/* Runs the relay server on a loop and talks to it as relays do, over real sockets. */
#ifndef PL_TESTS_PLUGIN_IN_RELAY_HARNESS_H
#define PL_TESTS_PLUGIN_IN_RELAY_HARNESS_H

#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "in_relay/server.h"
#include "pipeline/registry.h"

struct harness {
	struct pl_loop loop;
	struct pl_listener_env env;
	struct pl_sink sink;
	struct pl_live_tap tap;
	_Atomic uint64_t counters[PL_LISTENER_COUNTERS];
	const struct pl_listener_ops *ops;
	struct pl_config *config;
	void *self;
	char address[PL_ADDRESS_TEXT_BYTES];
	bool closed, live_wanted;
	struct pl_buf points, live; /* what came: lines without their times; tags with bars and data */
	int64_t last_time;
	uint32_t n_points, n_commits;
	char database[64];
};

static inline void harness_commit(struct pl_sink *sink, struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct harness *h = pl_container_of(sink, struct harness, sink);
	struct pl_str rest = pl_buf_str(lines);
	snprintf(h->database, sizeof h->database, "%s/%s", route->database, route->retention_policy);
	for (uint32_t i = 0; i < points; i++) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		const char *space = memrchr(line.p, ' ', line.n);
		int64_t time_ns;
		assert_non_null(space);
		assert_true(pl_str_i64((struct pl_str){space + 1, (size_t)(line.p + line.n - space - 1)}, &time_ns));
		assert_true(time_ns > h->last_time); /* two of one time could be one point */
		h->last_time = time_ns;
		pl_buf_add(&h->points, line.p, (size_t)(space - line.p));
		pl_buf_add_char(&h->points, '\n');
	}
	assert_int_equal(rest.n, 0);
	h->n_points += points;
	h->n_commits++;
	pl_buf_clear(lines);
}

static inline bool harness_wanted(const struct pl_live_tap *tap)
{
	return pl_container_of(tap, struct harness, tap)->live_wanted;
}

static inline void harness_publish(struct pl_live_tap *tap, const struct pl_live_value *v, size_t n)
{
	struct harness *h = pl_container_of(tap, struct harness, tap);
	for (; n > 0; n--, v++) {
		for (size_t i = 0; i < v->n_tags; i++) {
			pl_buf_add_char(&h->live, '|');
			pl_buf_add_str(&h->live, v->tags[i]);
		}
		pl_buf_add_char(&h->live, '=');
		pl_buf_add_str(&h->live, v->data);
		pl_buf_add_char(&h->live, '\n');
	}
}

static inline struct pl_config *harness_config(const char *relay)
{
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	struct pl_config *config = NULL;
	pl_buf_addf(&text, "server: {relay: {%s}}\n", relay);
	if (pl_config_parse("test.yml", pl_buf_str(&text), &pl_registry_plugins, &problems, &config) != PL_OK)
		fail_msg("%s: %s", problems.first->path, problems.first->text);
	pl_problems_finish(&problems);
	pl_buf_finish(&text);
	return config;
}

/* The configuration's relay section, without braces; its address is 127.0.0.1:0. */
static inline void harness_adopt(struct harness *h, const char *relay)
{
	struct pl_buf text = {0};
	char reason[256] = "";
	void *prepared = NULL;
	pl_buf_addf(&text, "listen: '127.0.0.1:0'%s%s", relay[0] != '\0' ? ", " : "", relay);
	struct pl_config *fresh = harness_config(pl_buf_cstr(&text));
	if (h->ops->prepare(fresh, h->config, &prepared, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
	const struct pl_in_relay_prepared *p = prepared;
	if (p->fd >= 0)
		memcpy(h->address, p->address, sizeof h->address);
	h->ops->adopt(h->self, prepared);
	if (h->config != NULL)
		pl_config_release(h->config);
	h->config = fresh;
	pl_buf_finish(&text);
}

static inline void harness_open(struct harness *h, const char *relay)
{
	*h = (struct harness){.sink = {.commit = harness_commit}, .tap = {harness_wanted, harness_publish}};
	assert_int_equal(pl_loop_init(&h->loop, "test"), PL_OK);
	h->env = (struct pl_listener_env){.loop = &h->loop, .sink = &h->sink, .live = &h->tap, .counters = h->counters};
	h->ops = pl_plugin_find(PL_PLUGIN_LISTENER, "relay")->ops.listener;
	h->ops->open(&h->env, &h->self);
	harness_adopt(h, relay);
}

static inline void harness_closed(void *data)
{
	((struct harness *)data)->closed = true;
}

static inline void harness_turn(struct harness *h)
{
	uv_run(&h->loop.uv, UV_RUN_NOWAIT);
	usleep(100);
}

static inline void harness_close(struct harness *h)
{
	h->ops->close(h->self, harness_closed, h);
	while (!h->closed)
		harness_turn(h);
	pl_config_release(h->config);
	pl_loop_stop(&h->loop);
	pl_loop_run(&h->loop);
	pl_loop_finish(&h->loop);
	pl_buf_finish(&h->points);
	pl_buf_finish(&h->live);
}

/* ---- a relay ---- */

static inline int peer_connect(struct harness *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)atoi(strrchr(h->address, ':') + 1));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* else each sync waits for a delayed acknowledgement */
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static inline void peer_say(int fd, struct pl_str text)
{
	assert_int_equal(send(fd, text.p, text.n, MSG_NOSIGNAL), (ssize_t)text.n);
}

/* Reads until what came ends with `end` or the connection has ended. True: it has. */
static inline bool peer_hear(struct harness *h, int fd, const char *end, struct pl_buf *out)
{
	for (;;) {
		ssize_t n = recv(fd, pl_buf_reserve(out, 4096), 4096, MSG_DONTWAIT);
		if (n > 0)
			out->n += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			return true;
		else
			harness_turn(h);
		if (end != NULL && pl_str_ends(pl_buf_str(out), pl_str_of(end)))
			return false;
	}
}

/* A relay that has been greeted. */
static inline int peer_join(struct harness *h, const char *id)
{
	struct pl_buf heard = {0}, say = {0};
	int fd = peer_connect(h);
	pl_buf_addf(&say, "id %s\n", id);
	peer_say(fd, pl_buf_str(&say));
	assert_false(peer_hear(h, fd, "\n", &heard));
	while (memmem(heard.p, heard.n, "beat ", 5) == NULL || heard.p[heard.n - 1] != '\n')
		assert_false(peer_hear(h, fd, "\n", &heard));
	pl_buf_finish(&heard);
	pl_buf_finish(&say);
	return fd;
}

/* Everything said before was read. What else came is appended to `out`. */
static inline void peer_sync(struct harness *h, int fd, struct pl_buf *out)
{
	peer_say(fd, PL_STR("ping\n"));
	assert_false(peer_hear(h, fd, "pong\n", out));
	out->n -= 5;
}

#endif
