/* The quarantine's routes over real sockets, with an output in its own thread that keeps what is sent to it. */
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
#include "pipeline/quarantine.h"
#include "targets_config.h"

#define SECOND INT64_C(1000000000)

/* ---- an output that keeps what it is given; guarded by the lock ---- */

struct basket {
	uv_mutex_t lock;
	struct pl_buf got; /* "database: line" each */
	size_t points;
	bool hold;
};

struct basket_instance {
	struct basket *basket;
	struct pl_delivery *held;
};

static enum pl_err basket_open(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	(void)env;
	(void)reason;
	(void)reason_size;
	struct basket_instance *i = pl_calloc(1, sizeof *i);
	i->basket = *(struct basket *const *)config;
	*self = i;
	return PL_OK;
}

static void basket_deliver(void *self, struct pl_delivery *d)
{
	struct basket_instance *i = self;
	uv_mutex_lock(&i->basket->lock);
	bool hold = i->basket->hold;
	for (size_t k = 0; !hold && k < d->n; k++) {
		struct pl_str rest = {d->batches[k]->p, d->batches[k]->n};
		while (rest.n > 0) {
			struct pl_str line = pl_str_cut(&rest, '\n');
			pl_buf_addf(&i->basket->got, "%s: %.*s\n", d->route->database, (int)line.n, line.p);
			i->basket->points++;
		}
	}
	uv_mutex_unlock(&i->basket->lock);
	if (hold)
		i->held = d;
	else
		d->done(d, &(struct pl_verdict){.kind = PL_VERDICT_DONE});
}

static void basket_close(void *self, void (*closed)(void *data), void *data)
{
	struct basket_instance *i = self;
	if (i->held != NULL)
		i->held->done(i->held, &(struct pl_verdict){.kind = PL_VERDICT_RETRY});
	free(i);
	closed(data);
}

static const struct pl_output_ops basket_ops = {
    .open = basket_open, .deliver = basket_deliver, .close = basket_close, .durable = true};
static const struct pl_plugin basket_plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "basket",
					       .ops.output = &basket_ops};

/* ---- the fixture ---- */

struct fixture {
	struct pl_loop loop;
	struct pl_config *config;
	struct basket basket, *basket_config;
	struct pl_section section;
	struct pl_output *output;
	struct pl_outputs *outputs;
	struct pl_target_manager *targets;
	struct pl_quarantine *quarantine;
	struct pl_api *api;
	char address[64], reason[256];
	_Atomic bool up;
};

static void target_ignored(void *data, struct pl_target *t)
{
	(void)data;
	(void)t;
}

static struct pl_config *present_config(void *data)
{
	return ((struct fixture *)data)->config;
}

static struct pl_outputs *present_outputs(void *data)
{
	return ((struct fixture *)data)->outputs;
}

static struct pl_api_reload_stats reload_stats(void *data)
{
	(void)data;
	return (struct pl_api_reload_stats){0};
}

static void open_there(void *data)
{
	struct fixture *f = data;
	static const struct pl_target_events events = {target_ignored, target_ignored};
	f->basket_config = &f->basket;
	f->section = (struct pl_section){.kind = "basket", .plugin = &basket_plugin, .config = &f->basket_config};
	const struct pl_output_options output = {
	    .name = "basket", .section = &f->section, .config = f->config, .memory_bytes = 64 * 1024};
	assert_int_equal(pl_output_create(&f->output, &output, f->reason, sizeof f->reason), PL_OK);
	f->outputs = pl_outputs_create(&f->output, 1);
	f->targets = pl_target_manager_create(&f->loop, NULL, &events, f);
	const struct pl_api_env env = {
	    .loop = &f->loop,
	    .targets = f->targets,
	    .quarantine = f->quarantine,
	    .daemon = f,
	    .config = present_config,
	    .outputs = present_outputs,
	    .reload_stats = reload_stats,
	};
	assert_int_equal(pl_api_open(&f->api, &env, f->reason, sizeof f->reason), PL_OK);
	snprintf(f->address, sizeof f->address, "%s", pl_api_address(f->api));
	f->up = true;
}

static void output_closed(void *data, uint64_t lost)
{
	struct fixture *f = data;
	(void)lost;
	pl_loop_stop(&f->loop);
}

static void targets_closed(void *data)
{
	struct fixture *f = data;
	pl_outputs_release(f->outputs);
	pl_output_close(f->output, 0, NULL, &f->loop, output_closed, f);
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
	const struct pl_quarantine_options options = {.max_bytes = 16 << 20};
	assert_int_equal(pl_quarantine_open(&f->quarantine, &options, f->reason, sizeof f->reason), PL_OK);
	f->config = config_of(config);
	uv_mutex_init(&f->basket.lock);
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
	pl_quarantine_close(f->quarantine);
	uv_mutex_destroy(&f->basket.lock);
	pl_buf_finish(&f->basket.got);
}

static void add(struct fixture *f, const char *output, const char *database, const char *as, int64_t wall_s, const char *line)
{
	struct pl_route *route = pl_route_create(database, "");
	const struct pl_quarantined v = {.refused_wall_ns = wall_s * SECOND,
					 .output = output,
					 .route = route,
					 .as = as,
					 .line = pl_str_of(line),
					 .reason = PL_STR("the <server's> \"words\"")};
	assert_int_equal(pl_quarantine_add(f->quarantine, &v, 1, f->reason, sizeof f->reason), PL_OK);
	pl_route_release(route);
}

static void add_numbered(struct fixture *f, const char *output, int n, int fill)
{
	char line[1200];
	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof line, "m,job=j v=%d,s=\"%0*d\" 1", i, fill, 0);
		add(f, output, "", "refused", 1, line);
	}
}

/* The status and the body of an answer that ends with the connection; the text is the caller's. */
static char *ask(const struct fixture *f, const char *method, const char *path)
{
	char request[512];
	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method, path);
	return http_ask(f->address, request);
}

static void assert_answer(const struct fixture *f, const char *method, const char *path, int status, const char *has)
{
	char *answer = ask(f, method, path);
	if (atoi(answer + 9) != status || strstr(answer, has) == NULL)
		fail_msg("%s %s: want %d and %s, got %s", method, path, status, has, answer);
	free(answer);
}

static void await_points(struct fixture *f, size_t n)
{
	for (;;) {
		uv_mutex_lock(&f->basket.lock);
		size_t points = f->basket.points;
		uv_mutex_unlock(&f->basket.lock);
		assert_true(points <= n);
		if (points == n)
			return;
		usleep(1000);
	}
}

static const char plain[] = "server: {http: {listen: '127.0.0.1:0'}}\n";

/* ---- the tests ---- */

static void an_empty_quarantine_answers(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	assert_answer(&f, "GET", "/api/v1/quarantine", 200,
		      "{\"status\":\"success\",\"data\":{\"lines\":[],\"paging\":{\"total\":0,\"offset\":0,\"limit\":100,"
		      "\"returned\":0,\"next\":null}}}\n");
	assert_answer(&f, "DELETE", "/api/v1/quarantine?all=true", 200, "{\"status\":\"success\",\"data\":{\"deleted\":0}}\n");
	assert_answer(&f, "POST", "/api/v1/quarantine/replay?all=true", 200, "\"data\":{\"replayed\":0}}\n");
	assert_answer(&f, "POST", "/api/v1/quarantine/replay", 400,
		      "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":"
		      "\"which lines?");
	assert_answer(&f, "DELETE", "/api/v1/quarantine", 400, "all=true");
	assert_answer(&f, "GET", "/api/v1/quarantine?limit=x", 400, "limit must be");
	assert_answer(&f, "PUT", "/api/v1/quarantine", 405, "Allow: GET, HEAD, DELETE");
	assert_answer(&f, "GET", "/api/v1/quarantine/replay", 405, "Allow: POST");
	assert_answer(&f, "POST", "/api/v1/quarantine/replay?output=gone", 409, "no output is called gone any more");
	assert_answer(&f, "GET", "/metrics", 200, "\npulseline_quarantine_limit_bytes 16777216\n");
	stop(&f);
}

static void lines_are_listed_by_page(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	add(&f, "basket", "db", "field_type", 1500000000, "cpu,instance=h:1,job=node v=\"<b>\" 1");
	assert_answer(
	    &f, "GET", "/api/v1/quarantine", 200,
	    "{\"id\":1,\"refusedAt\":\"2017-07-14T02:40:00.000Z\",\"output\":\"basket\",\"database\":\"db\","
	    "\"retentionPolicy\":\"\",\"reason\":\"field_type\",\"message\":\"the \\u003cserver's\\u003e \\\"words\\\"\","
	    "\"measurement\":\"cpu\",\"job\":\"node\",\"instance\":\"h:1\","
	    "\"line\":\"cpu,instance=h:1,job=node v=\\\"\\u003cb\\u003e\\\" 1\"}]");
	add_numbered(&f, "other", 250, 1);
	static const struct {
		const char *query, *paging;
	} rows[] = {
	    {"", "\"total\":251,\"offset\":0,\"limit\":100,\"returned\":100,\"next\":100}"},
	    {"?after=100", "\"total\":251,\"offset\":0,\"limit\":100,\"returned\":100,\"next\":200}"},
	    {"?after=200", "\"total\":251,\"offset\":0,\"limit\":100,\"returned\":51,\"next\":null}"},
	    {"?after=151", "\"total\":251,\"offset\":0,\"limit\":100,\"returned\":100,\"next\":null}"},
	    {"?after=251", "\"returned\":0,\"next\":null}"},
	    {"?offset=200&limit=10", "\"total\":251,\"offset\":200,\"limit\":10,\"returned\":10,\"next\":210}"},
	    {"?limit=0", "\"total\":251,\"offset\":0,\"limit\":0,\"returned\":0,\"next\":null}"},
	    {"?output=basket", "\"total\":1,\"offset\":0,\"limit\":100,\"returned\":1,\"next\":null}"},
	    {"?id=7", "\"total\":1,\"offset\":0,\"limit\":100,\"returned\":1,\"next\":null}"},
	    {"?id=7&after=7", "\"total\":1,\"offset\":0,\"limit\":100,\"returned\":0,\"next\":null}"},
	    {"?reason=field_type&job=node&instance=h:1&measurement=cpu&contains=v%3D", "\"total\":1,"},
	    {"?job=j&limit=1000", "\"total\":250,\"offset\":0,\"limit\":1000,\"returned\":250,\"next\":null}"},
	    {"?since=2017-01-01T00:00:00Z", "\"total\":1,"},
	    {"?until=1500000000", "\"total\":251,"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char path[160];
		snprintf(path, sizeof path, "/api/v1/quarantine%s", rows[i].query);
		assert_answer(&f, "GET", path, 200, rows[i].paging);
	}
	stop(&f);
}

static void a_large_answer_streams(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	add_numbered(&f, "basket", 1000, 1000);
	char *answer = ask(&f, "GET", "/api/v1/quarantine?limit=1000");
	size_t ids = 0;
	for (const char *p = answer; (p = strstr(p, "{\"id\":")) != NULL; p++)
		ids++;
	assert_int_equal(ids, 1000);
	assert_non_null(strstr(answer, "Transfer-Encoding: chunked"));
	assert_non_null(strstr(answer, "\"returned\":1000,\"next\":null}}}\n"));
	free(answer);
	stop(&f);
}

static void lines_are_deleted(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	add_numbered(&f, "a", 5000, 1);
	add_numbered(&f, "b", 10, 1);
	assert_answer(&f, "DELETE", "/api/v1/quarantine?output=b&limit=3", 200, "\"data\":{\"deleted\":3}}");
	assert_answer(&f, "DELETE", "/api/v1/quarantine?output=a", 200, "\"data\":{\"deleted\":5000}}");
	assert_answer(&f, "DELETE", "/api/v1/quarantine?id=1", 200, "\"data\":{\"deleted\":0}}");
	assert_answer(&f, "GET", "/metrics", 200, "\npulseline_quarantine_lines 7\n");
	assert_answer(&f, "GET", "/metrics", 200, "\npulseline_quarantine_deleted_total 5003\n");
	assert_answer(&f, "DELETE", "/api/v1/quarantine?all=true", 200, "\"data\":{\"deleted\":7}}");
	assert_answer(&f, "GET", "/api/v1/quarantine", 200, "\"total\":0");
	stop(&f);
}

static void lines_are_sent_again(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	add(&f, "basket", "one", "field_type", 1, "a v=1 1");
	add(&f, "basket", "two", "field_type", 1, "b v=1 1");
	add(&f, "basket", "one", "field_type", 1, "c v=1 1");
	add(&f, "basket", "one", "refused", 1, "d v=1 1");
	add(&f, "gone", "one", "refused", 1, "e v=1 1");
	assert_answer(
	    &f, "POST", "/api/v1/quarantine/replay?all=true", 409,
	    "\"errorType\":\"conflict\",\"error\":\"no output is called gone any more, and 1 of the lines belong to it; "
	    "none was sent");
	assert_int_equal(pl_quarantine_stats(f.quarantine).lines, 5);
	assert_answer(&f, "POST", "/api/v1/quarantine/replay?reason=field_type", 200,
		      "\"data\":{\"replayed\":3,\"left\":0,\"outputs\":{\"basket\":3}}}");
	await_points(&f, 3);
	assert_non_null(strstr(pl_buf_cstr(&f.basket.got), "one: a v=1 1\none: c v=1 1\n"));
	assert_non_null(strstr(pl_buf_cstr(&f.basket.got), "two: b v=1 1\n"));
	assert_answer(&f, "POST", "/api/v1/quarantine/replay?output=basket&limit=1", 200, "\"replayed\":1,\"left\":0");
	await_points(&f, 4);
	struct pl_quarantine_stats s = pl_quarantine_stats(f.quarantine);
	assert_int_equal(s.lines, 1);
	assert_int_equal(s.replayed, 4);
	assert_int_equal(s.deleted, 0);
	stop(&f);
}

static void a_full_queue_is_not_overfilled(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, plain);
	f.basket.hold = true;
	add_numbered(&f, "basket", 400, 1000);
	char *answer = ask(&f, "POST", "/api/v1/quarantine/replay?all=true");
	assert_non_null(strstr(answer, "\"warnings\":[\"basket has a full queue"));
	free(answer);
	struct pl_quarantine_stats s = pl_quarantine_stats(f.quarantine);
	struct pl_output_status status;
	pl_output_status(f.output, &status);
	assert_true(s.replayed > 10 && s.lines > 300);
	assert_int_equal(s.replayed + s.lines, 400);
	assert_int_equal(status.account.points_in, s.replayed);
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		assert_int_equal(status.account.dropped[d], 0);
	stop(&f);
}

static void who_has_no_token_changes_nothing(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, "server: {http: {listen: '127.0.0.1:0', token: s3cret}}\n");
	add(&f, "basket", "", "refused", 1, "a v=1 1");
	assert_answer(&f, "GET", "/api/v1/quarantine", 401, "");
	assert_answer(&f, "DELETE", "/api/v1/quarantine?all=true", 401, "");
	assert_answer(&f, "POST", "/api/v1/quarantine/replay?all=true", 401, "");
	assert_int_equal(pl_quarantine_stats(f.quarantine).lines, 1);
	assert_answer(&f, "DELETE", "/api/v1/quarantine?all=true&X-AUTH-TOKEN=s3cret", 200, "\"deleted\":1");
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_quarantine_answers),
	    cmocka_unit_test(lines_are_listed_by_page),
	    cmocka_unit_test(a_large_answer_streams),
	    cmocka_unit_test(lines_are_deleted),
	    cmocka_unit_test(lines_are_sent_again),
	    cmocka_unit_test(a_full_queue_is_not_overfilled),
	    cmocka_unit_test(who_has_no_token_changes_nothing),
	};
	return cmocka_run_group_tests_name("api_quarantine", tests, NULL, NULL);
}
