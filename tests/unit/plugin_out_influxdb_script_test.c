/* The InfluxDB output against a scripted server: the answers that a real one cannot be made to give. */
#include "plugin_out_harness.h"

#include "net_script_server.h"

extern const struct pl_plugin pl_plugin_out_influxdb;

struct fixture {
	struct script_server server;
	struct harness h;
	const char *answer; /* to every request but those that a handler sees to */
	char seen[8][600];  /* the first requests */
	size_t lengths[8];
};

static void remember(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	unsigned n = c->server->requests - 1;
	if (n >= PL_COUNT_OF(f->seen))
		return;
	f->lengths[n] = c->in.n;
	size_t keep = c->in.n < sizeof f->seen[n] - 1 ? c->in.n : sizeof f->seen[n] - 1;
	memcpy(f->seen[n], c->in.p, keep);
}

static void say_always(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		remember(c);
		if (!script_say(c, f->answer))
			break;
	}
}

static void begin(struct fixture *f, void (*handle)(struct script_connection *), const char *answer, const char *more)
{
	char yaml[400];
	*f = (struct fixture){.answer = answer};
	script_start(&f->server, handle, f);
	snprintf(yaml, sizeof yaml, "url: http://127.0.0.1:%u/prefix/\ncreate_database: false\n%s", f->server.port, more);
	harness_open(&f->h, &pl_plugin_out_influxdb, yaml);
}

static void end(struct fixture *f)
{
	harness_close(&f->h);
	script_stop(&f->server);
}

static const char no_content[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void how_it_asks(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, say_always, no_content,
	      "database: 'a b&c=d'\nretention_policy: 'r/p'\nauthorization: {type: Token, credentials: s3cret}\n");
	assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "x\xc3\xa4", "", "m value=1\n")->kind, PL_VERDICT_DONE);
	end(&f);
	assert_int_equal(f.server.accepted, 1);
	assert_non_null(strstr(f.seen[0], "POST /prefix/write?precision=ns&db=a%20b%26c%3Dd&rp=r%2Fp HTTP/1.1\r\n"));
	assert_non_null(strstr(f.seen[0], "\r\nAuthorization: Token s3cret\r\n"));
	assert_non_null(strstr(f.seen[0], "\r\n\r\nm value=1\n"));
	assert_non_null(strstr(f.seen[1], "POST /prefix/write?precision=ns&db=x%C3%A4 HTTP/1.1\r\n"));
	assert_null(strstr(f.seen[0], "Content-Encoding"));
}

static void bad_gzip(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		remember(c);
		bool packed = strstr(pl_buf_cstr(&c->in), "Content-Encoding: gzip\r\n") != NULL;
		script_say(c, packed
				  ? "HTTP/1.1 400 Bad Request\r\nContent-Length: 32\r\n\r\n{\"error\":\"gzip: invalid header\"}\n"
				  : f->answer);
	}
}

static void gzip_is_given_up(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, bad_gzip, no_content, "gzip: 'on'\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_DONE);
		assert_int_equal(f.h.verdict.status, 204);
	}
	end(&f);
	assert_int_equal(f.server.requests, 3);
	assert_non_null(strstr(f.seen[0], "Content-Encoding: gzip"));
	assert_non_null(strstr(f.seen[1], "\r\n\r\nm value=1\n"));
	assert_non_null(strstr(f.seen[2], "\r\n\r\nm value=1\n"));
}

static void busy_servers(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		enum pl_verdict_kind kind;
		int64_t wait_s;
	} cases[] = {
	    {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", PL_VERDICT_RETRY, 7},
	    {"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 3\r\n\r\nno\n", PL_VERDICT_RETRY, 2},
	    {"HTTP/1.1 500 Oh\r\nContent-Length: 19\r\n\r\n{\"error\":\"timeout\"}", PL_VERDICT_RETRY, 0},
	    {"HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\nproxy", PL_VERDICT_HOLD, 0},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", PL_VERDICT_RETRY, 0},
	    {"HTTP/1.1 20", PL_VERDICT_RETRY, 0},
	    {"\r\n\r\n\r\n", PL_VERDICT_RETRY, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fixture f;
		begin(&f, say_always, cases[i].answer, "timeout: 300ms\n");
		const struct pl_verdict *v = harness_deliver(&f.h, "m value=1\n");
		if (v->kind != cases[i].kind || v->retry_after_ns != cases[i].wait_s * PL_NS_PER_S || v->reason[0] == '\0')
			fail_msg("case %zu: kind %d wait %lld: %s", i, v->kind, (long long)v->retry_after_ns, v->reason);
		end(&f);
	}
}

static void redirects_lose_nothing(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, say_always, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "");
	assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_HOLD);
	assert_non_null(strstr(f.h.verdict.reason, "redirect"));
	end(&f);
	assert_int_equal(f.server.requests, 1);
}

static void hang_up(struct script_connection *c)
{
	script_read(c);
}

static void resets(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, hang_up, "", "");
	assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_RETRY);
	assert_string_not_equal(f.h.verdict.reason, "");
	end(&f);
}

/* Three thousand quoted lines: more than is kept of an answer. */
static void long_complaint(struct script_connection *c)
{
	struct pl_buf text = {0}, head = {0};
	pl_buf_add_cstr(&text, "{\"error\":\"partial write: ");
	for (int i = 0; i < 3000; i++)
		pl_buf_addf(&text, "unable to parse 'line %d has no fields': missing fields\\n", i);
	pl_buf_add_cstr(&text, " dropped=0\"}");
	pl_buf_addf(&head, "HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n", text.n);
	while (script_read(c)) {
		script_send(c, head.p, head.n);
		script_send(c, text.p, text.n);
	}
	pl_buf_finish(&head);
	pl_buf_finish(&text);
}

static void endless_complaint(struct script_connection *c)
{
	char block[65536];
	memset(block, 'x', sizeof block);
	script_read(c);
	script_say(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	while (script_send(c, block, sizeof block))
		;
}

static void long_answers(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, long_complaint, "", "");
	struct pl_buf lines = {0};
	for (int i = 0; i < 4000; i++)
		pl_buf_add_cstr(&lines, "m value=1\n");
	const struct pl_verdict *v = harness_deliver(&f.h, pl_buf_cstr(&lines));
	/* it never tells which lines it means: all are named, after a bounded number of requests */
	assert_int_equal(v->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.n_refusals, 4000);
	assert_true(f.server.requests < 8000);
	end(&f);
	begin(&f, endless_complaint, "", "");
	assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_RETRY);
	end(&f);
	pl_buf_finish(&lines);
}

static void odd_results(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		enum pl_err err;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"results\":[{}]", PL_EIO},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"results\":[{}]}", PL_ENOENT},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", PL_EIO},
	    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", PL_EIO},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", PL_ENET},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fixture f;
		begin(&f, say_always, cases[i].answer, "timeout: 300ms\nusername: u\npassword: p4ss\n");
		struct pl_query *q = harness_latest("m", PL_VERB_MEAN, PL_NS_PER_S, 1, "");
		harness_ask(&f.h, q);
		if (q->err != cases[i].err || strstr(q->reason, "p4ss") != NULL)
			fail_msg("case %zu: %s: %s", i, pl_err_text(q->err), q->reason);
		pl_query_destroy(q);
		end(&f);
	}
}

static void endless_result(struct script_connection *c)
{
	char block[65536];
	memset(block, '[', sizeof block);
	script_read(c);
	script_say(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	while (script_send(c, block, sizeof block))
		;
}

static void results_are_bounded(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, endless_result, "", "");
	assert_string_equal(harness_names(&f.h, PL_QUERY_TAGS), "error: InfluxDB's answer is larger than 16 MiB");
	end(&f);
}

static void say_nothing(struct script_connection *c)
{
	if (script_read(c)) {
		while (script_pause(c, 5))
			;
	}
}

/* What is under way when the output closes comes back at once, before the close is done. */
static void closing(void **state)
{
	(void)state;
	struct fixture f;
	const char *text = "m value=1\n";
	begin(&f, say_nothing, "", "timeout: 1h\n");
	struct pl_query *q = pl_query_create(PL_QUERY_KEYS);
	q->data = &f.h;
	harness_start(&f.h, "", "", &text, 1);
	pl_plugin_out_influxdb.ops.output->query(f.h.self, q);
	while (f.server.requests < 2)
		uv_run(&f.h.loop.uv, UV_RUN_NOWAIT);
	pl_plugin_out_influxdb.ops.output->close(f.h.self, harness_on_closed, &f.h);
	while (!f.h.closed)
		uv_run(&f.h.loop.uv, UV_RUN_DEFAULT);
	assert_true(f.h.delivered);
	assert_int_equal(f.h.verdict.kind, PL_VERDICT_RETRY);
	assert_int_equal(f.h.answered, 1);
	assert_int_equal(q->err, PL_ECANCELED);
	pl_query_destroy(q);
	harness_end(&f.h);
	harness_free(&f.h);
	script_stop(&f.server);
}

static void configuration(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *complaint; /* NULL: fine */
	} cases[] = {
	    {"{}", NULL},
	    {"url: https://influx.example/path\nusername: a\npassword: b\ngzip: 'off'\n", NULL},
	    {"url: http://a:b@h:8086\n", "url"},
	    {"url: http://h:8086/write?db=x\n", "url"},
	    {"url: udp://h:8089\n", "url"},
	    {"username: a\nbasic_auth: {username: b}\n", "username"},
	    {"password: a\n", "username is missing"},
	    {"username: 'a:b'\n", "colon"},
	    {"database: ''\n", "database"},
	    {"retention_duration: 2h\n", "retention_policy is missing"},
	    {"retention_policy: x\nretention_duration: 2m\n", "1h"},
	    {"consistency: any\n", "consistency"},
	    {"precision: s\n", "nanoseconds"},
	    {"gzip: maybe\n", "gzip"},
	    {"tls_config: {cert_file: x}\n", "key_file"},
	    {"databse: x\n", "database"},
	    {"org: o\nbucket: b\ntoken: t\n", NULL},
	    {"api: v2\norg: o\ntoken_file: x\n", NULL},
	    {"token: t\n", NULL},
	    {"api: v3\n", "api"},
	    {"bucket: b\n", "org"},
	    {"api: v2\nbucket: b\n", "organisation"},
	    {"api: v1\nbucket: b\n", "bucket"},
	    {"api: v1\norg: b\n", "org"},
	    {"org: o\ntoken: t\nbearer_token: b\n", "either token"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct harness h;
		harness_init(&h, &pl_plugin_out_influxdb);
		size_t n = harness_decode(&h, cases[i].yaml);
		if ((n > 0) != (cases[i].complaint != NULL) || (n > 0 && strstr(h.reason, cases[i].complaint) == NULL))
			fail_msg("%s: %s", cases[i].yaml, h.reason);
		harness_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(how_it_asks),   cmocka_unit_test(gzip_is_given_up),       cmocka_unit_test(busy_servers),
	    cmocka_unit_test(resets),        cmocka_unit_test(redirects_lose_nothing), cmocka_unit_test(long_answers),
	    cmocka_unit_test(odd_results),   cmocka_unit_test(results_are_bounded),    cmocka_unit_test(closing),
	    cmocka_unit_test(configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
