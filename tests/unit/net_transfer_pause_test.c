#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_fetch.h"
#include "net_script_server.h"

enum { PAGE_BYTES = 32 << 20, READ_AT_ONCE = 64 << 10 };

/* Whatever is asked for: 32 MiB, of which each byte can be told by its place; /chunked: in chunks of 1 MiB. */
static char byte_at(size_t i)
{
	return (char)(i % 251);
}

static void serve(struct script_connection *c)
{
	size_t chunk = 1 << 20;
	char *piece = pl_alloc(chunk);
	char head[64];
	while (script_read(c)) {
		bool chunked = strcmp(c->path, "/chunked") == 0;
		snprintf(head, sizeof head, chunked ? "Transfer-Encoding: chunked" : "Content-Length: %d", PAGE_BYTES);
		bool good = script_say(c, "HTTP/1.1 200 OK\r\n") && script_say(c, head) && script_say(c, "\r\n\r\n");
		for (size_t at = 0; good && at < PAGE_BYTES; at += chunk) {
			for (size_t i = 0; i < chunk; i++)
				piece[i] = byte_at(at + i);
			good = (!chunked || script_say(c, "100000\r\n")) && script_send(c, piece, chunk) &&
			       (!chunked || script_say(c, "\r\n"));
		}
		if (!good || (chunked && !script_say(c, "0\r\n\r\n")))
			break;
	}
	free(piece);
}

struct world {
	struct script_server server;
	struct fetcher fetcher;
	char url[2][64];
};

static int setup(void **state)
{
	struct world *w = pl_calloc(1, sizeof *w);
	script_start(&w->server, serve, NULL);
	fetcher_init(&w->fetcher, NULL);
	snprintf(w->url[0], sizeof w->url[0], "http://127.0.0.1:%u/sized", w->server.port);
	snprintf(w->url[1], sizeof w->url[1], "http://127.0.0.1:%u/chunked", w->server.port);
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

struct paused_fetch {
	struct fetch fetch; /* first */
	size_t came, came_before;
	unsigned pauses;
	bool paused;
};

static void check_and_pause(struct fetch *f)
{
	struct paused_fetch *p = (struct paused_fetch *)f;
	bool right = true;
	for (size_t i = 0; i < f->body.n; i++)
		right = right && f->body.p[i] == byte_at(p->came + i);
	assert_true(right);
	p->came += f->body.n;
	pl_buf_clear(&f->body);
	if (p->came / (1 << 20) == p->pauses)
		return;
	p->pauses = (unsigned)(p->came / (1 << 20));
	p->came_before = p->came;
	p->paused = true;
	pl_transfer_pause(&f->transfer);
	pl_transfer_pause(&f->transfer);
}

static bool every_third_time(struct fetch *f)
{
	struct paused_fetch *p = (struct paused_fetch *)f;
	assert_true(p->paused);
	assert_true(p->came - p->came_before <= READ_AT_ONCE); /* what had been read already */
	p->paused = f->asked % 3 != 0;
	return !p->paused;
}

static void everything_comes_in_order(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < PL_COUNT_OF(w->url); i++) {
		struct paused_fetch p = {.fetch = {.on_data = check_and_pause, .may_go_on = every_third_time}};
		fetch(&w->fetcher, &p.fetch, &(struct pl_transfer_request){.url = w->url[i]});
		assert_int_equal(p.fetch.result.err, PL_OK);
		assert_int_equal(p.came, PAGE_BYTES);
		assert_true(p.pauses > PAGE_BYTES / (1 << 20) / 2);
		assert_true(p.fetch.asked >= 3);
		pl_buf_finish(&p.fetch.body);
	}
}

static void pause_at_first(struct fetch *f)
{
	pl_transfer_pause(&f->transfer);
}

static bool never(struct fetch *f)
{
	(void)f;
	return false;
}

static void the_timeout_goes_on(void **state)
{
	struct world *w = *state;
	struct fetch f = {.on_data = pause_at_first, .may_go_on = never};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url[0], .timeout_ns = PL_NS_PER_S / 5});
	assert_int_equal(f.result.err, PL_ETIMEOUT);
	assert_true(f.asked > 0);
	pl_buf_finish(&f.body);
}

static bool cancels(struct fetch *f)
{
	pl_transfer_cancel(&f->transfer);
	return false;
}

static void cancelled_while_paused(void **state)
{
	struct world *w = *state;
	struct fetch f = {.on_data = pause_at_first, .may_go_on = cancels};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url[0]});
	assert_int_equal(f.result.err, PL_ECANCELED);
	assert_int_equal(f.asked, 1);
	pl_buf_finish(&f.body);
}

static void pause_and_refuse_the_next(struct fetch *f)
{
	f->data_says = f->asked > 0 ? PL_EPARSE : PL_OK;
	pl_transfer_pause(&f->transfer);
}

static bool at_once(struct fetch *f)
{
	(void)f;
	return true;
}

static void refused_after_a_pause(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < PL_COUNT_OF(w->url); i++) {
		struct fetch f = {.on_data = pause_and_refuse_the_next, .may_go_on = at_once};
		fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url[i]});
		assert_int_equal(f.result.err, PL_EPARSE);
		pl_buf_finish(&f.body);
	}
}

static void the_pool_closes_meanwhile(void **state)
{
	struct world *w = *state;
	struct fetch f = {.on_data = pause_at_first, .may_go_on = never};
	fetch_begin(&w->fetcher, &f, &(struct pl_transfer_request){.url = w->url[0]});
	while (f.asked == 0)
		uv_run(&w->fetcher.loop.uv, UV_RUN_ONCE);
	fetcher_finish(&w->fetcher);
	assert_int_equal(f.result.err, PL_ECANCELED);
	pl_buf_finish(&f.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(everything_comes_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_timeout_goes_on, setup, teardown),
	    cmocka_unit_test_setup_teardown(cancelled_while_paused, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_after_a_pause, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_pool_closes_meanwhile, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
