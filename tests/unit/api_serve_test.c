/* The whole API over real sockets: a server, target manager, two workers and an output that can be read back, each in its thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http_ask.h"
#include "targets_config.h"

enum { N_WORKERS = 2, MOST_HELD = 100 };

/* ---- an input that fails on port 1 and counts ---- */

struct pinger {
	struct pl_input_counters counters;
};

static enum pl_err pinger_open(const struct pl_input_env *env, void **self)
{
	(void)env;
	*self = pl_calloc(1, sizeof(struct pinger));
	return PL_OK;
}

static void *pinger_attach(void *self, struct pl_target *t)
{
	struct pinger *p = self;
	atomic_fetch_add(&p->counters.scrapes, 3);
	atomic_fetch_add(&p->counters.dropped[1], 7);
	return pl_target_share(t);
}

static void pinger_fire(void *self, void *state, int64_t wall_ns)
{
	(void)self;
	(void)state;
	(void)wall_ns;
}

static void pinger_detach(void *self, void *state)
{
	(void)self;
	pl_target_release(state);
}

static void pinger_status(void *self, void *state, struct pl_target_status *out)
{
	(void)self;
	const struct pl_target *t = state;
	bool down = strstr(t->url, "b:1") != NULL;
	out->health = down ? PL_TARGET_DOWN : PL_TARGET_UNKNOWN;
	out->last_scrape_wall_ns = down ? 1795226045250 * PL_NS_PER_MS : 0;
	out->down_since_wall_ns = out->last_scrape_wall_ns;
	out->last_duration_ns = down ? 250 * PL_NS_PER_MS : 0;
	snprintf(out->last_error, sizeof out->last_error, "%s", down ? "it said \"no\"" : "");
}

static const struct pl_input_counters *pinger_counters(void *self)
{
	return &((struct pinger *)self)->counters;
}

static const char *pinger_drop_label(size_t i)
{
	return i == 0 ? "nan" : i == 1 ? "too_long" : NULL;
}

static void pinger_close(void *self, void (*closed)(void *data), void *data)
{
	free(self);
	closed(data);
}

static const struct pl_input_ops pinger_ops = {pinger_open,   pinger_attach,   pinger_fire,       pinger_detach,
					       pinger_status, pinger_counters, pinger_drop_label, pinger_close};
static const struct pl_plugin pinger = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_INPUT, .name = "pinger", .ops.input = &pinger_ops};

/* ---- an output that knows a few answers, and keeps some questions until it is told to answer ---- */

struct shelf {
	const struct pl_output_env *env;
	struct pl_query *held[MOST_HELD];
	size_t n_held;
};

static enum pl_err shelf_open(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	(void)reason;
	(void)reason_size;
	struct shelf *s = (void *)config;
	s->env = env;
	*self = s;
	return PL_OK;
}

static void shelf_deliver(void *self, struct pl_delivery *d)
{
	(void)self;
	d->done(d, &(struct pl_verdict){.kind = PL_VERDICT_DONE});
}

static void shelf_answer(struct shelf *s, struct pl_query *q)
{
	if (pl_str_is(q->stat, "away")) {
		q->err = PL_ENET;
		q->reason = "http://inner:8086 refused";
	} else if (pl_str_is(q->stat, "unknown")) {
		q->err = PL_ENOENT;
	} else if (!pl_str_is(q->stat, "empty")) {
		q->n_rows = 1;
		q->rows = pl_arena_alloc(&q->arena, sizeof *q->rows);
		*q->rows = (struct pl_query_row){.time_ms = q->poll_ns / PL_NS_PER_MS, .value = (double)q->verb};
	}
	if (q->kind == PL_QUERY_KEYS) {
		q->n_names = 1;
		q->names = pl_arena_alloc(&q->arena, sizeof *q->names);
		q->names[0] = PL_STR("cpu");
	}
	s->env->query_done(q);
}

static void shelf_query(void *self, struct pl_query *q)
{
	struct shelf *s = self;
	if (pl_str_is(q->stat, "hold") && s->n_held < MOST_HELD)
		s->held[s->n_held++] = q;
	else
		shelf_answer(s, q);
}

static void answer_held(void *data)
{
	struct shelf *s = data;
	while (s->n_held > 0)
		shelf_answer(s, s->held[--s->n_held]);
}

static void shelf_close(void *self, void (*closed)(void *data), void *data)
{
	(void)self;
	closed(data);
}

static const struct pl_output_ops shelf_ops = {
    .open = shelf_open, .deliver = shelf_deliver, .query = shelf_query, .close = shelf_close};
static const struct pl_plugin shelf_plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "shelf",
					      .ops.output = &shelf_ops};

/* ---- the daemon around them ---- */

struct fixture {
	struct pl_loop loop;
	struct pl_config *config;
	struct shelf shelf;
	struct pl_section section;
	struct pl_output *output;
	struct pl_outputs *outputs;
	struct pl_worker *workers[N_WORKERS];
	size_t n_added, n_workers_open;
	struct pl_target_manager *targets;
	struct pl_api *api;
	_Atomic bool up;
	bool ready, reload_works;
	char address[80], reason[256];
};

static void target_added(void *data, struct pl_target *t)
{
	struct fixture *f = data;
	pl_worker_add(f->workers[f->n_added++ % N_WORKERS], t);
}

static void target_removed(void *data, struct pl_target *t)
{
	struct fixture *f = data;
	for (size_t i = 0; i < N_WORKERS; i++)
		pl_worker_remove(f->workers[i], t->key);
}

static struct pl_config *present_config(void *data)
{
	return ((struct fixture *)data)->config;
}

static struct pl_outputs *present_outputs(void *data)
{
	return ((struct fixture *)data)->outputs;
}

static bool is_ready(void *data, struct pl_buf *why_not)
{
	struct fixture *f = data;
	bool was_ready = f->ready;
	if (!was_ready)
		pl_buf_add_cstr(why_not, "the moon is not up");
	f->ready = true; /* from now on */
	return was_ready;
}

static bool reload(void *data, struct pl_buf *problems)
{
	struct fixture *f = data;
	if (!f->reload_works)
		pl_buf_add_cstr(problems, "x.yml:1:2: what is wrong");
	f->reload_works = !f->reload_works;
	return !f->reload_works;
}

static struct pl_api_reload_stats reload_stats(void *data)
{
	(void)data;
	return (struct pl_api_reload_stats){2, 1, true, 1500000000};
}

static void open_there(void *data)
{
	struct fixture *f = data;
	static const struct pl_target_events events = {target_added, target_removed};
	f->section = (struct pl_section){.kind = "shelf", .plugin = &shelf_plugin, .config = &f->shelf};
	const struct pl_output_options output = {
	    .name = "she\"lf", .section = &f->section, .config = f->config, .memory_bytes = 1 << 20};
	assert_int_equal(pl_output_create(&f->output, &output, f->reason, sizeof f->reason), PL_OK);
	f->outputs = pl_outputs_create(&f->output, 1);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		const struct pl_worker_options worker = {.index = i, .input = &pinger, .outputs = f->outputs};
		assert_int_equal(pl_worker_create(&f->workers[i], &worker), PL_OK);
	}
	f->n_workers_open = N_WORKERS;
	f->targets = pl_target_manager_create(&f->loop, NULL, &events, f);
	const struct pl_api_env env = {
	    .loop = &f->loop,
	    .workers = f->workers,
	    .n_workers = N_WORKERS,
	    .targets = f->targets,
	    .started_wall_ns = 1,
	    .daemon = f,
	    .config = present_config,
	    .outputs = present_outputs,
	    .ready = is_ready,
	    .reload = reload,
	    .reload_stats = reload_stats,
	    .drop_label = pinger_drop_label,
	};
	assert_int_equal(pl_api_open(&f->api, &env, f->reason, sizeof f->reason), PL_OK);
	snprintf(f->address, sizeof f->address, "%s", pl_api_address(f->api));
	pl_target_manager_apply(f->targets, f->config);
	f->up = true;
}

static void output_closed(void *data, uint64_t lost)
{
	struct fixture *f = data;
	assert_int_equal(lost, 0);
	pl_loop_stop(&f->loop);
}

static void worker_closed(void *data)
{
	struct fixture *f = data;
	if (--f->n_workers_open > 0)
		return;
	pl_outputs_release(f->outputs);
	pl_output_close(f->output, 1000, NULL, &f->loop, output_closed, f);
}

static void targets_closed(void *data)
{
	struct fixture *f = data;
	for (size_t i = 0; i < N_WORKERS; i++)
		pl_worker_close(f->workers[i], &f->loop, worker_closed, f);
}

static void api_closed(void *data)
{
	struct fixture *f = data;
	pl_target_manager_close(f->targets, targets_closed, f);
}

static void close_there(void *data)
{
	struct fixture *f = data;
	pl_api_close(f->api, 1000, api_closed, f);
}

static void start(struct fixture *f, const char *config)
{
	f->config = config_of(config);
	assert_int_equal(pl_loop_init(&f->loop, "control"), PL_OK);
	assert_int_equal(pl_loop_spawn(&f->loop), PL_OK);
	assert_true(pl_loop_call(&f->loop, open_there, f));
	while (!f->up)
		usleep(1000);
}

static void stop(struct fixture *f)
{
	assert_true(pl_loop_call(&f->loop, close_there, f));
	pl_loop_join(&f->loop);
	pl_loop_finish(&f->loop);
	pl_config_release(f->config);
}

struct row {
	const char *request, *status;
	const char *has[4];  /* in the answer */
	const char *has_not; /* NULL: nothing to look for */
};

#define H     " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
#define HEAD  H "\r\n"
#define CORS  "Access-Control-Allow-Origin: https://dash.example\r\n"
#define TOKEN "X-Auth-Token: s3cret\r\n"

static void ask_all(const struct fixture *f, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *answer = http_ask(f->address, rows[i].request);
		if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, rows[i].status, 3) != 0)
			fail_msg("row %zu: %s gave %s", i, rows[i].request, answer);
		for (size_t k = 0; k < PL_COUNT_OF(rows[i].has) && rows[i].has[k] != NULL; k++)
			if (strstr(answer, rows[i].has[k]) == NULL)
				fail_msg("row %zu: %s lacks %s: %s", i, rows[i].request, rows[i].has[k], answer);
		if (rows[i].has_not != NULL && strstr(answer, rows[i].has_not) != NULL)
			fail_msg("row %zu: %s has %s", i, rows[i].request, rows[i].has_not);
		free(answer);
	}
}

static const char two_targets[] = "global: {scrape_interval: 10s}\n"
				  "server: {http: {listen: '127.0.0.1:0', cors_allow: 'https://dash.example'}}\n"
				  "scrape_configs:\n"
				  "- {job_name: z, told_sd_configs: [{id: a, first: 'b:1', second: 'a:2'}]}\n"
				  "- {job_name: c, params: {token: [hidden]}, told_sd_configs: [{id: b, first: 'd:3'}]}\n";

static void every_route_answers(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"GET /" HEAD, "200", {"text/html", "href=\"metrics\"", "</html>"}, "src="},
	    {"GET /nothing" HEAD, "404", {"nosniff", "\r\n\r\n404 page not found\n"}, "Access-Control"},
	    {"GET /-/healthy" HEAD, "200", {"healthy"}, NULL},
	    {"GET /-/ready" HEAD, "503", {"the moon is not up\n"}, NULL},
	    {"GET /-/ready" HEAD, "200", {"ready"}, NULL},
	    {"POST /-/reload" HEAD, "500", {"\r\n\r\nx.yml:1:2: what is wrong\n"}, NULL},
	    {"PUT /-/reload" HEAD, "200", {"reloaded"}, "wrong"},
	    {"GET /-/reload" HEAD, "405", {"Allow: POST, PUT\r\n"}, NULL},
	    {"GET /ping" HEAD, "200", {"text/plain", "\r\n\r\npong"}, "pong\n"},
	    {"OPTIONS /latest/cpu" HEAD,
	     "200",
	     {CORS, "Access-Control-Allow-Methods: GET, POST, PUT, DELETE\r\n",
	      "Access-Control-Allow-Headers: X-AUTH-TOKEN, X-CSRF-Token\r\n", "\r\n\r\n{\"msg\":\"Success\"}\n"},
	     NULL},
	    {"GET /config" HEAD, "200", {"text/yaml", "job_name: z"}, NULL},
	    {"GET /keys" HEAD, "200", {"application/json", "\r\n\r\n[\"cpu\"]\n"}, "Access-Control"},
	    {"GET /tags" HEAD, "200", {"\r\n\r\n[]\n"}, "Access-Control"},
	    {"GET /latest/cpu" HEAD, "200", {CORS, "\r\n\r\n{\"time\":10000,\"value\":1}\n"}, NULL},
	    {"GET /latest/cpu/x?verb=last" HEAD, "200", {"{\"time\":10000,\"value\":7}\n"}, NULL},
	    {"GET /latest/cpu?verb=bo(gus" HEAD, "400", {CORS, "{\"error\":\"verb must be one of"}, NULL},
	    {"GET /latest/unknown" HEAD, "404", {CORS, "\r\n\r\n{\"error\":\"Not Found\"}\n"}, NULL},
	    {"GET /latest/empty" HEAD, "404", {"{\"error\":\"Not Found\"}\n"}, NULL},
	    {"GET /latest/away" HEAD, "500", {"{\"error\":\"the store cannot be read"}, "inner"},
	    {"GET /a/../keys" HEAD, "301", {"Location: /keys\r\n"}, NULL},
	    {"GET /api/v1/targets?state=dropped" HEAD, "200", {"\"activeTargets\":[],\"droppedTargets\":[]"}, NULL},
	    {"GET /api/v1/targets?state=sleepy" HEAD, "400", {"\"status\":\"error\""}, NULL},
	    {"GET /metrics" HEAD,
	     "200",
	     {"text/plain; version=0.0.4", "pulseline_scrapes_total 9\n",
	      "pulseline_scrape_samples_dropped_total{reason=\"too_long\"} 21\n",
	      "pulseline_output_points_in_total{output=\"she\\\"lf\"} 0\n"},
	     "# EOF"},
	    {"GET /metrics" H "Accept: application/openmetrics-text\r\n\r\n",
	     "200",
	     {"application/openmetrics-text; version=1.0.0", "# TYPE pulseline_config_reloads counter\n",
	      "pulseline_config_reloads_total{result=\"refused\"} 1\n", "\n# EOF\n"},
	     NULL},
	    {"HEAD /metrics" HEAD, "200", {"Content-Length: ", "\r\n\r\n"}, "pulseline"},
	};
	struct fixture f = {0};
	start(&f, two_targets);
	ask_all(&f, rows, PL_COUNT_OF(rows));
	stop(&f);
}

static void latest_takes_the_interval_of_those_that_give_values(void **state)
{
	(void)state;
	static const char job[] = "scrape_configs: [{job_name: z, told_sd_configs: [{id: a, first: 'b:1', second: 'a:2'}]}]\n";
	static const struct {
		const char *scrape, *poll, *jobs, *time;
	} cases[] = {
	    {"10s", NULL, job, "10000"},  {"10s", NULL, "", "10000"}, {"10s", "1s", job, "10000"},
	    {"10s", "60s", job, "60000"}, {"10s", "1s", "", "1000"},  {"10s", "60s", "", "60000"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fixture f = {0};
		struct pl_buf text = {0};
		pl_buf_addf(&text, "global: {scrape_interval: %s}\nserver: {http: {listen: '127.0.0.1:0'}", cases[i].scrape);
		if (cases[i].poll != NULL)
			pl_buf_addf(&text, ", relay: {listen: '127.0.0.1:3000', poll_interval: %s}", cases[i].poll);
		pl_buf_addf(&text, "}\n%s", cases[i].jobs);
		start(&f, pl_buf_cstr(&text));
		char *answer = http_ask(f.address, "GET /latest/cpu" HEAD);
		char expected[64];
		snprintf(expected, sizeof expected, "{\"time\":%s,\"value\":1}\n", cases[i].time);
		assert_non_null(strstr(answer, expected));
		free(answer);
		stop(&f);
		pl_buf_finish(&text);
	}
}

static void targets_come_from_all_workers_in_order(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, two_targets);
	char *answer = http_ask(f.address, "GET /api/v1/targets" HEAD);
	const char *d3 = strstr(answer, "\"scrapeUrl\":\"http://d:3/metrics?token=\\u003csecret\\u003e\"");
	const char *a2 = strstr(answer, "\"scrapeUrl\":\"http://a:2/metrics\"");
	const char *b1 = strstr(answer, "\"scrapeUrl\":\"http://b:1/metrics\"");
	assert_true(d3 != NULL && a2 > d3 && b1 > a2);
	assert_null(strstr(answer, "hidden"));
	assert_non_null(strstr(answer, "{\"status\":\"success\",\"data\":{\"activeTargets\":[{\"discoveredLabels\":{"));
	assert_non_null(strstr(b1, "\"lastError\":\"it said \\\"no\\\"\",\"lastScrape\":\"2026-11-21T01:54:05.250Z\","
				   "\"lastScrapeDuration\":0.25,\"health\":\"down\",\"scrapeInterval\":\"10s\""));
	assert_non_null(strstr(a2, "\"lastScrape\":\"0001-01-01T00:00:00Z\",\"lastScrapeDuration\":0,\"health\":\"unknown\""));
	assert_non_null(strstr(answer, "\"discovery\":[]}}\n"));
	free(answer);
	stop(&f);
}

static void who_has_no_token_stays_outside(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"GET /ping" HEAD, "401", {"Content-Length: 0\r\n"}, "Content-Type"},
	    {"GET /nothing" HEAD, "401", {"Content-Length: 0\r\n"}, "Access-Control"},
	    {"GET /latest/cpu" HEAD, "401", {"\r\n\r\n"}, "Access-Control"},
	    {"POST /-/reload" HEAD, "401", {"\r\n\r\n"}, NULL},
	    {"GET /a//b" HEAD, "401", {"\r\n\r\n"}, "Location"},
	    {"GET /-/healthy" HEAD, "200", {"healthy"}, NULL},
	    {"OPTIONS /ping" HEAD, "200", {"Success"}, NULL},
	    {"GET /ping" HEAD, "401", {"\r\n\r\n"}, NULL}, /* not opened by OPTIONS */
	    {"GET /ping" H TOKEN "\r\n", "200", {"pong"}, NULL},
	    {"GET /ping" H "x-auth-token: s3cre\r\n\r\n", "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping" H "x-auth-token: s3cret2\r\n\r\n", "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping" H "Authorization: bearer  s3cret\r\n\r\n", "200", {"pong"}, NULL},
	    {"GET /ping" H "Authorization: Basic s3cret\r\n\r\n", "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping" H "Authorization: Bearer\r\n\r\n", "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping?X-AUTH-TOKEN=s3cret" HEAD, "200", {"pong"}, NULL},
	    {"GET /ping?a=b&X-AUTH-TOKEN=%733cret" HEAD, "200", {"pong"}, NULL},
	    {"GET /ping?x-auth-token=s3cret" HEAD, "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping?X-AUTH-TOKEN=no" H TOKEN "\r\n", "200", {"pong"}, NULL},
	    {"GET /ping?X-AUTH-TOKEN=s3cret" H "X-AUTH-TOKEN: no\r\n\r\n", "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping?X-AUTH-TOKEN=s3cret" H "X-AUTH-TOKEN:\r\n\r\n", "200", {"pong"}, NULL},
	    {"GET /config" H TOKEN "\r\n", "200", {"token: <secret>"}, "s3cret"},
	};
	struct fixture f = {0};
	start(&f, "server: {http: {listen: '127.0.0.1:0', token: s3cret}}\n");
	ask_all(&f, rows, PL_COUNT_OF(rows));
	stop(&f);
}

static void a_token_file_that_cannot_be_read_lets_nobody_in(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {"GET /ping?X-AUTH-TOKEN=" HEAD, "401", {"\r\n\r\n"}, NULL},
	    {"GET /ping" HEAD, "401", {"\r\n\r\n"}, NULL},
	    {"GET /-/ready" HEAD, "503", {"moon"}, NULL},
	};
	struct fixture f = {0};
	start(&f, "server: {http: {listen: '127.0.0.1:0', token_file: /dev/null}}\n");
	ask_all(&f, rows, PL_COUNT_OF(rows));
	stop(&f);
}

static void too_many_open_questions_are_refused(void **state)
{
	(void)state;
	enum { MOST = 64 };
	static const char request[] = "GET /latest/hold" HEAD;
	static const struct row full = {"GET /latest/cpu" HEAD, "503", {"{\"error\":\"too many questions"}, NULL};
	struct fixture f = {0};
	int fds[MOST];
	start(&f, two_targets);
	for (size_t i = 0; i < MOST; i++) {
		fds[i] = http_dial(f.address);
		http_put(fds[i], request, sizeof request - 1);
	}
	for (bool all = false; !all;) {
		char *answer = http_ask(f.address, "GET /metrics" HEAD);
		all = strstr(answer, "\npulseline_store_questions_open 64\n") != NULL;
		free(answer);
	}
	ask_all(&f, &full, 1);
	/* Half of those who asked go away; the others get their answer. */
	const struct linger reset = {1, 0};
	for (size_t i = 0; i < MOST; i += 2) {
		setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fds[i]);
	}
	assert_true(pl_loop_call(f.shelf.env->loop, answer_held, &f.shelf));
	for (size_t i = 1; i < MOST; i += 2) {
		char *answer = http_get(fds[i], NULL);
		assert_non_null(strstr(answer, "{\"time\":10000,\"value\":1}\n"));
		free(answer);
		close(fds[i]);
	}
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_route_answers),
	    cmocka_unit_test(latest_takes_the_interval_of_those_that_give_values),
	    cmocka_unit_test(targets_come_from_all_workers_in_order),
	    cmocka_unit_test(who_has_no_token_stays_outside),
	    cmocka_unit_test(a_token_file_that_cannot_be_read_lets_nobody_in),
	    cmocka_unit_test(too_many_open_questions_are_refused),
	};
	return cmocka_run_group_tests_name("api_serve", tests, NULL, NULL);
}
