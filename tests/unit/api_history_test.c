/* The parameters of /hourly, /daily and /daily_peaks, and their answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/history.h"
#include "base/clock.h"
#include "base/mem.h"

#define HOUR (3600 * PL_NS_PER_S)

static const int64_t now = INT64_C(1795216903974525097);

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns; /* -1: none */
	} rows[] = {
	    {"0s", 0},
	    {"1u", 1000},
	    {"2ms", 2 * PL_NS_PER_MS},
	    {"3s", 3 * PL_NS_PER_S},
	    {"4m", 240 * PL_NS_PER_S},
	    {"5h", 5 * HOUR},
	    {"6d", 144 * HOUR},
	    {"7w", 7 * 168 * HOUR},
	    {"1h30m", HOUR + HOUR / 2},
	    {"1m1ms1u", 60 * PL_NS_PER_S + PL_NS_PER_MS + 1000},
	    {"15250w", 15250 * 168 * HOUR},
	    {"", -1},
	    {"s", -1},
	    {"5", -1},
	    {"1h5", -1},
	    {"-1h", -1},
	    {"+1h", -1},
	    {"1.5h", -1},
	    {"1 h", -1},
	    {"1y", -1},
	    {"1H", -1},
	    {"1h;", -1},
	    {"0x1h", -1},
	    {"15251w", -1},
	    {"15250w9999h", -1},
	    {"99999999999999999999u", -1},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		int64_t ns = -1;
		bool ok = pl_history_duration(pl_str_of(rows[i].text), &ns);
		if (ok != (rows[i].ns >= 0) || ns != rows[i].ns)
			fail_msg("`%s` is read as %lld", rows[i].text, (long long)ns);
	}
}

static void parameters(void **state)
{
	(void)state;
	static const struct {
		enum pl_history_kind kind;
		const char *query;
		int64_t start, stop; /* ns before now */
		enum pl_verb verb;
		bool backfill;
		double fill;
		size_t n_filters;
	} rows[] = {
	    {PL_HISTORY_HOURLY, "", 24 * HOUR, 0, PL_VERB_MEAN, false, 0, 0},
	    {PL_HISTORY_DAILY, "", 168 * HOUR, 0, PL_VERB_MEAN, false, 0, 0},
	    {PL_HISTORY_PEAKS, "", 168 * HOUR, 0, PL_VERB_MAX, false, 0, 0},
	    {PL_HISTORY_PEAKS, "verb=mean&start=&stop=&backfill=", 168 * HOUR, 0, PL_VERB_MEAN, false, 0, 0},
	    {PL_HISTORY_HOURLY, "start=2h&start=3h&stop=1h&stop=x&verb=max", 2 * HOUR, HOUR, PL_VERB_MAX, false, 0, 0},
	    {PL_HISTORY_HOURLY, "backfill=1.23456789&host=a&x=b&host=c", 24 * HOUR, 0, PL_VERB_MEAN, true, 1.234568, 2},
	    {PL_HISTORY_DAILY, "backfill=1.23456789", 168 * HOUR, 0, PL_VERB_MEAN, true, 1.23456789, 0},
	    {PL_HISTORY_DAILY, "backfill=-0", 168 * HOUR, 0, PL_VERB_MEAN, true, 0, 0},
	    {PL_HISTORY_DAILY, "backfill=+1e3", 168 * HOUR, 0, PL_VERB_MEAN, true, 0, 0},
	    {PL_HISTORY_DAILY, "backfill=none", 168 * HOUR, 0, PL_VERB_MEAN, true, 0, 0},
	    {PL_HISTORY_DAILY, "backfill=1&backfill=2", 168 * HOUR, 0, PL_VERB_MEAN, true, 1, 0},
	    {PL_HISTORY_HOURLY, "backfill=1e300", 24 * HOUR, 0, PL_VERB_MEAN, true, 1e300, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[160] = "";
		struct pl_history h = {.kind = rows[i].kind};
		struct pl_query *q = pl_query_create(PL_QUERY_HISTORY);
		assert_int_equal(pl_history_parse(&h, q, pl_str_of(rows[i].query), now, reason, sizeof reason), PL_OK);
		assert_int_equal(now - q->from_ns, rows[i].start);
		assert_int_equal(now - q->until_ns, rows[i].stop);
		assert_int_equal(q->width_ns, h.kind == PL_HISTORY_HOURLY ? HOUR : HOUR / 4);
		assert_int_equal(q->verb, rows[i].verb);
		assert_int_equal(q->n_filters, rows[i].n_filters);
		assert_int_equal(h.backfill, rows[i].backfill);
		assert_true(h.fill == rows[i].fill);
		pl_query_destroy(q);
	}
}

static void bad_parameters(void **state)
{
	(void)state;
	static const struct {
		enum pl_history_kind kind;
		const char *query, *reason;
	} rows[] = {
	    {PL_HISTORY_HOURLY, "start=1", "start must say how far back"},
	    {PL_HISTORY_DAILY, "stop=0s; DROP DATABASE x", "stop must say how far back"},
	    {PL_HISTORY_DAILY, "backfill=NaN", "backfill must be a finite number"},
	    {PL_HISTORY_HOURLY, "backfill=-inf", "backfill must be a finite number"},
	    {PL_HISTORY_HOURLY, "backfill=1e999", "backfill must be a finite number"},
	    {PL_HISTORY_HOURLY, "start=600w", "between start and stop there are more than 100000 hours"},
	    {PL_HISTORY_PEAKS, "start=150w", "between start and stop there are more than 100000 quarters of an hour"},
	    {PL_HISTORY_PEAKS, "verb=top", "verb must be one of"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[160] = "";
		struct pl_history h = {.kind = rows[i].kind};
		struct pl_query *q = pl_query_create(PL_QUERY_HISTORY);
		assert_int_equal(pl_history_parse(&h, q, pl_str_of(rows[i].query), now, reason, sizeof reason), PL_EINVAL);
		if (!pl_str_starts(pl_str_of(reason), pl_str_of(rows[i].reason)))
			fail_msg("%s: %s", rows[i].query, reason);
		pl_query_destroy(q);
	}
}

static void expect(const struct pl_history *h, struct pl_query *q, const char *text)
{
	struct pl_buf b = {0};
	assert_int_equal(pl_history_answer(h, q, &b), text[1] != ']');
	assert_string_equal(pl_buf_cstr(&b), text);
	pl_buf_finish(&b);
}

static void hours(void **state)
{
	(void)state;
	struct pl_query_row rows[] = {{.time_ms = 7200000, .value = 0.5}, {.time_ms = 14400000, .value = -3}};
	struct pl_query q = {.rows = rows, .n_rows = 2, .from_ns = HOUR + 5, .until_ns = 5 * HOUR, .width_ns = HOUR};
	expect(&(struct pl_history){.kind = PL_HISTORY_HOURLY}, &q,
	       "[{\"time\":7200000,\"value\":0.5},{\"time\":14400000,\"value\":-3}]");
	expect(&(struct pl_history){.kind = PL_HISTORY_HOURLY, .backfill = true, .fill = 7}, &q,
	       "[{\"time\":3600000,\"value\":7},{\"time\":7200000,\"value\":0.5},{\"time\":10800000,\"value\":7},"
	       "{\"time\":14400000,\"value\":-3}]");
}

static void slots(void **state)
{
	(void)state;
	enum { DAY_MS = 86400000 };
	struct pl_query_row rows[] = {
	    {.time_ms = 900000, .value = 1, .weight = 30},
	    {.time_ms = 3600000, .value = 4, .weight = 0},
	    {.time_ms = DAY_MS + 900000, .value = 9, .weight = 10},
	    {.time_ms = DAY_MS + 3600000, .value = 6, .weight = 0},
	    {.time_ms = 2 * (int64_t)DAY_MS + 900000, .value = 6, .weight = 0}, /* counts as 20 */
	};
	struct pl_query q = {.verb = PL_VERB_MEAN, .rows = rows, .n_rows = 5};
	assert_int_equal(setenv("TZ", "XXX+2", 1), 0);
	const struct pl_history daily = {.kind = PL_HISTORY_DAILY}, peaks = {.kind = PL_HISTORY_PEAKS};
	expect(&daily, &q, "[{\"time\":\"22:15\",\"value\":4},{\"time\":\"23:00\",\"value\":5}]");
	expect(&peaks, &q, "[{\"time\":\"22:15\",\"value\":9},{\"time\":\"23:00\",\"value\":6}]");
	q.verb = PL_VERB_MAX; /* pulse's plain mean of the days */
	q.n_rows = 4;
	expect(&daily, &q, "[{\"time\":\"22:15\",\"value\":5},{\"time\":\"23:00\",\"value\":5}]");
	rows[0].value = 1e308; /* no sum may leave the numbers */
	rows[2].value = 1e308;
	expect(&daily, &q, "[{\"time\":\"22:15\",\"value\":1e+308},{\"time\":\"23:00\",\"value\":5}]");
	rows[2].value = -1.7e308;
	rows[0].value = 1.7e308;
	q.n_rows = 3;
	expect(&daily, &q, "[{\"time\":\"23:00\",\"value\":4}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations), cmocka_unit_test(parameters), cmocka_unit_test(bad_parameters),
	    cmocka_unit_test(hours),     cmocka_unit_test(slots),
	};
	return cmocka_run_group_tests_name("api_history", tests, NULL, NULL);
}
