#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>

#include <cmocka.h>

#include "net/transfer_reason.h"
#include "net_fetch.h"
#include "net_script_server.h"

static void reset_connection(struct script_connection *c)
{
	const struct linger now = {1, 0};
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	/* A plain close() would free the number for another thread while the server still holds it. */
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(other, c->fd);
	close(other);
}

/* A gzip stream of zeros that grows 158-fold: one literal, then only copies of 258 bytes from a distance of 1, by the fixed code
 * of RFC 1951, 3.2.6. */
static void make_bomb(struct pl_buf *out, size_t bytes)
{
	pl_buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
	uint64_t bits = 0;
	unsigned n = 0;
	/* Last block, fixed code; the literal 0 is 00110000, length 258 is 11000101, distance 1 is 00000: highest bit first. */
	const char *head = "110"
			   "00110000",
		   *copy = "11000101"
			   "00000";
	for (const char *p = head; out->n < bytes; p = *p == '\0' ? copy : p) {
		if (*p == '\0')
			continue;
		bits |= (uint64_t)(*p++ - '0') << n;
		if (++n == 8) {
			pl_buf_add_char(out, (char)bits);
			bits = n = 0;
		}
	}
}

static void send_drops(struct script_connection *c, const char *text)
{
	while (script_say(c, text) && script_pause(c, 20))
		;
}

static void misbehave(struct script_connection *c)
{
	static char block[65536];
	if (!script_read(c))
		return;
	const char *path = c->path;
	if (strcmp(path, "/short") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
	} else if (strcmp(path, "/short-chunk") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n0123456789");
	} else if (strcmp(path, "/reset") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
		script_pause(c, 50); /* else the reset may overtake the bytes */
		reset_connection(c);
	} else if (strcmp(path, "/drip") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		send_drops(c, "x");
	} else if (strcmp(path, "/drip-chunks") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		send_drops(c, "1\r\nx\r\n");
	} else if (strcmp(path, "/slow-header") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nX: ");
		send_drops(c, "y");
	} else if (strcmp(path, "/silent") == 0) {
		while (script_pause(c, 20))
			;
	} else if (strcmp(path, "/endless") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\n\r\n");
		while (script_send(c, block, sizeof block) && !c->server->stopping)
			;
	} else if (strcmp(path, "/huge") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
		while (script_send(c, block, sizeof block) && !c->server->stopping)
			;
	} else if (strcmp(path, "/bomb") == 0) {
		struct pl_buf bomb = {0};
		make_bomb(&bomb, 1 << 16);
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
		script_send(c, bomb.p, bomb.n);
		pl_buf_finish(&bomb);
	} else if (strcmp(path, "/damaged") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n");
		script_send(c, "\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20);
	} else if (strcmp(path, "/headers") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\n");
		for (unsigned i = 0; i < 10000; i++) {
			char line[64];
			snprintf(line, sizeof line, "X-%u: %u\r\n", i, i);
			if (!script_say(c, line))
				return;
		}
		script_say(c, "Content-Length: 0\r\n\r\n");
	} else if (strcmp(path, "/long-header") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nX: ");
		while (script_send(c, memset(block, 'x', 16384), 16384) && !c->server->stopping)
			;
	} else if (strcmp(path, "/loop") == 0) {
		script_say(c, "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	} else if (strcmp(path, "/to-file") == 0) {
		script_say(
		    c, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	} else if (strcmp(path, "/to-ftp") == 0) {
		script_say(c,
			   "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	} else if (strcmp(path, "/to-nonsense") == 0) {
		script_say(c, "HTTP/1.1 302 Found\r\nLocation: http://[::zz]/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	} else if (strcmp(path, "/garbage") == 0) {
		script_say(c, "SSH-2.0-OpenSSH_9.2\r\n\x1b[31mred\x1b[0m\xff\r\n");
	} else if (strcmp(path, "/bad-chunk") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\x1b[31mred\xff\r\n");
	} else if (strcmp(path, "/two-lengths") == 0) {
		script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\nx");
	}
	/* /nothing: closes without a word. */
}

struct world {
	struct script_server server;
	struct fetcher fetcher;
	char url[128];
};

static int setup(void **state)
{
	struct world *w = pl_calloc(1, sizeof *w);
	script_start(&w->server, misbehave, NULL);
	fetcher_init(&w->fetcher, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	fetcher_finish(&w->fetcher);
	script_stop(&w->server);
	free(w);
	return 0;
}

static const char *url_of(struct world *w, const char *path)
{
	snprintf(w->url, sizeof w->url, "http://user:hunter2@127.0.0.1:%u%s", w->server.port, path);
	return w->url;
}

static void expect_failure(const struct fetch *f, const char *what, enum pl_err err, const char *reason)
{
	if (f->result.err != err || strstr(f->result.reason, reason) == NULL)
		fail_msg("%s: %s: \"%s\" lacks \"%s\"", what, pl_err_text(f->result.err), f->result.reason, reason);
	assert_true(pl_str_utf8(pl_str_of(f->result.reason)));
	assert_null(strstr(f->result.reason, "hunter2"));
	for (const char *p = f->result.reason; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 127);
}

static void faults_are_told_in_words(void **state)
{
	enum { MB = 1 << 20 };
	static const struct pl_transfer_client plain, follows = {.follow_redirects = true}, gzip = {.accept_gzip = true};
	static const struct {
		const char *path;
		const struct pl_transfer_client *client;
		int64_t timeout_ms;
		enum pl_err err;
		const char *reason;
		unsigned long long least, most; /* bytes of body given on */
	} cases[] = {
	    {"/short", &plain, 0, PL_ENET, "the body ended after 10 of 100 bytes", 10, 10},
	    {"/short-chunk", &plain, 0, PL_ENET, "the body ended after 10 bytes, before its last chunk", 10, 10},
	    {"/reset", &plain, 0, PL_ENET, "the server reset the connection within the body (10 bytes of body so far)", 10, 10},
	    {"/drip", &plain, 1000, PL_ETIMEOUT, "the body did not end within 1s (connected after ", 1, 100},
	    {"/drip-chunks", &plain, 1000, PL_ETIMEOUT, "the body did not end within 1s", 1, 100},
	    {"/slow-header", &plain, 1000, PL_ETIMEOUT, "the header did not end within 1s", 0, 0},
	    {"/silent", &plain, 1000, PL_ETIMEOUT, "no answer within 1s (connected after ", 0, 0},
	    {"/endless", &plain, 0, PL_ELIMIT, "the body is larger than 1048576 bytes", 1, MB},
	    {"/huge", &plain, 0, PL_ELIMIT, "the body is larger than 1048576 bytes", 0, 0},
	    {"/bomb", &gzip, 0, PL_ELIMIT, "the body is larger than 1048576 bytes", 1, MB},
	    {"/bomb", &plain, 0, PL_ELIMIT, "the body is larger than 1048576 bytes", 1, MB},
	    {"/damaged", &gzip, 0, PL_ENET, "the compressed body is damaged", 0, 0},
	    {"/headers", &plain, 0, PL_ELIMIT, "the header is larger than 65536 bytes", 0, 0},
	    {"/long-header", &plain, 0, PL_ELIMIT, "the header", 0, 0},
	    {"/loop", &follows, 0, PL_ENET, "too many redirects", 0, 0},
	    {"/to-file", &follows, 0, PL_ENET, "redirected to what is no http or https URL", 0, 0},
	    {"/to-ftp", &follows, 0, PL_ENET, "redirected to what is no http or https URL", 0, 0},
	    {"/to-nonsense", &follows, 0, PL_ENET, "redirected to what is no http or https URL", 0, 0},
	    {"/garbage", &plain, 0, PL_ENET, "the answer is not HTTP", 0, 0},
	    {"/bad-chunk", &plain, 0, PL_ENET, "", 0, 0},
	    {"/two-lengths", &plain, 0, PL_ENET, "", 0, 0},
	    {"/nothing", &plain, 0, PL_ENET, "the server closed the connection without an answer", 0, 0},
	};
	struct world *w = *state;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fetch f = {0};
		const struct pl_transfer_request r = {.url = url_of(w, cases[i].path),
						      .client = cases[i].client,
						      .timeout_ns = cases[i].timeout_ms * PL_NS_PER_MS,
						      .max_body_bytes = MB};
		fetch(&w->fetcher, &f, &r);
		expect_failure(&f, cases[i].path, cases[i].err, cases[i].reason);
		assert_string_not_equal(f.result.reason, "");
		if (f.body.n < cases[i].least || f.body.n > cases[i].most)
			fail_msg("%s: %zu bytes of body", cases[i].path, f.body.n);
		assert_int_equal(f.heads, f.body.n > 0);
		pl_buf_finish(&f.body);
	}
	struct pl_transfer_pool_stats s = pl_transfer_pool_stats(w->fetcher.pool);
	assert_int_equal(s.failed, PL_COUNT_OF(cases));
	assert_int_equal(s.in_flight, 0);
}

static void nobody_listens(void **state)
{
	struct world *w = *state;
	unsigned port;
	int fd = script_listen(&port, 1);
	close(fd);
	char url[128], reason[128];
	struct fetch f = {0};
	snprintf(url, sizeof url, "http://user:hunter2@127.0.0.1:%u/", port);
	snprintf(reason, sizeof reason, "connection refused by 127.0.0.1:%u", port);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
	expect_failure(&f, "refused", PL_ENET, reason);
	assert_int_equal(f.result.status, 0);
	assert_int_equal(f.result.phases.connected, 0);
}

/* A listener whose queue is full: what comes further is never answered, as by a host that is away. */
static void a_black_hole_delays_nobody(void **state)
{
	enum { HOLES = 20, FILL = 16 };
	struct world *w = *state;
	unsigned port;
	int fd = script_listen(&port, 0), fill[FILL];
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	for (unsigned i = 0; i < FILL; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&a, sizeof a);
	}
	char hole[64], reason[128];
	snprintf(hole, sizeof hole, "http://127.0.0.1:%u/", port);
	snprintf(reason, sizeof reason, "no connection to 127.0.0.1:%u within 2s", port);
	struct fetch holes[HOLES] = {0}, quick = {0};
	const struct pl_transfer_request lost = {
	    .url = hole, .timeout_ns = 60 * PL_NS_PER_S, .connect_timeout_ns = 2 * PL_NS_PER_S};
	for (unsigned i = 0; i < HOLES; i++)
		fetch_begin(&w->fetcher, &holes[i], &lost);
	fetch_begin(&w->fetcher, &quick, &(struct pl_transfer_request){.url = url_of(w, "/short")});
	fetcher_run(&w->fetcher);
	assert_int_equal(quick.left_behind, HOLES); /* it came past all of them */
	expect_failure(&quick, "quick", PL_ENET, "the body ended after 10 of 100 bytes");
	for (unsigned i = 0; i < HOLES; i++)
		expect_failure(&holes[i], "black hole", PL_ETIMEOUT, reason);
	for (unsigned i = 0; i < FILL; i++)
		close(fill[i]);
	close(fd);
	pl_buf_finish(&quick.body);
}

static void bad_requests_are_refused_in_words(void **state)
{
	static const char *const split[] = {"X: a\r\nY: b", NULL}, *const no_colon[] = {"Nonsense", NULL};
	static const struct pl_transfer_client headers = {.headers = split}, token = {.bearer_token = "hunter2\n"},
					       proxy = {.proxy_url = "http://user:hunter2@:x/"},
					       name = {.server_name = "a b:hunter2"};
	static const struct {
		struct pl_transfer_request request;
		const char *reason;
	} cases[] = {
	    {{.url = ""}, "the URL is not valid"},
	    {{.url = "127.0.0.1/metrics"}, "the URL is not valid"},
	    {{.url = "http://user:hunter2@"}, "the URL"},
	    {{.url = "http://user:hunter2@host:99999/"}, "the URL is not valid"},
	    {{.url = "http://user:hunter2@ho st/"}, "the URL is not valid"},
	    {{.url = "http://host/\r\nX: hunter2"}, "the URL is not valid"},
	    {{.url = "file:///etc/passwd"}, "only http and https URLs can be fetched"},
	    {{.url = "gopher://user:hunter2@host/"}, "only http and https URLs can be fetched"},
	    {{.url = "http://host/", .client = &headers}, "a request header is not of the form"},
	    {{.url = "http://host/", .headers = no_colon}, "a request header is not of the form"},
	    {{.url = "http://host/", .client = &token}, "Authorization has a control character"},
	    {{.url = "http://host/", .accept = "x\ry"}, "Accept has a control character"},
	    {{.url = "http://host/", .method = "GET /x HTTP/1.1"}, "the request's method is not a word of capital letters"},
	    {{.url = "http://host/", .method = ""}, "the request's method is not a word of capital letters"},
	    {{.url = "http://host/", .client = &proxy}, "the proxy's URL is not valid"},
	    {{.url = "https://host/", .client = &name}, "the TLS server name is not a host name"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fetch f = {0};
		fetch(&w->fetcher, &f, &cases[i].request);
		expect_failure(&f, cases[i].request.url, PL_EINVAL, cases[i].reason);
	}
	const char *many[100] = {0};
	for (size_t i = 0; i < 99; i++)
		many[i] = "X: y";
	struct fetch f = {0};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = "http://host/", .headers = many});
	expect_failure(&f, "many headers", PL_EINVAL, "more than 64 request headers");
}

static void reasons_are_made_printable(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"plain", "plain"},
	    {"a\x1b[31mb\x7f", "a?[31mb?"},
	    {"two\r\nlines\tand", "two  lines and"},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	    {"\xc3(\xff\xe2\x82", "?(???"},
	    {"c1 \xc2\x9b", "c1 ??"},
	    {"\xf0\x9f\x98\x80 ok", "\xf0\x9f\x98\x80 ok"},
	    {"0123456789012345\xc3\xbc", "0123456789012345"}, /* would be cut in the middle of a character */
	    {"01234567890123456789", "01234567890123456"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char text[64];
		snprintf(text, sizeof text, "%s", cases[i].in);
		pl_transfer_reason_clean(text, 18);
		assert_string_equal(text, cases[i].out);
	}
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(faults_are_told_in_words),
	    TEST(nobody_listens),
	    TEST(a_black_hole_delays_nobody),
	    TEST(bad_requests_are_refused_in_words),
	    cmocka_unit_test(reasons_are_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
