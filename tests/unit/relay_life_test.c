/* A relay on its own thread, and in a loop of the test's, against a server that does as the test says. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_script_server.h"
#include "relay/pulseline_relay.h"

enum how { WELL, NO_WORD, WRONG_WORD, CLOSE_AT_ONCE, RESET_AFTER_OK };

struct scene {
	struct script_server server;
	enum how first; /* of the first connection; the others go well */
	atomic_int farewells, got, connected, failed, lost;
	pthread_mutex_t lock;
	char said[4096]; /* by the relay, over all connections */
};

static void remember(struct scene *s, const char *p, size_t n)
{
	pthread_mutex_lock(&s->lock);
	size_t have = strlen(s->said), room = sizeof s->said - 1 - have;
	memcpy(s->said + have, p, n < room ? n : room);
	s->said[have + (n < room ? n : room)] = '\0';
	s->farewells = strstr(s->said, "remove one\nclose\n") != NULL;
	s->got = strstr(s->said, "got one-one:1.5000\n") != NULL;
	pthread_mutex_unlock(&s->lock);
}

static void handle(struct script_connection *c)
{
	struct scene *s = c->server->data;
	char chunk[512];
	enum how how = c->server->accepted == 1 ? s->first : WELL;
	ssize_t n;
	if (how == CLOSE_AT_ONCE)
		return;
	for (bool greeted = false; (n = recv(c->fd, chunk, sizeof chunk, 0)) > 0;) {
		remember(s, chunk, (size_t)n);
		if (greeted || how == NO_WORD)
			continue;
		greeted = true;
		script_say(c, how == WRONG_WORD ? "what?\n" : "ok\n");
		if (how == RESET_AFTER_OK) {
			struct linger at_once = {.l_onoff = 1};
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
			return;
		}
		script_say(c, "beat 30\nget one\n");
	}
}

static double one(void *data)
{
	(void)data;
	return 1.5;
}

static void on_event(enum pl_relay_event event, const char *text, void *data)
{
	struct scene *s = data;
	assert_true(text[0] != '\0');
	if (event == PL_RELAY_CONNECTED)
		s->connected++;
	else if (event == PL_RELAY_FAILED)
		s->failed++;
	else
		s->lost++;
}

static struct pl_relay *open_relay(struct scene *s, bool own_loop, const char *host)
{
	char address[64], error[PL_RELAY_MAX_ERROR];
	struct pl_relay_options o = PL_RELAY_OPTIONS;
	snprintf(address, sizeof address, "%s:%u", host, s->server.port);
	o.address = address;
	o.id = "life";
	o.own_loop = own_loop;
	o.connect_ms = 300;
	o.retry_ms = 50;
	o.on_event = on_event;
	o.data = s;
	struct pl_relay *r = pl_relay_open(&o, error, sizeof error);
	assert_non_null(r);
	assert_true(pl_relay_add_point(r, "one", NULL, one, NULL, error, sizeof error));
	return r;
}

static void begin(struct scene *s, enum how first)
{
	memset(s, 0, sizeof *s);
	s->first = first;
	pthread_mutex_init(&s->lock, NULL);
	script_start(&s->server, handle, s);
}

static void end(struct scene *s, struct pl_relay *r)
{
	pl_relay_close(r);
	for (int i = 0; i < 3000 && !s->farewells; i++)
		usleep(10000);
	script_stop(&s->server);
	pthread_mutex_destroy(&s->lock);
	assert_true(s->farewells);
}

static void wait_got(struct scene *s)
{
	for (int i = 0; i < 3000 && !s->got; i++)
		usleep(10000);
	if (!s->got)
		fail_msg("never got a value; heard \"%s\"", s->said);
}

/* Whatever goes wrong first, it comes through in the end, and no signal ends the program: SIGPIPE has its default action. */
static void test_faults(void **state)
{
	static const struct {
		enum how how;
		int failed, lost;
		const char *reason;
	} rows[] = {
	    {WELL, 0, 0, ""},
	    {NO_WORD, 1, 0, "did not answer the handshake within 0.3 s"},
	    {WRONG_WORD, 1, 0, "answered \"what?\" instead of ok"},
	    {CLOSE_AT_ONCE, 1, 0, "before it took the id"},
	    {RESET_AFTER_OK, -1, -1, ""}, /* seen before or after the ok */
	};
	(void)state;
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct scene s;
		begin(&s, rows[i].how);
		struct pl_relay *r = open_relay(&s, false, "127.0.0.1");
		wait_got(&s);
		struct pl_relay_info info = {.size = sizeof info};
		pl_relay_info(r, &info);
		assert_true(info.connected);
		assert_int_equal(info.beat_s, 30);
		if (rows[i].failed >= 0) {
			assert_int_equal(s.failed, rows[i].failed);
			assert_int_equal(s.lost, rows[i].lost);
			assert_int_equal(s.connected, 1);
		} else {
			assert_int_equal(s.failed + s.lost, 1);
		}
		if (strstr(info.last_error, rows[i].reason) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", info.last_error, rows[i].reason);
		end(&s, r);
	}
}

/* Nobody there at first; the name is looked up on a thread of its own. */
static void test_server_comes_later(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, WELL);
	unsigned port = s.server.port;
	script_stop(&s.server);
	struct pl_relay *r = open_relay(&s, false, "localhost");
	for (int i = 0; i < 3000 && s.failed < 2; i++)
		usleep(10000);
	assert_true(s.failed >= 2);
	struct script_server *again = &s.server;
	memset(again, 0, sizeof *again);
	again->handle = handle;
	again->data = &s;
	again->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int on = 1;
	setsockopt(again->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(again->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(again->fd, 8), 0);
	pthread_create(&again->thread, NULL, script_server_main, again);
	wait_got(&s);
	end(&s, r);
}

static void test_own_loop(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, CLOSE_AT_ONCE);
	struct pl_relay *r = open_relay(&s, true, "localhost");
	for (int i = 0; i < 10000 && !s.got; i++) {
		struct pollfd p = {.fd = pl_relay_fd(r), .events = POLLIN};
		int ms = pl_relay_wait_ms(r);
		assert_true(poll(&p, 1, ms < 100 ? ms : 100) >= 0);
		pl_relay_step(r);
	}
	assert_true(s.got);
	end(&s, r);
}

/* ---- removing while it is collected ---- */

struct slow {
	atomic_int running, calls;
};

static void slow(struct pl_relay_set *set, void *data)
{
	struct slow *w = data;
	w->running = 1;
	w->calls++;
	usleep(100000);
	pl_relay_set_put(set, "slow_value", 1);
	w->running = 0;
}

static void ask_slow(struct script_connection *c)
{
	char chunk[512];
	script_say(c, "ok\n");
	while (recv(c->fd, chunk, sizeof chunk, 0) > 0)
		script_say(c, "get slow\n");
}

static void test_remove_waits(void **state)
{
	struct scene s;
	struct slow w = {0};
	(void)state;
	memset(&s, 0, sizeof s);
	script_start(&s.server, ask_slow, &s);
	struct pl_relay *r = open_relay(&s, false, "127.0.0.1");
	assert_true(pl_relay_add_set(r, "slow", NULL, slow, &w, NULL, 0));
	for (int i = 0; i < 3000 && !w.running; i++)
		usleep(1000);
	assert_true(pl_relay_remove(r, "slow"));
	assert_int_equal(w.running, 0);
	int calls = w.calls;
	assert_true(calls > 0);
	usleep(50000);
	assert_int_equal(w.calls, calls);
	pl_relay_close(r);
	script_stop(&s.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_server_comes_later),
	    cmocka_unit_test(test_own_loop),
	    cmocka_unit_test(test_remove_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
