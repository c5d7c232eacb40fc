#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

static void writes_rfc3339(void **state)
{
	(void)state;
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {INT64_C(1700000000123456789), "2023-11-14T22:13:20.123Z"},
	    {INT64_C(1709164800999999999), "2024-02-29T00:00:00.999Z"},
	    {-1, "1969-12-31T23:59:59.999Z"},
	    {-PL_NS_PER_S, "1969-12-31T23:59:59.000Z"},
	    {INT64_MAX, "2262-04-11T23:47:16.854Z"},
	    {INT64_MIN, "1677-09-21T00:12:43.145Z"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char text[PL_CLOCK_TEXT_BYTES];
		assert_ptr_equal(pl_clock_text(cases[i].ns, text), text);
		assert_string_equal(text, cases[i].text);
	}
}

static void reads_the_clocks(void **state)
{
	(void)state;
	int64_t seconds = (int64_t)time(NULL), wall = pl_clock_wall_ns() / PL_NS_PER_S;
	assert_true(wall >= seconds - 1);
	int64_t last = pl_clock_mono_ns();
	for (int i = 0; i < 10000; i++) {
		int64_t now = pl_clock_mono_ns();
		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(writes_rfc3339), cmocka_unit_test(reads_the_clocks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
