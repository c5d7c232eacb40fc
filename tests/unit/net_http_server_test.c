#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http_ask.h"
#include "net/http_server.h"

/* The server runs in a thread of its own; the tests are its clients, over real sockets. */
struct fixture {
	struct pl_loop loop;
	struct pl_http_server *server;
	struct pl_http_server_options options;
	struct pl_http_exchange *late, *stream;
	unsigned drains;
	_Atomic unsigned gone, closed, asked_late, counted;
	struct pl_http_server_stats stats;
	char address[80], reason[256];
	enum pl_err err;
	size_t big;
};

static void echo(struct pl_http_exchange *x)
{
	struct pl_buf b = {0};
	pl_buf_add_str(&b, pl_http_method(x));
	pl_buf_add_cstr(&b, " [");
	pl_buf_add_str(&b, pl_http_path(x));
	pl_buf_add_cstr(&b, "] [");
	pl_buf_add_str(&b, pl_http_query(x));
	pl_buf_add_cstr(&b, "] [");
	pl_buf_add_str(&b, pl_http_body(x));
	pl_buf_add_cstr(&b, "] [");
	pl_buf_add_str(&b, pl_http_header(x, "x-test"));
	pl_buf_add_cstr(&b, pl_http_header(x, "x-test").p == NULL ? "none]" : "]");
	pl_http_set_header(x, "X-Evil", "a\r\nInjected: yes");
	pl_http_reply(x, 200, "text/plain", &b);
}

static void on_drain(struct pl_http_exchange *x, void *data)
{
	struct fixture *f = data;
	if (f->drains++ < 3)
		pl_http_stream_write(x, PL_STR("more;"));
	else
		pl_http_stream_end(x);
}

static void on_drain_for_ever(struct pl_http_exchange *x, void *data)
{
	(void)x;
	(void)data;
}

static void on_gone(struct pl_http_exchange *x, void *data)
{
	struct fixture *f = data;
	(void)x;
	f->gone++;
}

static const struct pl_http_stream_events finite = {on_drain, on_gone}, endless = {on_drain_for_ever, on_gone};

static void handler(struct pl_http_exchange *x, void *data)
{
	struct fixture *f = data;
	struct pl_str path = pl_http_path(x);
	if (pl_str_is(path, "/late")) {
		f->late = x;
		f->asked_late++;
	} else if (pl_str_is(path, "/stream")) {
		f->drains = 0;
		pl_http_stream_begin(x, 200, "text/plain", &finite, f);
		pl_http_stream_write(x, PL_STR("first;"));
	} else if (pl_str_is(path, "/sse")) {
		pl_http_stream_begin(x, 200, "text/event-stream", &endless, f);
		pl_http_stream_write(x, PL_STR("data: 1\n\n"));
	} else if (pl_str_is(path, "/big")) {
		struct pl_buf b = {0};
		memset(pl_buf_reserve(&b, f->big), 'x', f->big);
		b.n = f->big;
		pl_http_reply(x, 200, "text/plain", &b);
	} else if (pl_str_is(path, "/nothing")) {
		pl_http_reply(x, 204, NULL, NULL);
	} else {
		echo(x);
	}
}

static void open_there(void *data)
{
	struct fixture *f = data;
	f->options.handler = handler;
	f->options.data = f;
	f->err = pl_http_server_open(&f->server, &f->loop, &f->options, f->reason, sizeof f->reason);
	if (f->err == PL_OK)
		snprintf(f->address, sizeof f->address, "%s", pl_http_server_address(f->server));
	f->closed++; /* here: done */
}

static void server_closed(void *data)
{
	struct fixture *f = data;
	f->closed++;
}

static void close_there(void *data)
{
	struct fixture *f = data;
	pl_http_server_close(f->server, 5000, server_closed, f);
}

static void wait_for(_Atomic unsigned *n, unsigned want)
{
	while (*n < want)
		usleep(1000);
}

static void start(struct fixture *f, const char *listen)
{
	f->options.listen = listen;
	assert_int_equal(pl_loop_init(&f->loop, "http"), PL_OK);
	assert_int_equal(pl_loop_spawn(&f->loop), PL_OK);
	assert_true(pl_loop_call(&f->loop, open_there, f));
	wait_for(&f->closed, 1);
	f->closed = 0;
}

static void stop(struct fixture *f)
{
	if (f->err == PL_OK) {
		assert_true(pl_loop_call(&f->loop, close_there, f));
		wait_for(&f->closed, 1);
	}
	pl_loop_stop(&f->loop);
	pl_loop_join(&f->loop);
	pl_loop_finish(&f->loop);
}

static void count_there(void *data)
{
	struct fixture *f = data;
	f->stats = pl_http_server_stats(f->server);
	f->counted++;
}

static struct pl_http_server_stats stats(struct fixture *f)
{
	unsigned before = f->counted;
	assert_true(pl_loop_call(&f->loop, count_there, f));
	wait_for(&f->counted, before + 1);
	return f->stats;
}

#define H     " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
#define HEAD  H "\r\n"
#define CHUNK "Transfer-Encoding: chunked\r\n"

static void requests_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *request, *status, *body; /* body: how the answer ends */
	} rows[] = {
	    {"GET /" HEAD, "200 OK", "GET [/] [] [] [none]"},
	    {"GET /a/b?x=1&y=%3D" HEAD, "200 OK", "GET [/a/b] [x=1&y=%3D] [] [none]"},
	    {"GET /a+b%20c%2fd?q=a+b;c" HEAD, "200 OK", "GET [/a+b c/d] [q=a+b;c] [] [none]"},
	    {"GET http://other/p?q#frag" HEAD, "200 OK", "GET [/p] [q] [] [none]"},
	    {"GET http://other" HEAD, "200 OK", "GET [/] [] [] [none]"},
	    {"OPTIONS *" HEAD, "200 OK", "OPTIONS [/] [] [] [none]"},
	    {"DELETE /x" HEAD, "200 OK", "DELETE [/x] [] [] [none]"},
	    {"PURGE /x" HEAD, "200 OK", "PURGE [/x] [] [] [none]"},
	    {"HEAD /x" HEAD, "200 OK", "Content-Length: 22\r\nConnection: close\r\n\r\n"},
	    {"GET /nothing" HEAD, "204 No Content", "Connection: close\r\n\r\n"},
	    {"GET /x" H "X-TEST:  padded \r\n\r\n", "200 OK", "[padded]"},
	    {"GET /x" H "X-Test:\r\n\r\n", "200 OK", "[] []"},
	    {"POST /x" H "Content-Length: 5\r\n\r\nhello", "200 OK", "POST [/x] [] [hello] [none]"},
	    {"PUT /x" H CHUNK "\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", "200 OK", "PUT [/x] [] [abcde] [none]"},
	    {"POST /x" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "100 Continue", "POST [/x] [] [hi] [none]"},
	    {"GET /x" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "200 OK", "GET [/x] [] [] [none]"},
	    {"\r\n\r\nGET /x" HEAD, "200 OK", "GET [/x] [] [] [none]"},
	    {"GET /x HTTP/1.0\r\n\r\n", "200 OK", "GET [/x] [] [] [none]"},
	    {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3" HEAD, "200 OK",
	     "GET [/3] [] [] [none]"},
	    {"GET /stream" HEAD, "200 OK", "0\r\n\r\n"},
	    {"GET /stream HTTP/1.0\r\n\r\n", "200 OK", "\r\n\r\nfirst;more;more;more;"},
	    {"HEAD /stream" HEAD, "200 OK", "chunked\r\nConnection: close\r\n\r\n"},
	};
	struct fixture f = {0};
	start(&f, "127.0.0.1:0");
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char *answer = http_ask(f.address, rows[i].request);
		if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, rows[i].status, strlen(rows[i].status)) != 0 ||
		    !pl_str_ends(pl_str_of(answer), pl_str_of(rows[i].body)))
			fail_msg("row %zu: %s gave %s", i, rows[i].request, answer);
		assert_null(strstr(answer, "\nInjected"));
		free(answer);
	}
	stop(&f);
}

static void hostile_requests_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *before, *fill; /* `fill` is sent `times` times between the two */
		size_t times;
		const char *after, *status;
	} rows[] = {
	    {"hello world\r\n\r\n", "", 0, "", "400"},
	    {"\x16\x03\x01\x02\x01", "", 0, "", "400"},
	    {"GET\r\n\r\n", "", 0, "", "400"},
	    {"GET x" HEAD, "", 0, "", "400"},
	    {"GET /%zz" HEAD, "", 0, "", "400"},
	    {"GET /%4" HEAD, "", 0, "", "400"},
	    {"GET /a%00b" HEAD, "", 0, "", "400"},
	    {"GET /x HTTP/1.1\r\n\r\n", "", 0, "", "400"}, /* no Host */
	    {"GET /x HTTP/2.0\r\nHost: a\r\n\r\n", "", 0, "", "505"},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 0, "", "400"},
	    {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "", 0, "", "405"},
	    {"GET /", "a", 9000, HEAD, "414"},
	    {"GET /", "a", 10 << 20, HEAD, "414"},
	    {"GET /x" H "A: ", "aaaaaaaa", 3000, "\r\n\r\n", "431"},
	    {"GET /x" H "A: ", "aaaaaaaa", (10 << 20) / 8, "\r\n\r\n", "431"},
	    {"GET /x" H, "N: v\r\n", 101, "\r\n", "431"},
	    {"GET /x" H, "n", 17000, ": v\r\n\r\n", "431"},
	    {"GET /x" H "A: ", " ", 100000, "\r\n\r\n", "431"},
	    {"GET /x" H "A b: v\r\n\r\n", "", 0, "", "400"},
	    {"GET /x" H "A: v\r\n folded\r\n\x01: v\r\n\r\n", "", 0, "", "400"},
	    {"POST /x" H "Content-Length : 5\r\n\r\nhello", "", 0, "", "400"},
	    {"POST /x" H "Content-Length: -5\r\n\r\nhello", "", 0, "", "400"},
	    {"POST /x" H "Content-Length: 99999999999999999999\r\n\r\n", "", 0, "", "400"},
	    {"POST /x" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhelloG", "", 0, "", "400"},
	    {"POST /x" H "Content-Length: 6\r\n" CHUNK "\r\n0\r\n\r\nG", "", 0, "", "400"},
	    {"POST /x" H "Transfer-Encoding: gzip\r\n\r\n", "", 0, "", "400"},
	    {"POST /x" H CHUNK "\r\nzz\r\n", "", 0, "", "400"},
	    {"POST /x" H "Content-Length: 1001\r\n\r\n", "x", 1001, "", "413"},
	    {"POST /x" H CHUNK "\r\n", "1\r\nx\r\n", 1001, "0\r\n\r\n", "413"},
	    {"POST /x" H "Content-Length: 1000\r\n\r\n", "x", 1000, "", "200"},
	};
	struct fixture f = {.options.max_body_bytes = 1000};
	start(&f, "127.0.0.1:0");
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf b = {0};
		pl_buf_add_cstr(&b, rows[i].before);
		for (size_t k = 0; k < rows[i].times; k++)
			pl_buf_add_cstr(&b, rows[i].fill);
		pl_buf_add_cstr(&b, rows[i].after);
		int fd = http_dial(f.address);
		http_put(fd, b.p, b.n);
		char *answer = http_get(fd, NULL);
		if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, rows[i].status, 3) != 0)
			fail_msg("row %zu: %.60s: %.200s", i, rows[i].before, answer);
		assert_non_null(strstr(answer, "Connection: close\r\n"));
		close(fd);
		free(answer);
		pl_buf_finish(&b);
	}
	stop(&f);
}

static void a_connection_serves_many_requests_in_pieces(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, "127.0.0.1:0");
	int fd = http_dial(f.address);
	static const char request[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	for (int i = 0; i < 1000; i++) {
		size_t cut = (size_t)i % (sizeof request - 1);
		http_put(fd, request, cut);
		http_put(fd, request + cut, sizeof request - 1 - cut);
		char *answer = http_get(fd, "[abc] [none]");
		assert_non_null(strstr(answer, "Content-Length: 25\r\n"));
		assert_null(strstr(answer, "Connection:"));
		free(answer);
	}
	close(fd);
	assert_int_equal(stats(&f).requests, 1000);
	assert_int_equal(stats(&f).connections, 1);
	stop(&f);
}

static void half_a_request_ends_with_the_time_out(void **state)
{
	(void)state;
	struct fixture f = {.options.idle_timeout_s = 1};
	start(&f, "127.0.0.1:0");
	char *answer = http_ask(f.address, "GET /x HTT"); /* reads until the server closes */
	assert_non_null(strstr(answer, "HTTP/1.1 408"));
	free(answer);
	answer = http_ask(f.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"); /* then says nothing more */
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	answer = http_ask(f.address, "");
	assert_string_equal(answer, "");
	free(answer);
	stop(&f);
}

static void who_shuts_down_after_asking_is_answered(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, "127.0.0.1:0");
	int fd = http_dial(f.address);
	static const char request[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HT";
	http_put(fd, request, sizeof request - 1);
	shutdown(fd, SHUT_WR);
	char *answer = http_get(fd, NULL);
	assert_non_null(strstr(answer, "GET [/1]"));
	assert_non_null(strstr(answer, "GET [/2]"));
	free(answer);
	close(fd);
	stop(&f);
}

static void answer_late(void *data)
{
	struct fixture *f = data;
	pl_http_reply_text(f->late, 200, "at last\n");
	f->late = NULL;
}

static void stream_late(void *data)
{
	struct fixture *f = data;
	pl_http_stream_begin(f->late, 200, "text/plain", &endless, f);
	assert_int_equal(pl_http_stream_write(f->late, PL_STR("nobody reads this")), 0);
	f->late = NULL;
}

static void an_exchange_outlives_its_peer(void **state)
{
	(void)state;
	struct fixture f = {0};
	static const char request[] = "GET /late HTTP/1.1\r\nHost: a\r\n\r\n";
	start(&f, "127.0.0.1:0");
	int fd = http_dial(f.address);
	http_put(fd, request, sizeof request - 1);
	wait_for(&f.asked_late, 1);
	pl_loop_call(&f.loop, answer_late, &f);
	char *answer = http_get(fd, "at last\n");
	assert_non_null(strstr(answer, "at last\n"));
	free(answer);
	/* Now the peer leaves with a reset before the answer is there. */
	const struct linger reset = {1, 0};
	http_put(fd, request, sizeof request - 1);
	wait_for(&f.asked_late, 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	while (stats(&f).open > 0)
		usleep(1000);
	pl_loop_call(&f.loop, answer_late, &f);
	/* And the same with a stream: it hears that nobody is there. */
	fd = http_dial(f.address);
	http_put(fd, request, sizeof request - 1);
	wait_for(&f.asked_late, 3);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	while (stats(&f).open > 0)
		usleep(1000);
	pl_loop_call(&f.loop, stream_late, &f);
	wait_for(&f.gone, 1);
	stop(&f);
}

static void a_stream_hears_when_its_peer_leaves(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, "127.0.0.1:0");
	int fd = http_dial(f.address), other = http_dial(f.address);
	static const char request[] = "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n";
	http_put(fd, request, sizeof request - 1);
	free(http_get(fd, "data: 1\n\n"));
	http_put(other, request, sizeof request - 1);
	free(http_get(other, "data: 1\n\n"));
	close(fd);
	wait_for(&f.gone, 1);
	stop(&f); /* ends the other one */
	assert_int_equal(f.gone, 2);
	close(other);
}

static void replies_under_way_go_out_before_the_end(void **state)
{
	(void)state;
	struct fixture f = {.big = 32 << 20};
	start(&f, "127.0.0.1:0");
	int fd = http_dial(f.address), idle = http_dial(f.address);
	static const char request[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
	http_put(fd, request, sizeof request - 1);
	struct pollfd p = {fd, POLLIN, 0};
	assert_int_equal(poll(&p, 1, 10000), 1);
	pl_loop_call(&f.loop, close_there, &f);
	char *answer = http_get(fd, NULL);
	const char *body = strstr(answer, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), 32 << 20);
	free(answer);
	answer = http_get(idle, NULL);
	assert_string_equal(answer, "");
	free(answer);
	close(fd);
	close(idle);
	wait_for(&f.closed, 1);
	pl_loop_stop(&f.loop);
	pl_loop_join(&f.loop);
	pl_loop_finish(&f.loop);
}

static void too_many_connections_are_refused(void **state)
{
	(void)state;
	struct fixture f = {.options.max_connections = 2};
	start(&f, "127.0.0.1:0");
	int a = http_dial(f.address), b = http_dial(f.address);
	static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
	http_put(a, request, sizeof request - 1);
	http_put(b, request, sizeof request - 1);
	free(http_get(a, "[none]"));
	free(http_get(b, "[none]"));
	char *answer = http_ask(f.address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(answer, "");
	free(answer);
	assert_int_equal(stats(&f).refused, 1);
	close(a);
	close(b);
	stop(&f);
}

static void a_taken_address_is_named(void **state)
{
	(void)state;
	struct fixture first = {0}, second = {0}, third = {0};
	start(&first, "127.0.0.1:0");
	assert_int_equal(first.err, PL_OK);
	start(&second, first.address);
	assert_int_equal(second.err, PL_EINUSE);
	assert_non_null(strstr(second.reason, first.address));
	assert_non_null(strstr(second.reason, "another program uses this address"));
	start(&third, "nonsense");
	assert_int_equal(third.err, PL_EINVAL);
	assert_non_null(strstr(third.reason, "'nonsense' is no address"));
	stop(&third);
	stop(&second);
	stop(&first);
}

static void every_form_of_address_is_listened_on(void **state)
{
	(void)state;
	static const struct {
		const char *listen, *address;
	} rows[] = {{"127.0.0.1:0", "127.0.0.1:"}, {"[::1]:0", "[::1]:"}, {":0", ""}, {"localhost:0", "127.0.0.1:"}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct fixture f = {0};
		start(&f, rows[i].listen);
		if (f.err != PL_OK && rows[i].listen[0] == '[') { /* a machine without IPv6 */
			stop(&f);
			continue;
		}
		assert_int_equal(f.err, PL_OK);
		assert_true(pl_str_starts(pl_str_of(f.address), pl_str_of(rows[i].address)));
		assert_true(atoi(strrchr(f.address, ':') + 1) > 0);
		stop(&f);
	}
}

static void query_strings_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *query, *pairs; /* "key=value|" each */
	} rows[] = {
	    {"", ""},
	    {"&&", ""},
	    {"a=1", "a=1|"},
	    {"a", "a=|"},
	    {"a=", "a=|"},
	    {"=v", "=v|"},
	    {"=", "=|"},
	    {"a=1&a=2&b", "a=1|a=2|b=|"},
	    {"a=b=c", "a=b=c|"},
	    {"a+b=c+d", "a b=c d|"},
	    {"%61%3D=%26%3b", "a==&;|"},
	    {"a=%", "a=%|"},
	    {"a=%4", "a=%4|"},
	    {"a=%zz%41", "a=%zzA|"},
	    {"a=%C3%A4", "a=\xC3\xA4|"},
	    {"a=1;b=2", "a=1;b=2|"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf scratch = {0}, got = {0};
		struct pl_str rest = pl_str_of(rows[i].query), key, value;
		while (pl_http_query_next(&rest, &scratch, &key, &value)) {
			pl_buf_add_str(&got, key);
			pl_buf_add_char(&got, '=');
			pl_buf_add_str(&got, value);
			pl_buf_add_char(&got, '|');
		}
		assert_string_equal(pl_buf_cstr(&got), rows[i].pairs);
		pl_buf_finish(&scratch);
		pl_buf_finish(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_are_understood),
	    cmocka_unit_test(hostile_requests_are_refused),
	    cmocka_unit_test(a_connection_serves_many_requests_in_pieces),
	    cmocka_unit_test(half_a_request_ends_with_the_time_out),
	    cmocka_unit_test(who_shuts_down_after_asking_is_answered),
	    cmocka_unit_test(an_exchange_outlives_its_peer),
	    cmocka_unit_test(a_stream_hears_when_its_peer_leaves),
	    cmocka_unit_test(replies_under_way_go_out_before_the_end),
	    cmocka_unit_test(too_many_connections_are_refused),
	    cmocka_unit_test(a_taken_address_is_named),
	    cmocka_unit_test(every_form_of_address_is_listened_on),
	    cmocka_unit_test(query_strings_are_decoded),
	};
	return cmocka_run_group_tests_name("net_http_server", tests, NULL, NULL);
}
