#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_fetch.h"
#include "net_script_server.h"

/* What the ordinary server of these tests does at each path. */
static bool answer(struct script_connection *c)
{
	if (strcmp(c->path, "/ok") == 0)
		return script_say(
		    c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 6\r\n\r\nhello\n");
	if (strcmp(c->path, "/head") == 0)
		return script_say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 6\r\n\r\n");
	if (strcmp(c->path, "/none") == 0)
		return script_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
	if (strcmp(c->path, "/missing") == 0)
		return script_say(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope");
	if (strcmp(c->path, "/chunked") == 0)
		return script_say(
		    c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo\n\r\n0\r\nTrailer: 1\r\n\r\n");
	if (strcmp(c->path, "/continue") == 0)
		return script_say(
		    c, "HTTP/1.1 103 Early Hints\r\nContent-Type: x/y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	if (strcmp(c->path, "/gzip") == 0) /* "hello\n", stored */
		return script_say(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 29\r\n\r\n") &&
		       script_send(c, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x06\0\xf9\xffhello\n\x20\x30\x3a\x36\x06\0\0\0", 29);
	if (strcmp(c->path, "/busy") == 0)
		return script_say(c, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
	if (strcmp(c->path, "/busy-until") == 0)
		return script_say(c,
				  "HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 2099 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n");
	if (strcmp(c->path, "/moved") == 0)
		return script_say(c,
				  "HTTP/1.1 302 Found\r\nContent-Type: x/y\r\nLocation: /ok\r\nContent-Length: 5\r\n\r\nmoved");
	if (strcmp(c->path, "/leave") == 0)
		return script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") && false; /* closes, unannounced */
	if (strcmp(c->path, "/elsewhere") == 0) {
		char text[256];
		snprintf(text, sizeof text,
			 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/echo\r\nContent-Length: 0\r\n\r\n",
			 *(const unsigned *)c->server->data);
		return script_say(c, text);
	}
	if (strcmp(c->path, "/echo") == 0) {
		char head[64];
		snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", c->in.n);
		return script_say(c, head) && script_send(c, c->in.p, c->in.n);
	}
	return script_say(c, "HTTP/1.1 500 Unknown Path\r\nContent-Length: 0\r\n\r\n");
}

static void serve(struct script_connection *c)
{
	while (script_read(c) && answer(c))
		;
}

/* One server and one fetcher per test. */
struct world {
	struct script_server server;
	struct fetcher fetcher;
	char url[128];
	unsigned other_port;
};

static int setup(void **state)
{
	struct world *w = pl_calloc(1, sizeof *w);
	script_start(&w->server, serve, &w->other_port);
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
	snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u%s", w->server.port, path);
	return w->url;
}

static void answers_are_told(void **state)
{
	static const struct pl_transfer_client plain, follows = {.follow_redirects = true}, gzip = {.accept_gzip = true};
	static const struct {
		const char *path, *method;
		const struct pl_transfer_client *client;
		long status;
		const char *content_type, *body;
	} cases[] = {
	    {"/ok", NULL, &plain, 200, "text/plain; version=0.0.4", "hello\n"},
	    {"/head", "HEAD", &plain, 200, "text/plain; version=0.0.4", ""},
	    {"/none", NULL, &plain, 204, "", ""},
	    {"/missing", NULL, &plain, 404, "", "nope"},
	    {"/chunked", NULL, &plain, 200, "", "hello\n"},
	    {"/continue", NULL, &plain, 200, "", "ok"},
	    {"/gzip", NULL, &gzip, 200, "", "hello\n"},
	    {"/gzip", NULL, &plain, 200, "", "hello\n"}, /* unasked: decoded all the same */
	    {"/moved", NULL, &plain, 302, "x/y", "moved"},
	    {"/moved", NULL, &follows, 200, "text/plain; version=0.0.4", "hello\n"},
	    {"/leave", NULL, &plain, 200, "", "ok"},
	    {"/ok", NULL, NULL, 200, "text/plain; version=0.0.4", "hello\n"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fetch f = {0};
		struct pl_transfer_request r = {
		    .url = url_of(w, cases[i].path), .method = cases[i].method, .client = cases[i].client};
		fetch(&w->fetcher, &f, &r);
		assert_string_equal(f.result.reason, "");
		assert_int_equal(f.result.err, PL_OK);
		assert_int_equal(f.result.status, cases[i].status);
		assert_int_equal(f.heads, 1);
		assert_int_equal(f.head_status, cases[i].status);
		assert_string_equal(f.content_type, cases[i].content_type);
		assert_string_equal(pl_buf_cstr(&f.body), cases[i].body);
		assert_int_equal(f.result.body_bytes, strlen(cases[i].body));
		assert_true(f.result.phases.done >= f.result.phases.first_byte);
		assert_true(f.result.phases.first_byte >= f.result.phases.sent);
		assert_true(f.result.phases.sent >= f.result.phases.connected);
		assert_true(f.result.phases.connected > 0);
		assert_int_equal(f.result.phases.tls, 0);
		pl_buf_finish(&f.body);
	}
}

static void connections_are_kept(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 20; i++) {
		struct fetch f = {0};
		fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/ok"), .affinity = 7});
		assert_int_equal(f.result.err, PL_OK);
		assert_int_equal(f.result.reused, i > 0);
		pl_buf_finish(&f.body);
	}
	struct pl_transfer_pool_stats s = pl_transfer_pool_stats(w->fetcher.pool);
	assert_int_equal(s.started, 20);
	assert_int_equal(s.reused, 19);
	assert_int_equal(s.connected, 1);
	assert_int_equal(s.failed, 0);
	assert_int_equal(w->server.accepted, 1);
}

static void a_connection_closed_meanwhile_is_replaced(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 4; i++) {
		struct fetch f = {0};
		fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/leave")});
		assert_int_equal(f.result.err, PL_OK);
		assert_false(f.result.reused);
		pl_buf_finish(&f.body);
		uv_run(&w->fetcher.loop.uv, UV_RUN_NOWAIT);
	}
	assert_int_equal(w->server.accepted, 4);
}

/* The second request on each connection is met with its end, as from a server that closes just when the request comes. */
static void serve_once(struct script_connection *c)
{
	if (script_read(c) && answer(c))
		script_read(c);
}

static void a_request_on_a_dying_connection_is_sent_again(void **state)
{
	(void)state;
	struct script_server server;
	struct fetcher fetcher;
	script_start(&server, serve_once, NULL);
	fetcher_init(&fetcher, NULL);
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%u/echo", server.port);
	const struct pl_str pieces[] = {PL_STR("one"), PL_STR(""), PL_STR("two"), PL_STR("three")};
	for (int i = 0; i < 3; i++) {
		struct fetch f = {0};
		fetch(&fetcher, &f, &(struct pl_transfer_request){.url = url, .body = pieces, .n_body = 4});
		assert_int_equal(f.result.err, PL_OK);
		assert_non_null(strstr(pl_buf_cstr(&f.body), "\r\n\r\nonetwothree"));
		pl_buf_finish(&f.body);
	}
	assert_int_equal(server.accepted, 3);
	assert_int_equal(server.requests, 5); /* two of them were not answered */
	fetcher_finish(&fetcher);
	script_stop(&server);
}

static void requests_say_what_they_should(void **state)
{
	static const char *const of_client[] = {"X-Tenant: a b", "X-Empty:", NULL}, *const of_request[] = {"X-One: 1", NULL};
	static const struct pl_transfer_client basic = {.username = "us:er", .password = "p\xc3\xa4ss"},
					       bearer = {.bearer_token = "s3cr3t", .headers = of_client, .accept_gzip = true};
	static const struct pl_str body[] = {PL_STR("a=1"), PL_STR("\nb=2")};
	static const struct {
		struct pl_transfer_request request;
		const char *has[6], *has_not[6];
	} cases[] = {
	    {{0},
	     {"GET /echo HTTP/1.1\r\n", "User-Agent: Pulseline/", "Accept-Encoding: identity\r\n"},
	     {"Authorization", "Expect", "Content-", "Cookie"}},
	    {{.client = &basic}, {"Authorization: Basic dXM6ZXI6cMOkc3M=\r\n"}, {0}},
	    {{.client = &bearer, .headers = of_request, .accept = "text/plain"},
	     {"Authorization: Bearer s3cr3t\r\n", "X-Tenant: a b\r\n", "X-Empty:\r\n", "X-One: 1\r\n",
	      "\r\nAccept: text/plain\r\n", "Accept-Encoding: gzip\r\n"},
	     {"*/*"}},
	    {{.body = body, .n_body = 2, .content_type = "text/x", .content_encoding = "gzip"},
	     {"POST /echo", "Content-Length: 7\r\n", "Content-Type: text/x\r\n", "Content-Encoding: gzip\r\n",
	      "\r\n\r\na=1\nb=2"},
	     {"Expect", "chunked"}},
	    {{.body = body, .n_body = 1}, {"POST /echo", "\r\n\r\na=1"}, {"Content-Type", "Expect"}},
	    {{.body = body, .n_body = 1, .method = "PATCH"}, {"PATCH /echo", "Content-Length: 3\r\n", "\r\n\r\na=1"}, {0}},
	    {{.method = "PUT"}, {"PUT /echo", "Content-Length: 0\r\n"}, {0}},
	    {{.method = "DELETE"}, {"DELETE /echo"}, {"Content-Length"}},
	    {{.method = "POST"}, {"POST /echo", "Content-Length: 0\r\n"}, {0}},
	};
	struct world *w = *state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fetch f = {0};
		struct pl_transfer_request r = cases[i].request;
		r.url = url_of(w, "/echo");
		fetch(&w->fetcher, &f, &r);
		assert_int_equal(f.result.err, PL_OK);
		const char *text = pl_buf_cstr(&f.body);
		for (size_t k = 0; k < 6 && cases[i].has[k] != NULL; k++) {
			if (strstr(text, cases[i].has[k]) == NULL)
				fail_msg("case %zu lacks \"%s\":\n%s", i, cases[i].has[k], text);
		}
		for (size_t k = 0; k < 6 && cases[i].has_not[k] != NULL; k++) {
			if (strstr(text, cases[i].has_not[k]) != NULL)
				fail_msg("case %zu has \"%s\":\n%s", i, cases[i].has_not[k], text);
		}
		pl_buf_finish(&f.body);
	}
	unsetenv("http_proxy");
}

static void a_large_body_goes_up_whole(void **state)
{
	struct world *w = *state;
	enum { PIECE = 700001, PIECES = 5 };
	char *bytes = pl_alloc(PIECE);
	for (size_t i = 0; i < PIECE; i++)
		bytes[i] = (char)('a' + i % 23);
	struct pl_str pieces[PIECES];
	for (size_t i = 0; i < PIECES; i++)
		pieces[i] = (struct pl_str){bytes, PIECE};
	struct fetch f = {0};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/echo"), .body = pieces, .n_body = PIECES});
	assert_int_equal(f.result.err, PL_OK);
	const char *body = strstr(pl_buf_cstr(&f.body), "\r\n\r\n") + 4;
	assert_int_equal(f.body.n - (size_t)(body - f.body.p), PIECE * PIECES);
	for (size_t i = 0; i < PIECES; i++)
		assert_memory_equal(body + i * PIECE, bytes, PIECE);
	pl_buf_finish(&f.body);
	free(bytes);
}

static void credentials_stay_with_the_first_server(void **state)
{
	static const char *const headers[] = {"Authorization: Custom abcdef", NULL};
	static const struct pl_transfer_client clients[] = {
	    {.follow_redirects = true, .username = "u", .password = "abcdef"},
	    {.follow_redirects = true, .bearer_token = "abcdef"},
	    {.follow_redirects = true, .headers = headers},
	};
	struct world *w = *state;
	struct script_server other;
	script_start(&other, serve, NULL);
	w->other_port = other.port;
	for (size_t i = 0; i < PL_COUNT_OF(clients); i++) {
		struct fetch f = {0};
		fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/elsewhere"), .client = &clients[i]});
		assert_int_equal(f.result.err, PL_OK);
		assert_non_null(strstr(pl_buf_cstr(&f.body), "GET /echo"));
		assert_null(strstr(pl_buf_cstr(&f.body), "Authorization"));
		assert_null(strstr(pl_buf_cstr(&f.body), "abcdef"));
		pl_buf_finish(&f.body);
	}
	script_stop(&other);
}

static void retry_after_is_read(void **state)
{
	struct world *w = *state;
	struct fetch f = {0};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/busy")});
	assert_int_equal(f.result.status, 503);
	assert_int_equal(f.result.retry_after_ns, 7 * PL_NS_PER_S);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/busy-until")});
	assert_int_equal(f.result.status, 429);
	assert_true(f.result.retry_after_ns >= 3600 * PL_NS_PER_S); /* far away; bounded */
	assert_true(f.result.retry_after_ns <= 86400 * PL_NS_PER_S);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/ok")});
	assert_int_equal(f.result.retry_after_ns, 0);
	pl_buf_finish(&f.body);
}

static void names_are_resolved_by_ourselves(void **state)
{
	struct world *w = *state;
	struct fetch f = {0};
	char url[128];
	/* A name that the hosts file knows. curl itself would ask for it in a thread of its own. */
	char name[64];
	if (gethostname(name, sizeof name) != 0)
		fail();
	snprintf(url, sizeof url, "http://%s:%u/ok", name, w->server.port);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url, .connect_timeout_ns = 30 * PL_NS_PER_S});
	if (f.result.err != PL_OK) /* a machine that does not know its own name, or by another address */
		assert_true(strstr(f.result.reason, "cannot resolve") != NULL ||
			    strstr(f.result.reason, "connection refused by") != NULL);
	snprintf(url, sizeof url, "http://localhost:%u/ok", w->server.port);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
	assert_int_equal(f.result.err, PL_OK);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = "http://no..name/"});
	assert_int_equal(f.result.err, PL_ENET);
	assert_non_null(strstr(f.result.reason, "cannot resolve no..name"));
	assert_int_equal(f.result.phases.resolved, 0);
	pl_buf_finish(&f.body);
}

static void a_proxy_is_used_when_named(void **state)
{
	struct world *w = *state;
	char proxy[64];
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", w->server.port);
	const struct pl_transfer_client client = {.proxy_url = proxy};
	struct fetch f = {0};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = "http://somewhere.invalid/echo", .client = &client});
	assert_int_equal(f.result.err, PL_OK);
	assert_int_equal(f.result.status, 500); /* the server does not know the path of an absolute URL */
	const struct pl_transfer_client dead = {.proxy_url = "127.0.0.1:1"};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url_of(w, "/ok"), .client = &dead});
	assert_int_equal(f.result.err, PL_ENET);
	assert_string_equal(f.result.reason, "connection refused by the proxy 127.0.0.1:1");
	pl_buf_finish(&f.body);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(answers_are_told),
	    TEST(connections_are_kept),
	    TEST(a_connection_closed_meanwhile_is_replaced),
	    cmocka_unit_test(a_request_on_a_dying_connection_is_sent_again),
	    TEST(requests_say_what_they_should),
	    TEST(a_large_body_goes_up_whole),
	    TEST(credentials_stay_with_the_first_server),
	    TEST(retry_after_is_read),
	    TEST(names_are_resolved_by_ourselves),
	    TEST(a_proxy_is_used_when_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
