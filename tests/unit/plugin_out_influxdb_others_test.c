/* The InfluxDB output against servers that are not 1.x, or that behave as no real one can be made to: scripted. */
#include "plugin_out_harness.h"

#include <pthread.h>
#include <time.h>

#include "net_script_server.h"

extern const struct pl_plugin pl_plugin_out_influxdb;

enum { MOST_SEEN = 12 };

struct fixture {
	struct script_server server;
	struct harness h;
	const char *answer;
	size_t most_bytes;
	pthread_mutex_t lock;
	char seen[MOST_SEEN][600]; /* heads and the beginnings of bodies of the first writes */
	unsigned writes;
};

static void remember(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	pthread_mutex_lock(&f->lock);
	unsigned n = f->writes++;
	if (n < MOST_SEEN)
		snprintf(f->seen[n], sizeof f->seen[n], "%s", pl_buf_cstr(&c->in));
	pthread_mutex_unlock(&f->lock);
}

static struct pl_str body_of(struct script_connection *c)
{
	const char *text = pl_buf_cstr(&c->in), *end = strstr(text, "\r\n\r\n");
	return (struct pl_str){end + 4, c->in.n - (size_t)(end + 4 - text)};
}

static bool say(struct script_connection *c, const char *status, const char *body)
{
	char text[2000];
	snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
	return script_say(c, text);
}

static void begin(struct fixture *f, void (*handle)(struct script_connection *), const char *more)
{
	char yaml[400];
	*f = (struct fixture){.lock = PTHREAD_MUTEX_INITIALIZER};
	script_start(&f->server, handle, f);
	snprintf(yaml, sizeof yaml, "url: http://127.0.0.1:%u\n%s", f->server.port, more);
	harness_open(&f->h, &pl_plugin_out_influxdb, yaml);
}

static void end(struct fixture *f)
{
	harness_close(&f->h);
	script_stop(&f->server);
}

/* ---- InfluxDB 2 ---- */

static bool has(struct pl_str s, const char *what)
{
	return s.n > 0 && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* A bad line and nothing of the body is taken; a conflict and the rest is. */
static void version2(struct script_connection *c)
{
	while (script_read(c)) {
		remember(c);
		struct pl_str body = body_of(c);
		if (strstr(c->path, "bucket=gone") != NULL)
			say(c, "404 Not Found", "{\"code\":\"not found\",\"message\":\"bucket \\\"gone\\\" not found\"}");
		else if (has(body, "foo\n"))
			say(c, "400 Bad Request",
			    "{\"code\":\"invalid\",\"message\":\"unable to parse 'foo': missing fields\\nunable to parse 'bar': "
			    "missing "
			    "fields\"}");
		else if (has(body, "m v=1i"))
			say(c, "422 Unprocessable Entity",
			    "{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: "
			    "field "
			    "type conflict: input field \\\"v\\\" on measurement \\\"m\\\" is type integer, already exists as "
			    "type float "
			    "dropped=1\"}");
		else if (has(body, "old v=1"))
			say(c, "422 Unprocessable Entity",
			    "{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: "
			    "dropped 1 "
			    "points outside retention policy of duration 1h0m0s - oldest point old at 1970 dropped=1\"}");
		else
			script_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
	}
}

static void influxdb2(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, version2, "org: my org\nbucket: b&c\ntoken: s3cret\n");
	assert_int_equal(harness_deliver(&f.h, "ok v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.verdict.status, 204);
	assert_int_equal(harness_deliver_to(&f.h, "db", "rp", "ok v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "db", "", "ok v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "", "week", "ok v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(harness_deliver_to(&f.h, "gone", "", "ok v=1 1\n")->kind, PL_VERDICT_HOLD);
	assert_non_null(strstr(f.h.verdict.reason, "bucket \"gone\" not found"));
	assert_non_null(strstr(f.seen[0], "POST /api/v2/write?precision=ns&org=my%20org&bucket=b%26c HTTP/1.1\r\n"));
	assert_non_null(strstr(f.seen[0], "\r\nAuthorization: Token s3cret\r\n"));
	assert_non_null(strstr(f.seen[1], "&bucket=db%2Frp HTTP"));
	assert_non_null(strstr(f.seen[2], "&bucket=db HTTP"));
	assert_non_null(strstr(f.seen[3], "&bucket=b%26c%2Fweek HTTP"));
	assert_null(strstr(f.seen[4], "/query")); /* nothing was tried to be created */
	assert_int_equal(harness_deliver(&f.h, "a v=1 1\nfoo\nm v=1i 5\nold v=1 1\nbar\nb v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.n_refusals, 3);
	assert_string_equal(harness_refused(&f.h, "foo", "missing fields")->as, "unparsable");
	assert_string_equal(harness_refused(&f.h, "bar", "missing fields")->as, "unparsable");
	assert_string_equal(harness_refused(&f.h, "m v=1i 5", "is type integer, already exists as type float")->as, "field_type");
	assert_int_equal(f.h.verdict.refused, 1);
	assert_string_equal(f.h.verdict.refused_as, "expired");
	end(&f);
	begin(&f, version2, "org: o\ndatabase: d\nretention_policy: p\n");
	assert_int_equal(harness_deliver(&f.h, "ok v=1 1\n")->kind, PL_VERDICT_DONE);
	assert_non_null(strstr(f.seen[0], "&org=o&bucket=d%2Fp HTTP"));
	end(&f);
}

/* ---- VictoriaMetrics, QuestDB and others ---- */

/* Takes lines, and knows of nothing else: /query is never answered. */
static void only_writes(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		if (strncmp(c->path, "/write?", 7) != 0) {
			while (script_pause(c, 5))
				;
			return;
		}
		remember(c);
		script_say(c, f->answer);
	}
}

static void other_receivers(void **state)
{
	(void)state;
	static const char *const answers[] = {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
					      "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"};
	for (size_t i = 0; i < PL_COUNT_OF(answers); i++) {
		struct fixture f;
		begin(&f, only_writes, "timeout: 1h\n");
		f.answer = answers[i];
		struct pl_query *q = pl_query_create(PL_QUERY_KEYS);
		q->data = &f.h;
		pl_plugin_out_influxdb.ops.output->query(f.h.self, q);
		for (int n = 0; n < 3; n++) {
			assert_int_equal(harness_deliver(&f.h, "m v=1 1\n")->kind, PL_VERDICT_DONE);
			assert_int_equal(f.h.n_refusals + f.h.verdict.refused, 0);
		}
		assert_int_equal(f.writes, 3);
		assert_int_equal(f.h.answered, 0);
		pl_plugin_out_influxdb.ops.output->close(f.h.self, harness_on_closed, &f.h);
		while (!f.h.closed)
			uv_run(&f.h.loop.uv, UV_RUN_DEFAULT);
		assert_int_equal(q->err, PL_ECANCELED);
		pl_query_destroy(q);
		harness_free(&f.h);
		script_stop(&f.server);
	}
}

/* One bad line and the body is refused, in words of its own. */
static void picky(struct script_connection *c)
{
	while (script_read(c)) {
		remember(c);
		if (has(body_of(c), "v=13 "))
			say(c, "400 Bad Request", "{\"code\":\"invalid\",\"message\":\"error in line 3: table is read-only\"}");
		else
			script_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
	}
}

static void unknown_words(void **state)
{
	(void)state;
	struct fixture f;
	struct pl_buf lines = {0};
	begin(&f, picky, "create_database: false\n");
	for (int i = 0; i < 1000; i++)
		pl_buf_addf(&lines, "m v=%d %d\n", i, i);
	assert_int_equal(harness_deliver(&f.h, pl_buf_cstr(&lines))->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.n_refusals, 1);
	assert_string_equal(harness_refused(&f.h, "m v=13 13", "table is read-only")->as, "refused");
	assert_in_range(f.writes, 10, 24);
	end(&f);
	pl_buf_finish(&lines);
}

static void refuses_all(struct script_connection *c)
{
	while (script_read(c)) {
		remember(c);
		say(c, "400 Bad Request", "{\"error\":\"we are closed\"}");
	}
}

/* When no part of it is taken it is not about lines: no thousand requests for that. */
static void all_refused(void **state)
{
	(void)state;
	struct fixture f;
	struct pl_buf lines = {0};
	begin(&f, refuses_all, "create_database: false\n");
	for (int i = 0; i < 1000; i++)
		pl_buf_addf(&lines, "m v=%d %d\n", i, i);
	assert_int_equal(harness_deliver(&f.h, pl_buf_cstr(&lines))->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.n_refusals, 1000);
	assert_in_range(f.writes, 1, 32);
	end(&f);
	pl_buf_finish(&lines);
}

/* ---- sizes ---- */

static void small_bodies(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		remember(c);
		if (body_of(c).n > f->most_bytes)
			say(c, "413 Request Entity Too Large", "<html>nginx</html>");
		else
			script_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
	}
}

static void a_proxy_takes_small_bodies(void **state)
{
	(void)state;
	struct fixture f;
	struct pl_buf lines = {0};
	begin(&f, small_bodies, "create_database: false\n");
	f.most_bytes = 3000;
	for (int i = 0; i < 1000; i++)
		pl_buf_addf(&lines, "m v=%03d %03d\n", i, i);
	assert_int_equal(harness_deliver(&f.h, pl_buf_cstr(&lines))->kind, PL_VERDICT_DONE);
	assert_int_equal(f.h.n_refusals, 0);
	assert_int_equal(f.writes, 2 + 4); /* 12,000 bytes, 6,000, and 3,000 four times */
	assert_int_equal(harness_deliver(&f.h, pl_buf_cstr(&lines))->kind, PL_VERDICT_DONE);
	assert_int_equal(f.writes, 2 + 4 + 4);
	end(&f);
	/* none at all: nothing is lost for that, nor asked a thousand times */
	begin(&f, small_bodies, "create_database: false\n");
	f.most_bytes = 0;
	assert_int_equal(harness_deliver(&f.h, pl_buf_cstr(&lines))->kind, PL_VERDICT_HOLD);
	assert_non_null(strstr(f.h.verdict.reason, "413"));
	assert_in_range(f.writes, 1, 8);
	end(&f);
	pl_buf_finish(&lines);
}

/* ---- waiting ---- */

static void busy_until(struct script_connection *c)
{
	while (script_read(c)) {
		char text[200], date[64];
		time_t then = time(NULL) + 300;
		struct tm tm;
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
		snprintf(text, sizeof text, "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
		script_say(c, text);
	}
}

static void retry_after_a_date(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, busy_until, "create_database: false\n");
	assert_int_equal(harness_deliver(&f.h, "m v=1 1\n")->kind, PL_VERDICT_RETRY);
	assert_in_range(f.h.verdict.retry_after_ns, PL_NS_PER_S, 300 * PL_NS_PER_S);
	end(&f);
}

/* In the middle of the search the server goes: the whole delivery comes again, and nothing is named. */
static void goes_away(struct script_connection *c)
{
	struct fixture *f = c->server->data;
	while (script_read(c)) {
		remember(c);
		if (f->writes > 2)
			return;
		say(c, "400 Bad Request",
		    "{\"error\":\"partial write: field type conflict: input field \\\"v\\\" on measurement \\\"m\\\" is type "
		    "integer, already "
		    "exists as type float dropped=2\"}");
	}
}

static void away_in_between(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, goes_away, "create_database: false\n");
	assert_int_equal(harness_deliver(&f.h, "m v=1i 1\nn v=1 1\nm v=2i 2\no v=1 1\nm v=1 3\n")->kind, PL_VERDICT_RETRY);
	assert_int_equal(f.h.n_refusals + f.h.verdict.refused, 0);
	assert_in_range(f.writes, 3, 4);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(influxdb2),
	    cmocka_unit_test(other_receivers),
	    cmocka_unit_test(unknown_words),
	    cmocka_unit_test(all_refused),
	    cmocka_unit_test(a_proxy_takes_small_bodies),
	    cmocka_unit_test(retry_after_a_date),
	    cmocka_unit_test(away_in_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
