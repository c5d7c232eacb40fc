#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/metric_out.h"
#include "api/private.h"
#include "base/clock.h"
#include "base/mem.h"

static void durations_look_like_prometheus(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "0s"}, {500, "500ms"}, {15000, "15s"}, {90000, "1m30s"}, {3600000, "1h"}, {90061001, "1d1h1m1s1ms"}};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf b = {0};
		pl_api_add_duration(&b, rows[i].ms * PL_NS_PER_MS);
		assert_string_equal(pl_buf_cstr(&b), rows[i].text);
		pl_buf_finish(&b);
	}
}

static void families_are_written_in_both_formats(void **state)
{
	(void)state;
	static const char *const expected[] = {
	    "# HELP a_total What a is.\n# TYPE a_total counter\na_total{x=\"q\\\"b\\\\n\\nz\",y=\"?\"} 18446744073709551615\n"
	    "# HELP b What b is.\n# TYPE b gauge\nb 1.500000000\nb -0.000000001\nb +Inf\nb NaN\nb 0.25\n",
	    "# HELP a What a is.\n# TYPE a counter\na_total{x=\"q\\\"b\\\\n\\nz\",y=\"?\"} 18446744073709551615\n"
	    "# HELP b What b is.\n# TYPE b gauge\nb 1.500000000\nb -0.000000001\nb +Inf\nb NaN\nb 0.25\n# EOF\n",
	};
	for (size_t i = 0; i < 2; i++) {
		struct pl_buf b = {0};
		struct pl_metric_out e = {.out = &b, .openmetrics = i == 1};
		pl_metric_family(&e, "a", PL_FAMILY_COUNTER, "What a is.");
		pl_metric_sample(&e);
		pl_metric_label(&e, "x", PL_STR("q\"b\\n\nz"));
		pl_metric_label(&e, "y", PL_STR("\xff"));
		pl_metric_u64(&e, UINT64_MAX);
		pl_metric_family(&e, "b", PL_FAMILY_GAUGE, "What b is.");
		pl_metric_sample(&e);
		pl_metric_seconds(&e, 1500000000);
		pl_metric_sample(&e);
		pl_metric_seconds(&e, -1);
		pl_metric_sample(&e);
		pl_metric_double(&e, 1e308 * 10);
		pl_metric_sample(&e);
		pl_metric_double(&e, __builtin_nan(""));
		pl_metric_sample(&e);
		pl_metric_double(&e, 0.25);
		pl_metric_end(&e);
		assert_string_equal(pl_buf_cstr(&b), expected[i]);
		pl_buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations_look_like_prometheus),
	    cmocka_unit_test(families_are_written_in_both_formats),
	};
	return cmocka_run_group_tests_name("api_reply", tests, NULL, NULL);
}
