/* Which windows are to be rolled up, and the times and durations that decide it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "out_influxdb/rollup.h"
#include "out_influxdb/shown.h"
#include "out_influxdb/windows.h"

/* A window is 10 long, the horizon 100; now is 1000. */
static struct pl_influx_windows fresh(void)
{
	struct pl_influx_windows w;
	pl_influx_windows_init(&w, 10, 100, 1000);
	return w;
}

static void expect_take(struct pl_influx_windows *w, int64_t until, size_t most, int64_t begin, int64_t end)
{
	int64_t b, e;
	size_t lost = 0;
	assert_true(pl_influx_windows_take(w, 0, until, most, &b, &e, &lost));
	assert_int_equal(b, begin);
	assert_int_equal(e, end);
	assert_int_equal(lost, 0);
}

static void expect_none(struct pl_influx_windows *w, int64_t until)
{
	int64_t b, e;
	size_t lost = 0;
	assert_false(pl_influx_windows_take(w, 0, until, 100, &b, &e, &lost));
}

static void windows_are_taken_when_they_ended(void **state)
{
	(void)state;
	struct pl_influx_windows w = fresh();
	expect_none(&w, 1000);
	assert_int_equal(pl_influx_windows_mark(&w, 1003), PL_INFLUX_MARKED);
	expect_none(&w, 1009); /* still open */
	assert_int_equal(pl_influx_windows_advance(&w, 1012), 0);
	expect_none(&w, 1009); /* ended, but the delay is not over */
	expect_take(&w, 1010, 100, 1000, 1010);
	expect_none(&w, 1010);
	pl_influx_windows_advance(&w, 1045); /* those that ended are marked by themselves */
	expect_take(&w, 1045, 2, 1010, 1030);
	expect_take(&w, 1045, 2, 1030, 1040);
	expect_none(&w, 1045);
	pl_influx_windows_finish(&w);
}

static void late_points_mark_again(void **state)
{
	(void)state;
	struct pl_influx_windows w = fresh();
	pl_influx_windows_advance(&w, 1010);
	expect_take(&w, 1010, 100, 1000, 1010);
	assert_int_equal(pl_influx_windows_mark(&w, 955), PL_INFLUX_MARKED);
	assert_int_equal(pl_influx_windows_mark(&w, 959), PL_INFLUX_MARKED);
	assert_int_equal(pl_influx_windows_mark(&w, 1001), PL_INFLUX_MARKED);
	expect_take(&w, 1010, 100, 950, 960);
	assert_int_equal(pl_influx_windows_mark(&w, 958), PL_INFLUX_MARKED); /* while it is being rolled */
	expect_take(&w, 1010, 100, 950, 960);
	expect_take(&w, 1010, 100, 1000, 1010);
	expect_none(&w, 1010);
	assert_int_equal(pl_influx_windows_mark(&w, 1020), PL_INFLUX_MARK_AHEAD);
	assert_int_equal(pl_influx_windows_mark(&w, 880), PL_INFLUX_MARK_LATE);
	assert_int_equal(pl_influx_windows_mark(&w, -1), PL_INFLUX_MARK_LATE);
	assert_int_equal(pl_influx_windows_mark(&w, INT64_MIN), PL_INFLUX_MARK_LATE);
	assert_int_equal(pl_influx_windows_mark(&w, INT64_MAX), PL_INFLUX_MARK_AHEAD);
	expect_none(&w, 1010);
	pl_influx_windows_put_back(&w, 960, 980);
	expect_take(&w, 1010, 100, 960, 980);
	pl_influx_windows_finish(&w);
}

static void the_horizon_is_the_bound(void **state)
{
	(void)state;
	struct pl_influx_windows w = fresh();
	int64_t b, e;
	size_t lost = 0;
	pl_influx_windows_mark(&w, 905);
	pl_influx_windows_mark(&w, 995);
	assert_int_equal(pl_influx_windows_advance(&w, 1035), 1); /* 900 fell off unrolled */
	expect_take(&w, 1030, 1, 990, 1000);
	pl_influx_windows_put_back(&w, 990, 1000);
	/* what the policy no longer keeps loses its mark */
	assert_true(pl_influx_windows_take(&w, 1005, 1030, 100, &b, &e, &lost));
	assert_int_equal(lost, 2);
	assert_int_equal(b, 1010);
	assert_int_equal(e, 1030);
	/* a sleep of far more than the horizon */
	pl_influx_windows_mark(&w, 1032);
	assert_int_equal(pl_influx_windows_advance(&w, 1000000), 1);
	expect_take(&w, 1000000, 1000, 999890, 1000000);
	expect_none(&w, 1000000);
	assert_int_equal(pl_influx_windows_advance(&w, 500), 0); /* the clock jumped back */
	assert_int_equal(pl_influx_windows_mark(&w, 999990), PL_INFLUX_MARKED);
	pl_influx_windows_mark_since(&w, 999950);
	expect_take(&w, 1000000, 1000, 999950, 1000000);
	pl_influx_windows_finish(&w);
}

/* Against a plain model: an array of booleans. */
static void a_long_random_life(void **state)
{
	(void)state;
	struct pl_influx_windows w = fresh();
	static bool dirty[100000];
	unsigned seed = 7;
	int64_t now = 1000;
	size_t taken = 0;
	for (int step = 0; step < 50000; step++) {
		unsigned chance = (unsigned)rand_r(&seed);
		int64_t t = now - (int64_t)(chance / 8 % 140) + 15;
		int64_t newest = now / 10, oldest = newest - 11;
		switch (chance % 4) {
		case 0:
		case 1:
			if (pl_influx_windows_mark(&w, t) == PL_INFLUX_MARKED)
				dirty[t / 10] = true;
			assert_int_equal(t / 10 > newest, pl_influx_windows_mark(&w, t) == PL_INFLUX_MARK_AHEAD);
			assert_int_equal(t / 10 < oldest, pl_influx_windows_mark(&w, t) == PL_INFLUX_MARK_LATE);
			break;
		case 2: {
			int64_t then = now, lost = 0;
			now += chance / 8 % 25;
			for (int64_t k = then / 10; k < now / 10; k++)
				dirty[k] = true;
			for (int64_t k = 0; k < now / 10 - 11; k++) {
				lost += dirty[k];
				dirty[k] = false;
			}
			assert_int_equal(pl_influx_windows_advance(&w, now), lost);
			break;
		}
		default: {
			int64_t b, e, first = 0;
			size_t lost = 0;
			while (first < now / 10 && !dirty[first])
				first++;
			bool found = pl_influx_windows_take(&w, 0, now, 3, &b, &e, &lost);
			assert_int_equal(found, first < now / 10);
			if (!found)
				break;
			int64_t end = first;
			while (end < first + 3 && end < now / 10 && dirty[end])
				dirty[end++] = false;
			assert_int_equal(b, first * 10);
			assert_int_equal(e, end * 10);
			taken++;
		}
		}
	}
	assert_true(taken > 1000);
	pl_influx_windows_finish(&w);
}

static void times_of_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int64_t time;
	} cases[] = {
	    {"m value=1 1234567890123456789", 1234567890123456789},
	    {"m value=1 -5", -5},
	    {"m value=1", 77},
	    {"m,a=b value=\"x 12\"", 77},
	    {"m value=1 99999999999999999999", 77},
	    {"m value=1 ", 77},
	    {"12", 77},
	    {"", 77},
	    {"m value=1 9223372036854775807", INT64_MAX},
	    {"m value=1 -9223372036854775808", INT64_MIN},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_influx_line_time(pl_str_of(cases[i].line), 77), cases[i].time);
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns; /* -1: refused */
	} cases[] = {
	    {"0s", 0},           {"168h0m0s", 168 * 3600 * INT64_C(1000000000)},
	    {"1h30m0.5s", -1},   {"1h1m1s1ms", INT64_C(3661001000000)},
	    {"5us7ns", 5007},    {"", -1},
	    {"12", -1},          {"h", -1},
	    {"-1h", -1},         {"99999999999999999999h", -1},
	    {"9999999999h", -1}, {"1h ", -1},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int64_t ns = -1;
		enum pl_err err = pl_influx_read_duration(pl_str_of(cases[i].text), &ns);
		assert_int_equal(err == PL_OK ? ns : -1, cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(windows_are_taken_when_they_ended),
	    cmocka_unit_test(late_points_mark_again),
	    cmocka_unit_test(the_horizon_is_the_bound),
	    cmocka_unit_test(a_long_random_life),
	    cmocka_unit_test(times_of_lines),
	    cmocka_unit_test(durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
