#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdalign.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void hands_out_zeroed_aligned_memory(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 16, 100, 1000, 1023, 1024, 3000, 4056, 4096, 100000, 5, 0, 24};
	struct pl_arena a = {0};
	char *got[4 * PL_COUNT_OF(sizes)];
	for (size_t i = 0; i < PL_COUNT_OF(got); i++) {
		size_t n = sizes[i % PL_COUNT_OF(sizes)];
		got[i] = pl_arena_alloc(&a, n);
		assert_int_equal((uintptr_t)got[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(got[i][k], 0);
		memset(got[i], (int)i + 1, n);
	}
	for (size_t i = 0; i < PL_COUNT_OF(got); i++)
		for (size_t k = 0; k < sizes[i % PL_COUNT_OF(sizes)]; k++)
			assert_int_equal((unsigned char)got[i][k], i + 1);
	assert_true(a.used >= 4 * 100000);
	pl_arena_finish(&a);
	assert_null(a.blocks);
	assert_int_equal(a.used, 0);
}

static void fills_the_open_block_after_a_large_one(void **state)
{
	(void)state;
	struct pl_arena a = {0};
	char *first = pl_arena_alloc(&a, 16);
	pl_arena_alloc(&a, 100000);
	char *next = pl_arena_alloc(&a, 16);
	assert_ptr_equal(next, first + 16);
	pl_arena_finish(&a);
}

static void copies_strings(void **state)
{
	(void)state;
	struct pl_arena a = {0};
	assert_string_equal(pl_arena_strdup(&a, ""), "");
	assert_string_equal(pl_arena_strdup(&a, "abc"), "abc");
	assert_string_equal(pl_arena_strndup(&a, "abc", 2), "ab");
	assert_string_equal(pl_arena_strndup(&a, NULL, 0), "");
	struct pl_str s = pl_arena_str(&a, PL_STR("a\0b"));
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 4);
	assert_string_equal(pl_arena_printf(&a, "%s:%d", "host", 9100), "host:9100");
	assert_string_equal(pl_arena_printf(&a, "%s", ""), "");
	pl_arena_finish(&a);
	assert_string_equal(pl_arena_strdup(&a, "usable again"), "usable again");
	pl_arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hands_out_zeroed_aligned_memory),
	    cmocka_unit_test(fills_the_open_block_after_a_large_one),
	    cmocka_unit_test(copies_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
