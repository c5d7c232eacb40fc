/* The Kapacitor output against a scripted server; a real one has its part in the integration tests. */
#include "plugin_out_harness.h"

#include "net_script_server.h"

extern const struct pl_plugin pl_plugin_out_kapacitor;

struct fixture {
	struct script_server server;
	struct harness h;
	const char *answer;
	struct pl_buf paths, heads, taken; /* of all requests; the bodies of those that were taken */
	size_t most_body;                  /* larger ones get 413; 0: no bound */
};

/* Takes a body whole or not at all, as Kapacitor 1.5 does: a line is bad when it has the word "bad" in it. */
static void kapacitor(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		const char *in = pl_buf_cstr(&c->in), *body = strstr(in, "\r\n\r\n") + 4;
		pl_buf_addf(&f->paths, "%s\n", c->path);
		pl_buf_add_cstr(&f->heads, in);
		if (f->answer != NULL) {
			script_say(c, f->answer);
		} else if (f->most_body > 0 && strlen(body) > f->most_body) {
			script_say(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
		} else if (strstr(body, "bad") != NULL) {
			script_say(
			    c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 38\r\n\r\nunable to parse 'bad': missing fields\n");
		} else {
			pl_buf_add_cstr(&f->taken, body);
			script_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
		}
	}
}

static void begin(struct fixture *f, const char *more)
{
	char yaml[400];
	script_start(&f->server, kapacitor, f);
	snprintf(yaml, sizeof yaml, "url: http://127.0.0.1:%u/\n%s", f->server.port, more);
	harness_open(&f->h, &pl_plugin_out_kapacitor, yaml);
}

static void end(struct fixture *f)
{
	harness_close(&f->h);
	script_stop(&f->server);
	pl_buf_finish(&f->paths);
	pl_buf_finish(&f->heads);
	pl_buf_finish(&f->taken);
}

static void database_and_policy_go_with_every_write(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f, "database: 'a b&c'\nbasic_auth: {username: u, password: p}\n");
	assert_int_equal(harness_deliver(&f.h, "m value=1 5\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "other", "", "m value=2 5\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "other", "r\"p", "m value=3 5\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "", "rp", "m value=4 5\n")->kind, PL_VERDICT_DONE);
	assert_string_equal(pl_buf_cstr(&f.paths), "/kapacitor/v1/write?precision=n&db=a%20b%26c&rp=autogen\n"
						   "/kapacitor/v1/write?precision=n&db=other&rp=autogen\n"
						   "/kapacitor/v1/write?precision=n&db=other&rp=r%22p\n"
						   "/kapacitor/v1/write?precision=n&db=a%20b%26c&rp=rp\n");
	assert_string_equal(pl_buf_cstr(&f.taken), "m value=1 5\nm value=2 5\nm value=3 5\nm value=4 5\n");
	assert_non_null(strstr(pl_buf_cstr(&f.heads), "Authorization: Basic dTpw\r\n"));
	assert_int_equal(f.server.accepted, 1);
	end(&f);
}

/* The refused lines, and what was taken of each of the texts. */
static void expect_refusals(const char *const *texts, size_t n, size_t most_body, const char *as, const char *refused,
			    size_t n_taken)
{
	struct fixture f = {.most_body = most_body};
	struct pl_buf lines = {0};
	begin(&f, "");
	harness_start(&f.h, "", "", texts, n);
	while (!f.h.delivered)
		uv_run(&f.h.loop.uv, UV_RUN_DEFAULT);
	assert_int_equal(f.h.verdict.kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.verdict.refused, 0);
	for (size_t i = 0; i < f.h.n_refusals; i++) {
		const struct harness_refusal *r = &f.h.refusals[i];
		pl_buf_addf(&lines, "%s;", r->line);
		assert_string_equal(r->as, as);
		assert_non_null(strstr(r->reason, "Kapacitor answered 4"));
		assert_false(r->held);
	}
	harness_end(&f.h);
	assert_string_equal(pl_buf_cstr(&lines), refused);
	assert_int_equal(f.taken.n, n_taken);
	pl_buf_finish(&lines);
	end(&f);
}

static void bad_lines_are_found(void **state)
{
	(void)state;
	static const char *const batches[] = {"a v=1 1\nb bad\nc v=3 3\n", "bad\n", "d v=4 4\n", "e v=5 5\nf v=6 6\ng bad\n"};
	expect_refusals(batches, 4, 0, "unparsable", "b bad;bad;g bad;", 5 * 8);
	static const char *const all[] = {"bad 1\nbad 2\n"};
	expect_refusals(all, 1, 0, "unparsable", "bad 1;bad 2;", 0);
	static const char *const one[] = {"a v=1 1\nb bad bad bad bad bad bad bad bad bad bad bad\n"};
	expect_refusals(one, 1, 0, "unparsable", "b bad bad bad bad bad bad bad bad bad bad bad;", 8);
	static const char *const small[] = {"a v=1 1\na v=2 2\na v=3 3\n", "this one is far too long\na v=4 4\n"};
	expect_refusals(small, 2, 16, "refused", "this one is far too long;", 4 * 8);
}

static void one_of_five_thousand(void **state)
{
	(void)state;
	struct pl_buf text = {0};
	for (int i = 0; i < 5000; i++)
		pl_buf_addf(&text, i == 3210 ? "bad %d\n" : "m,i=%d v=1 1\n", i);
	const char *const batches[] = {pl_buf_cstr(&text)};
	expect_refusals(batches, 1, 0, "unparsable", "bad 3210;", text.n - 9);
	pl_buf_finish(&text);
}

static void other_answers(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		enum pl_verdict_kind kind;
		int64_t wait_s;
		const char *reason;
	} cases[] = {
	    {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", PL_VERDICT_RETRY, 7, "503"},
	    {"HTTP/1.1 500 Oh\r\nContent-Length: 7\r\n\r\nclosed\n", PL_VERDICT_RETRY, 0, "500: closed"},
	    {"HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nwho\x1b?", PL_VERDICT_HOLD, 0, "401: who ?"},
	    {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", PL_VERDICT_HOLD, 0, "404"},
	    {"HTTP/1.1 400 No\r\nContent-Length: 20\r\n\r\ndatabase is required", PL_VERDICT_HOLD, 0, "database is required"},
	    {"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", PL_VERDICT_HOLD, 0, "302"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fixture f = {.answer = cases[i].answer};
		begin(&f, "");
		const struct pl_verdict *v = harness_deliver(&f.h, "m value=1\n");
		assert_int_equal(v->kind, cases[i].kind);
		assert_int_equal(v->retry_after_ns, cases[i].wait_s * PL_NS_PER_S);
		assert_non_null(strstr(v->reason, cases[i].reason));
		end(&f);
	}
}

static void nobody_there(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f, "");
	script_stop(&f.server);
	assert_int_equal(harness_deliver(&f.h, "m value=1\n")->kind, PL_VERDICT_RETRY);
	harness_close(&f.h);
}

static void close_while_sending(void **state)
{
	(void)state;
	struct fixture f = {0};
	const char *text = "m value=1\n";
	begin(&f, "");
	harness_start(&f.h, "", "", &text, 1);
	f.h.plugin->ops.output->close(f.h.self, harness_on_closed, &f.h);
	while (!f.h.closed)
		uv_run(&f.h.loop.uv, UV_RUN_DEFAULT);
	assert_true(f.h.delivered);
	assert_int_equal(f.h.verdict.kind, PL_VERDICT_RETRY);
	harness_end(&f.h);
	harness_free(&f.h);
	script_stop(&f.server);
}

static void bad_configurations(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "url: http://x:9092?db=a\n",
	    "url: http://x:9092/kapacitor/v1/write\n",
	    "retention_policy: ''\n",
	    "database: ''\n",
	    "oauth2: {client_id: a, token_url: 'http://x'}\n",
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct harness h;
		harness_init(&h, &pl_plugin_out_kapacitor);
		assert_true(harness_decode(&h, cases[i]) > 0);
		harness_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(database_and_policy_go_with_every_write),
	    cmocka_unit_test(bad_lines_are_found),
	    cmocka_unit_test(one_of_five_thousand),
	    cmocka_unit_test(other_answers),
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(close_while_sending),
	    cmocka_unit_test(bad_configurations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
