#include "plugin_sd_harness.h"

#include "net_script_server.h"
#include "sd_http/answer.h"

/* What the server says, to be changed by the test while it runs. */
struct script {
	pthread_mutex_t lock;
	char answer[1024], etag[64], seen[4096];
	atomic_uint unchanged;
};

static void handle(struct script_connection *c)
{
	struct script *s = c->server->data;
	while (script_read(c)) {
		char answer[1024], tag[128];
		pthread_mutex_lock(&s->lock);
		snprintf(s->seen, sizeof s->seen, "%s", pl_buf_cstr(&c->in));
		snprintf(answer, sizeof answer, "%s", s->answer);
		snprintf(tag, sizeof tag, "If-None-Match: %s\r\n", s->etag);
		if (s->etag[0] != '\0' && strstr(s->seen, tag) != NULL) {
			s->unchanged++;
			snprintf(answer, sizeof answer, "HTTP/1.1 304 Not Modified\r\n\r\n");
		}
		pthread_mutex_unlock(&s->lock);
		if (!script_say(c, answer))
			return;
	}
}

static void say(struct script *s, const char *status, const char *type, const char *etag, const char *body)
{
	pthread_mutex_lock(&s->lock);
	snprintf(s->etag, sizeof s->etag, "%s", etag);
	snprintf(s->answer, sizeof s->answer, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n%s", status,
		 type, strlen(body), etag[0] != '\0' ? "ETag: " : "", etag, etag[0] != '\0' ? "\r\n" : "", body);
	pthread_mutex_unlock(&s->lock);
}

struct world {
	struct harness h;
	struct script script;
	struct script_server server;
};

static void begin(struct world *w)
{
	memset(&w->script, 0, sizeof w->script);
	pthread_mutex_init(&w->script.lock, NULL);
	say(&w->script, "200 OK", "application/json", "", "[{\"targets\": [\"a:1\"], \"labels\": {\"rack\": \"r1\"}}]");
	script_start(&w->server, handle, &w->script);
	harness_init(&w->h);
}

static void end(struct world *w)
{
	harness_finish(&w->h);
	script_stop(&w->server);
	pthread_mutex_destroy(&w->script.lock);
}

static void apply(struct world *w, const char *more)
{
	struct pl_buf text = {0};
	pl_buf_addf(&text, "  - {job_name: j, http_sd_configs: [{url: 'http://127.0.0.1:%u/t', refresh_interval: 100ms%s}]}\n",
		    w->server.port, more);
	harness_apply(&w->h, pl_buf_cstr(&text));
	pl_buf_finish(&text);
}

static void wait_unchanged(struct world *w, unsigned more)
{
	for (unsigned want = w->script.unchanged + more; w->script.unchanged < want;)
		uv_run(&w->h.loop.uv, UV_RUN_ONCE);
}

static void groups_come_and_change(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	apply(&w, ", bearer_token: s3cret");
	wait_live(&w.h, "a:1/j");
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%u/t", w.server.port);
	const struct pl_str *meta = pl_labels_get(w.h.r.live[0]->discovered, PL_STR("__meta_url"));
	assert_true(meta != NULL && pl_str_is(*meta, url));
	assert_null(pl_labels_get(w.h.r.live[0]->discovered, PL_STR("__meta_filepath")));
	pthread_mutex_lock(&w.script.lock);
	assert_non_null(strstr(w.script.seen, "X-Prometheus-Refresh-Interval-Seconds: 0.1\r\n"));
	assert_non_null(strstr(w.script.seen, "Accept: application/json\r\n"));
	assert_non_null(strstr(w.script.seen, "Authorization: Bearer s3cret\r\n"));
	pthread_mutex_unlock(&w.script.lock);
	say(&w.script, "200 OK", "Application/JSON; charset=UTF-8", "", "[{\"targets\":[\"a:1\",\"b:1\"]}]");
	wait_live(&w.h, "a:1/j b:1/j");
	say(&w.script, "200 OK", "application/json", "", "[]");
	wait_live(&w.h, "");
	wait_source(&w.h, "/t 0/0 ok");
	end(&w);
}

static void an_unchanged_answer_is_not_sent_again(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	say(&w.script, "200 OK", "application/json", "\"v1\"", "[{\"targets\":[\"a:1\"]}]");
	apply(&w, "");
	wait_live(&w.h, "a:1/j");
	wait_unchanged(&w, 2);
	assert_string_equal(recorder_live(&w.h.r), "a:1/j");
	assert_int_equal(w.h.r.added, 1);
	/* a bad answer's tag is not used, the good one's still is: it ends the trouble */
	say(&w.script, "200 OK", "application/json", "\"v2\"", "[{\"targets\":7}]");
	wait_source(&w.h, "[0].targets: must be a list");
	say(&w.script, "200 OK", "application/json", "\"v1\"", "never sent");
	wait_source(&w.h, "/t 1/1 ok");
	assert_string_equal(recorder_live(&w.h.r), "a:1/j");
	say(&w.script, "200 OK", "application/json", "\"v3\"", "[{\"targets\":[\"c:1\"]}]");
	wait_live(&w.h, "c:1/j");
	end(&w);
}

static void the_last_good_groups_stay(void **state)
{
	(void)state;
	static const struct {
		const char *status, *type, *body, *trouble;
	} cases[] = {
	    {"500 Oops", "application/json", "[]", "HTTP status 500"},
	    {"304 Not Modified", "application/json", "", "HTTP status 304"}, /* nobody asked for that */
	    {"200 OK", "text/html", "[]", "content type is \"text/html\"; it must be application/json"},
	    {"200 OK", "application/json; charset=latin1", "[]", "content type is"},
	    {"200 OK", "application/json", "", "the text ends where a value must stand"},
	    {"200 OK", "application/json", "null", "there is nothing in it"},
	    {"200 OK", "application/json", "{}", "must be a list of groups"},
	    {"200 OK", "application/json", "[{\"targets\":[\"a:1\"],\"label\":{}}]", "unknown key \"label\""},
	    {"200 OK", "application/json", "[{\"targets\":[1]}]", "a target is text"},
	    {"200 OK", "application/json", "- targets: [a:1]", "/t:1:"},
	    {"401 No", "application/json", "", "HTTP status 401"},
	};
	struct world w;
	begin(&w);
	apply(&w, "");
	wait_live(&w.h, "a:1/j");
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		say(&w.script, cases[i].status, cases[i].type, "", cases[i].body);
		wait_source(&w.h, cases[i].trouble);
		assert_string_equal(recorder_live(&w.h.r), "a:1/j");
	}
	say(&w.script, "200 OK", "application/json", "", "[{\"targets\":[\"b:1\"]}]");
	wait_live(&w.h, "b:1/j");
	wait_source(&w.h, "/t 1/1 ok");
	end(&w);
}

static void a_server_that_is_away_or_says_too_much(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	harness_apply(&w.h, "  - {job_name: j, http_sd_configs: [{url: 'http://127.0.0.1:1/'}]}\n");
	wait_source(&w.h, "connection refused by 127.0.0.1:1");
	apply(&w, ", bearer_token_file: none");
	wait_source(&w.h, "none cannot be read");
	harness_write(&w.h, "none", "t0ken\n");
	wait_live(&w.h, "a:1/j");
	pthread_mutex_lock(&w.script.lock);
	snprintf(w.script.answer, sizeof w.script.answer,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n[");
	pthread_mutex_unlock(&w.script.lock);
	wait_source(&w.h, "the body is larger than 16777216 bytes");
	assert_string_equal(recorder_live(&w.h.r), "a:1/j");
	end(&w);
}

static void content_types(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		bool valid;
	} cases[] = {
	    {"application/json", true},
	    {"APPLICATION/JSON;charset=utf-8", true},
	    {"application/json ; charset=\"UTF-8\"", true},
	    {"application/json; charset=utf-16", false},
	    {"application/json;", false},
	    {"application/jsonx", false},
	    {"text/json", false},
	    {"", false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		if (pl_sd_http_type_valid(pl_str_of(cases[i].type)) != cases[i].valid)
			fail_msg("%s", cases[i].type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(groups_come_and_change),
	    cmocka_unit_test(an_unchanged_answer_is_not_sent_again),
	    cmocka_unit_test(the_last_good_groups_stay),
	    cmocka_unit_test(a_server_that_is_away_or_says_too_much),
	    cmocka_unit_test(content_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
