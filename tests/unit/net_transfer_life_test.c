#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_fetch.h"
#include "net_script_server.h"

/* /slow never answers; anything else is answered with 100,000 bytes. */
static void serve(struct script_connection *c)
{
	static char page[100000];
	while (script_read(c)) {
		while (strcmp(c->path, "/slow") == 0 && script_pause(c, 20))
			;
		if (!script_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") || !script_send(c, page, sizeof page))
			return;
	}
}

struct world {
	struct script_server server;
	struct fetcher fetcher;
	char url[64], slow[64];
};

static int setup(void **state)
{
	struct world *w = pl_calloc(1, sizeof *w);
	script_start(&w->server, serve, NULL);
	const struct pl_transfer_pool_options options = {.max_per_multi = 4, .max_connections = 2};
	fetcher_init(&w->fetcher, &options);
	snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/page", w->server.port);
	snprintf(w->slow, sizeof w->slow, "http://127.0.0.1:%u/slow", w->server.port);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	if (w->fetcher.closed == 0)
		fetcher_finish(&w->fetcher);
	script_stop(&w->server);
	free(w);
	return 0;
}

static void expect_cancelled(const struct fetch *f)
{
	assert_int_equal(f->done, 1);
	assert_int_equal(f->result.err, PL_ECANCELED);
	assert_string_equal(f->result.reason, "cancelled");
}

static void cancelled_at_once(void **state)
{
	struct world *w = *state;
	const char *urls[] = {w->url, "http://localhost.invalid/", "http://no..name/", "nonsense"};
	for (size_t i = 0; i < PL_COUNT_OF(urls); i++) {
		struct fetch f = {0};
		fetch_begin(&w->fetcher, &f, &(struct pl_transfer_request){.url = urls[i]});
		pl_transfer_cancel(&f.transfer);
		pl_transfer_cancel(&f.transfer);
		assert_int_equal(f.done, 0);
		fetcher_run(&w->fetcher);
		expect_cancelled(&f);
		assert_int_equal(f.heads, 0);
		pl_transfer_cancel(&f.transfer); /* nothing to cancel any more */
	}
	assert_int_equal(pl_transfer_pool_stats(w->fetcher.pool).failed, 0);
}

static void cancel_self(struct fetch *f)
{
	pl_transfer_cancel(&f->transfer);
}

static void cancelled_from_its_own_data(void **state)
{
	struct world *w = *state;
	struct fetch f = {.on_data = cancel_self};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url});
	expect_cancelled(&f);
	assert_true(f.body.n > 0 && f.body.n < 100000);
	assert_int_equal(f.result.status, 200);
	pl_buf_finish(&f.body);
}

static void ended_by_what_the_reader_returns(void **state)
{
	struct world *w = *state;
	struct fetch f = {.data_says = PL_EPARSE};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url});
	assert_int_equal(f.result.err, PL_EPARSE);
	assert_non_null(strstr(f.result.reason, "malformed input"));
	pl_buf_finish(&f.body);
	struct fetch g = {.head_says = PL_EUNSUPPORTED};
	fetch(&w->fetcher, &g, &(struct pl_transfer_request){.url = w->url});
	assert_int_equal(g.result.err, PL_EUNSUPPORTED);
	assert_int_equal(g.heads, 1);
	assert_int_equal(g.body.n, 0);
}

struct chain {
	struct fetch f; /* first */
	struct fetch other;
	const char *url;
	unsigned rounds;
};

static void start_again(struct fetch *f)
{
	struct chain *c = (struct chain *)f;
	unsigned done = f->done;
	if (c->rounds-- > 0)
		fetch_begin(f->fetcher, f, &(struct pl_transfer_request){.url = c->url, .affinity = c->rounds % 3});
	else
		f->done = done;
}

static void started_again_when_done(void **state)
{
	struct world *w = *state;
	struct chain c = {.f.on_done = start_again, .url = w->url, .rounds = 30};
	fetch(&w->fetcher, &c.f, &(struct pl_transfer_request){.url = w->url});
	assert_int_equal(c.f.result.err, PL_OK);
	assert_int_equal(c.f.body.n, 100000);
	assert_int_equal(pl_transfer_pool_stats(w->fetcher.pool).started, 31);
	assert_int_equal(w->server.requests, 31);
	pl_buf_finish(&c.f.body);
}

static void start_other(struct fetch *f)
{
	struct chain *c = (struct chain *)f;
	f->on_data = NULL;
	fetch_begin(f->fetcher, &c->other, &(struct pl_transfer_request){.url = c->url});
}

static void another_started_from_data(void **state)
{
	struct world *w = *state;
	struct chain c = {.f.on_data = start_other, .url = w->url};
	fetch(&w->fetcher, &c.f, &(struct pl_transfer_request){.url = w->url});
	assert_int_equal(c.f.result.err, PL_OK);
	assert_int_equal(c.other.result.err, PL_OK);
	assert_int_equal(c.f.body.n, 100000);
	assert_int_equal(c.other.body.n, 100000);
	pl_buf_finish(&c.f.body);
	pl_buf_finish(&c.other.body);
}

static void cancel_other(struct fetch *f)
{
	struct chain *c = (struct chain *)f;
	if (c->other.transfer.flight != NULL)
		pl_transfer_cancel(&c->other.transfer);
}

static void another_cancelled_from_data_and_from_done(void **state)
{
	struct world *w = *state;
	for (int when = 0; when < 2; when++) {
		struct chain c = {0};
		if (when == 0)
			c.f.on_data = cancel_other;
		else
			c.f.on_done = cancel_other;
		fetch_begin(&w->fetcher, &c.other, &(struct pl_transfer_request){.url = w->slow});
		fetch(&w->fetcher, &c.f, &(struct pl_transfer_request){.url = w->url});
		assert_int_equal(c.f.result.err, PL_OK);
		expect_cancelled(&c.other);
		pl_buf_finish(&c.f.body);
	}
}

static void closing_cancels_what_runs(void **state)
{
	enum { N = 50 };
	struct world *w = *state;
	struct fetch *f = pl_calloc(N, sizeof *f);
	for (unsigned i = 0; i < N; i++) {
		const char *url = i % 3 == 0 ? w->slow : i % 3 == 1 ? w->url : "http://localhost.invalid/";
		fetch_begin(&w->fetcher, &f[i], &(struct pl_transfer_request){.url = url, .affinity = i});
	}
	uv_run(&w->fetcher.loop.uv, UV_RUN_NOWAIT);
	fetcher_finish(&w->fetcher);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(f[i].done, 1);
		pl_buf_finish(&f[i].body);
	}
	free(f);
}

static void start_once_more(struct fetch *f)
{
	struct chain *c = (struct chain *)f;
	if (c->other.fetcher == NULL)
		fetch_begin(f->fetcher, &c->other, &(struct pl_transfer_request){.url = c->url});
}

static void started_while_closing_is_cancelled(void **state)
{
	struct world *w = *state;
	struct chain c = {.f.on_done = start_once_more, .url = w->url};
	fetch_begin(&w->fetcher, &c.f, &(struct pl_transfer_request){.url = w->slow});
	fetcher_finish(&w->fetcher);
	expect_cancelled(&c.f);
	expect_cancelled(&c.other);
}

static void affinities_spread_over_multis_and_keep_their_connections(void **state)
{
	enum { N = 30, ROUNDS = 4 };
	struct world *w = *state;
	struct script_server *servers = pl_calloc(N, sizeof *servers);
	for (unsigned i = 0; i < N; i++)
		script_start(&servers[i], serve, NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fetch *f = pl_calloc(N, sizeof *f);
		for (unsigned i = 0; i < N; i++) {
			char url[64];
			snprintf(url, sizeof url, "http://127.0.0.1:%u/", servers[i].port);
			fetch(&w->fetcher, &f[i], &(struct pl_transfer_request){.url = url, .affinity = i});
			assert_int_equal(f[i].result.err, PL_OK);
			assert_int_equal(f[i].result.reused, round > 0);
			pl_buf_finish(&f[i].body);
		}
		free(f);
	}
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(servers[i].accepted, 1);
		script_stop(&servers[i]);
	}
	free(servers);
}

static void many_at_once(void **state)
{
	enum { N = 200 };
	struct world *w = *state;
	struct fetch *f = pl_calloc(N, sizeof *f);
	for (unsigned i = 0; i < N; i++)
		fetch_begin(&w->fetcher, &f[i], &(struct pl_transfer_request){.url = w->url, .affinity = i % 10});
	assert_int_equal(pl_transfer_pool_stats(w->fetcher.pool).in_flight, N);
	fetcher_run(&w->fetcher);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(f[i].result.err, PL_OK);
		assert_int_equal(f[i].body.n, 100000);
		pl_buf_finish(&f[i].body);
	}
	free(f);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(cancelled_at_once),
	    TEST(cancelled_from_its_own_data),
	    TEST(ended_by_what_the_reader_returns),
	    TEST(started_again_when_done),
	    TEST(another_started_from_data),
	    TEST(another_cancelled_from_data_and_from_done),
	    TEST(closing_cancels_what_runs),
	    TEST(started_while_closing_is_cancelled),
	    TEST(affinities_spread_over_multis_and_keep_their_connections),
	    TEST(many_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
