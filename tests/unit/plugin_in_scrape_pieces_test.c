#include "base/clock.h"
#include "scrape_page.h"

static const struct scrape_label node[SCRAPE_MOST_LABELS] = {{"job", "node"}, {"instance", "h:1"}};

static struct pl_buf page_of(size_t lines_bytes, const char *last)
{
	struct pl_buf page = {0};
	for (size_t i = 0, made = 0; made < lines_bytes; i++) {
		size_t before = page.n;
		pl_buf_addf(&page, "a_metric{number=\"%zu\"} %zu\n", i, i);
		made += page.n - before + strlen("instance=h:1,job=node value=000000 1000000000");
	}
	pl_buf_add_cstr(&page, last);
	return page;
}

/* Of a page with a bad last line nothing stays, but what was passed on because it was too much to be held. */
static void holds_what_it_can(void **state)
{
	(void)state;
	const size_t held = (size_t)PL_SCRAPE_PIECE_BYTES * PL_SCRAPE_HELD_PIECES;
	static const size_t pieces[] = {0, 16 << 10, 0};
	struct scrape s = {0};
	scrape_open(&s, NULL, 0, node);
	for (size_t i = 0; i < PL_COUNT_OF(pieces); i++) {
		struct pl_buf good = page_of(held / 2, ""), bad = page_of(held / 2, "a bad line\n"),
			      large = page_of(held * 2, "a bad line\n"), large_good = page_of(held * 2, "");
		scrape_read(&s, pl_buf_str(&good), pieces[i]);
		assert_string_equal(s.page->error, "");
		assert_int_equal(s.outcome.points, s.outcome.samples + s.outcome.own_points);
		assert_true(s.lines.n > PL_SCRAPE_PIECE_BYTES);

		scrape_read(&s, pl_buf_str(&bad), pieces[i]);
		assert_true(s.outcome.samples > 0);
		assert_int_equal(s.lines.n, 0);
		assert_int_equal(s.outcome.points, s.outcome.own_points);
		assert_int_equal(s.outcome.dropped[PL_SCRAPE_DROP_FAILED], s.outcome.samples);

		scrape_read(&s, pl_buf_str(&large), pieces[i]);
		assert_string_not_equal(s.page->error, "");
		assert_true(s.lines.n >= held);
		assert_true(s.outcome.dropped[PL_SCRAPE_DROP_FAILED] > 0);

		scrape_read(&s, pl_buf_str(&large_good), pieces[i]);
		assert_string_equal(s.page->error, "");
		assert_int_equal(s.outcome.points, s.outcome.samples + s.outcome.own_points);
		pl_buf_finish(&good);
		pl_buf_finish(&bad);
		pl_buf_finish(&large);
		pl_buf_finish(&large_good);
	}
	scrape_close(&s);
}

/* ---- what the outputs have yet to take ---- */

static struct pl_batch *batch_of(struct pl_route *route, size_t n)
{
	struct pl_buf lines = {0};
	memset(pl_buf_reserve(&lines, n), '\n', n);
	lines.n = n;
	return pl_batch_create(route, &lines, (uint32_t)n);
}

static void waits_while_outputs_are_behind(void **state)
{
	(void)state;
	const int64_t patience = 10 * PL_NS_PER_S, ms = PL_NS_PER_MS;
	struct pl_route *route = pl_route_create("", "");
	struct pl_batch *at_output[4];
	struct pl_scrape_backlog b = {0};
	int64_t now = 1000 * PL_NS_PER_S;
	pl_scrape_backlog_begin(&b, patience);
	for (size_t i = 0; i < 4; i++) {
		assert_false(pl_scrape_backlog_is_long(&b, now));
		at_output[i] = batch_of(route, PL_SCRAPE_BACKLOG_BYTES / 4);
		pl_scrape_backlog_add(&b, pl_batch_share(at_output[i]));
	}
	assert_true(pl_scrape_backlog_is_long(&b, now));
	assert_true(pl_scrape_backlog_is_long(&b, now += 900 * ms));
	pl_batch_release(at_output[2]);
	assert_false(pl_scrape_backlog_is_long(&b, now += 2 * ms));
	assert_int_equal(b.n, 3);

	at_output[2] = batch_of(route, PL_SCRAPE_BACKLOG_BYTES);
	pl_scrape_backlog_add(&b, pl_batch_share(at_output[2]));
	assert_true(pl_scrape_backlog_is_long(&b, now += 500 * ms)); /* did not wait in between */
	assert_true(pl_scrape_backlog_is_long(&b, now += 900 * ms));
	pl_batch_release(at_output[0]);
	assert_true(pl_scrape_backlog_is_long(&b, now += 900 * ms)); /* one is done: they move */
	assert_true(pl_scrape_backlog_is_long(&b, now += 900 * ms));
	assert_false(pl_scrape_backlog_is_long(&b, now += 200 * ms)); /* they do not */
	assert_false(pl_scrape_backlog_is_long(&b, now += ms));       /* and are not waited for again */
	pl_scrape_backlog_end(&b);
	assert_true(pl_batch_is_sole(at_output[1]) && pl_batch_is_sole(at_output[2]) && pl_batch_is_sole(at_output[3]));
	for (size_t i = 1; i < 4; i++)
		pl_batch_release(at_output[i]);
	pl_route_release(route);
}

static void patience_ends(void **state)
{
	(void)state;
	struct pl_route *route = pl_route_create("", "");
	struct pl_scrape_backlog b = {0};
	struct pl_batch *large[3];
	int64_t now = PL_NS_PER_S;
	pl_scrape_backlog_begin(&b, PL_NS_PER_S * 2);
	for (size_t i = 0; i < 3; i++) { /* outputs that move, but slowly: 0.9 s for each */
		large[i] = batch_of(route, PL_SCRAPE_BACKLOG_BYTES);
		pl_scrape_backlog_add(&b, pl_batch_share(large[i]));
		assert_true(pl_scrape_backlog_is_long(&b, now));
		now += PL_NS_PER_S * 9 / 10;
		if (i == 2)
			break;
		pl_batch_release(large[i]);
		assert_false(pl_scrape_backlog_is_long(&b, now));
	}
	assert_false(pl_scrape_backlog_is_long(&b, now));
	pl_scrape_backlog_begin(&b, 0);
	assert_true(pl_batch_is_sole(large[2]));
	for (size_t i = 0; i < 2 * PL_SCRAPE_BACKLOG_BATCHES; i++)
		pl_scrape_backlog_add(&b, pl_batch_share(large[2]));
	assert_false(pl_scrape_backlog_is_long(&b, now));
	assert_int_equal(b.n, PL_SCRAPE_BACKLOG_BATCHES);
	pl_scrape_backlog_end(&b);
	assert_true(pl_batch_is_sole(large[2]));
	pl_batch_release(large[2]);
	pl_route_release(route);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(holds_what_it_can),
	    cmocka_unit_test(waits_while_outputs_are_behind),
	    cmocka_unit_test(patience_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
