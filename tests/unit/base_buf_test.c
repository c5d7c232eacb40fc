#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void appends(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	pl_buf_add(&b, NULL, 0);
	pl_buf_add_str(&b, (struct pl_str){NULL, 0});
	assert_int_equal(b.n, 0);
	pl_buf_add_cstr(&b, "a");
	pl_buf_add_char(&b, '\0');
	pl_buf_add_str(&b, PL_STR("bc"));
	pl_buf_addf(&b, "%s-%d", "x", 7);
	pl_buf_addf(&b, "%s", "");
	assert_true(pl_str_eq(pl_buf_str(&b), PL_STR("a\0bcx-7")));
	assert_memory_equal(pl_buf_cstr(&b), "a\0bcx-7", 8);
	assert_int_equal(b.n, 7);
	pl_buf_clear(&b);
	assert_int_equal(b.n, 0);
	assert_string_equal(pl_buf_cstr(&b), "");
	pl_buf_finish(&b);
	assert_null(b.p);
	pl_buf_add_char(&b, 'z'); /* usable again */
	pl_buf_finish(&b);
}

static void writes_integers(void **state)
{
	(void)state;
	static const struct {
		int64_t v;
		const char *text;
	} cases[] = {
	    {0, "0"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"},
	};
	struct pl_buf b = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&b);
		pl_buf_add_i64(&b, cases[i].v);
		assert_string_equal(pl_buf_cstr(&b), cases[i].text);
	}
	pl_buf_clear(&b);
	pl_buf_add_u64(&b, UINT64_MAX);
	assert_string_equal(pl_buf_cstr(&b), "18446744073709551615");
	pl_buf_finish(&b);
}

static void keeps_what_it_had_while_it_grows(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	for (uint32_t i = 0; i < 100000; i++)
		pl_buf_add(&b, &i, sizeof i);
	assert_int_equal(b.n, 400000);
	assert_true(b.cap >= b.n);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t v;
		memcpy(&v, b.p + 4 * (size_t)i, sizeof v);
		assert_int_equal(v, i);
	}
	pl_buf_finish(&b);
}

static void reserves(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1000000};
	for (size_t i = 0; i < PL_COUNT_OF(sizes); i++) {
		struct pl_buf b = {0};
		char *w = pl_buf_reserve(&b, sizes[i]);
		assert_non_null(w);
		assert_int_equal(b.n, 0);
		memset(w, 'x', sizes[i]); /* the sanitizer watches */
		b.n += sizes[i];
		assert_ptr_equal(pl_buf_reserve(&b, 0), b.p + b.n);
		memset(pl_buf_reserve(&b, 1), 'y', 1);
		pl_buf_finish(&b);
	}
}

static void formats_longer_than_its_room(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	char long_text[5000];
	memset(long_text, 'q', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	pl_buf_addf(&b, "<%s>", long_text);
	assert_int_equal(b.n, sizeof long_text + 1);
	assert_int_equal(b.p[0], '<');
	assert_int_equal(b.p[b.n - 1], '>');
	pl_buf_finish(&b);
}

static void gives_its_block_away(void **state)
{
	(void)state;
	struct pl_buf b = {0};
	char *empty = pl_buf_take(&b);
	assert_string_equal(empty, "");
	free(empty);
	pl_buf_add_cstr(&b, "mine");
	char *text = pl_buf_take(&b);
	assert_string_equal(text, "mine");
	assert_null(b.p);
	assert_int_equal(b.n + b.cap, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appends),
	    cmocka_unit_test(writes_integers),
	    cmocka_unit_test(reserves),
	    cmocka_unit_test(keeps_what_it_had_while_it_grows),
	    cmocka_unit_test(formats_longer_than_its_room),
	    cmocka_unit_test(gives_its_block_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
