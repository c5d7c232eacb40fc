#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "in_scrape/history.h"

static const int64_t first_ns = INT64_C(1795226045250) * PL_NS_PER_MS;

static struct pl_target_outcome nth(size_t i)
{
	return (struct pl_target_outcome){
	    .wall_ns = first_ns + (int64_t)(i * i) * PL_NS_PER_MS,
	    .duration_ns = (int64_t)i * 1000,
	    .samples = (uint32_t)i,
	    .result = (enum pl_scrape_result)(i % (PL_SCRAPE_CREDENTIALS + 1)),
	};
}

static void assert_same(const struct pl_target_outcome *a, const struct pl_target_outcome *b)
{
	assert_int_equal(a->wall_ns, b->wall_ns);
	assert_int_equal(a->duration_ns, b->duration_ns);
	assert_int_equal(a->samples, b->samples);
	assert_int_equal(a->result, b->result);
}

static void the_last_ones_are_kept(void **state)
{
	(void)state;
	struct pl_scrape_history h;
	struct pl_target_outcome out[PL_TARGET_OUTCOMES];
	pl_scrape_history_init(&h);
	assert_int_equal(pl_scrape_history_read(&h, out), 0);
	for (size_t n = 1; n <= 3 * PL_TARGET_OUTCOMES + 1; n++) {
		struct pl_target_outcome o = nth(n - 1);
		pl_scrape_history_add(&h, &o);
		size_t kept = n < PL_TARGET_OUTCOMES ? n : PL_TARGET_OUTCOMES;
		assert_int_equal(pl_scrape_history_read(&h, out), kept);
		for (size_t i = 0; i < kept; i++) {
			o = nth(n - kept + i);
			assert_same(&out[i], &o);
		}
	}
	pl_scrape_history_finish(&h);
}

static void what_is_beyond_is_cut(void **state)
{
	(void)state;
	struct pl_scrape_history h;
	struct pl_target_outcome out[PL_TARGET_OUTCOMES];
	struct pl_target_outcome o = {first_ns + 999999, 3600 * 24 * PL_NS_PER_S, UINT32_MAX, PL_SCRAPE_TIMEOUT};
	pl_scrape_history_init(&h);
	pl_scrape_history_add(&h, &o);
	o.wall_ns = first_ns - 3600 * 24 * 365 * PL_NS_PER_S; /* the clock was set back */
	o.duration_ns = -1;
	pl_scrape_history_add(&h, &o);
	assert_int_equal(pl_scrape_history_read(&h, out), 2);
	assert_int_equal(out[0].duration_ns, (int64_t)UINT32_MAX * 1000);
	assert_int_equal(out[0].samples, (1 << 28) - 1);
	assert_int_equal(out[0].result, PL_SCRAPE_TIMEOUT);
	assert_int_equal(out[0].wall_ns, o.wall_ns + ((int64_t)INT32_MAX + 1) * PL_NS_PER_MS);
	assert_int_equal(out[1].wall_ns, o.wall_ns);
	assert_int_equal(out[1].duration_ns, 0);
	pl_scrape_history_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_ones_are_kept), cmocka_unit_test(what_is_beyond_is_cut)};
	return cmocka_run_group_tests_name("scrape_history", tests, NULL, NULL);
}
