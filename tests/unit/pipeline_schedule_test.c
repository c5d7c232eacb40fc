#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/schedule.h"

static void every_entry_keeps_its_phase(void **state)
{
	(void)state;
	enum { N = 500, ROUNDS = 20 };
	struct pl_schedule s = {0};
	static struct pl_schedule_entry entries[N];
	unsigned fired[N] = {0};
	int64_t start = 1000003, now = start, due;
	uint64_t skipped;
	for (size_t i = 0; i < N; i++)
		pl_schedule_add(&s, &entries[i], 1000, i * 7919, now);
	int64_t last = 0;
	for (; now < start + 1000 * ROUNDS; now = pl_schedule_due(&s)) {
		struct pl_schedule_entry *e;
		while ((e = pl_schedule_next(&s, now, &due, &skipped)) != NULL) {
			size_t i = (size_t)(e - entries);
			assert_true(due >= last);
			last = due;
			assert_int_equal(due % 1000, (i * 7919) % 1000);
			assert_int_equal(skipped, 0);
			fired[i]++;
		}
	}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(fired[i], ROUNDS);
	pl_schedule_finish(&s);
}

static void the_phase_is_the_same_after_a_restart(void **state)
{
	(void)state;
	static const struct {
		int64_t now, period;
		uint64_t hash;
		int64_t due;
	} rows[] = {
	    {0, 10, 3, 3},    {3, 10, 3, 3},   {4, 10, 3, 13}, {13, 10, 13, 13},
	    {99, 10, 0, 100}, {-7, 10, 3, -7}, {-6, 10, 3, 3}, {5, 1, 77, 5},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_schedule s = {0};
		struct pl_schedule_entry e = {0};
		pl_schedule_add(&s, &e, rows[i].period, rows[i].hash, rows[i].now);
		assert_int_equal(pl_schedule_due(&s), rows[i].due);
		pl_schedule_finish(&s);
	}
}

static void moments_that_went_by_are_counted_not_made_up_for(void **state)
{
	(void)state;
	struct pl_schedule s = {0};
	struct pl_schedule_entry e = {0};
	int64_t due;
	uint64_t skipped;
	pl_schedule_add(&s, &e, 10, 4, 0);
	assert_null(pl_schedule_next(&s, 3, &due, &skipped));
	assert_ptr_equal(pl_schedule_next(&s, 37, &due, &skipped), &e);
	assert_int_equal(due, 4);
	assert_int_equal(skipped, 3);
	assert_int_equal(pl_schedule_due(&s), 44);
	pl_schedule_finish(&s);
}

static void removal_leaves_the_others_in_order(void **state)
{
	(void)state;
	enum { N = 200 };
	struct pl_schedule s = {0};
	static struct pl_schedule_entry entries[N];
	uint64_t seed = 1, skipped;
	int64_t due, last = 0;
	for (size_t i = 0; i < N; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		pl_schedule_add(&s, &entries[i], 1000000, seed >> 33, 0);
	}
	for (size_t i = 0; i < N; i += 3)
		pl_schedule_remove(&s, &entries[i]);
	pl_schedule_remove(&s, &entries[0]);
	size_t left = s.n;
	for (size_t i = 0; i < left; i++) {
		struct pl_schedule_entry *e = pl_schedule_next(&s, pl_schedule_due(&s), &due, &skipped);
		assert_true(due >= last && (e - entries) % 3 != 0);
		last = due;
	}
	assert_true(last < 1000000);
	pl_schedule_finish(&s);
}

static void a_jump_of_the_clock_realigns(void **state)
{
	(void)state;
	struct pl_schedule s = {0};
	struct pl_schedule_entry e[3] = {0};
	for (size_t i = 0; i < 3; i++)
		pl_schedule_add(&s, &e[i], 10, 3 * i, 1000);
	pl_schedule_realign(&s, 55);
	assert_int_equal(e[0].due_ns, 60);
	assert_int_equal(e[1].due_ns, 63);
	assert_int_equal(e[2].due_ns, 56);
	assert_int_equal(pl_schedule_due(&s), 56);
	pl_schedule_finish(&s);
	assert_int_equal(pl_schedule_due(&s), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_entry_keeps_its_phase),
	    cmocka_unit_test(the_phase_is_the_same_after_a_restart),
	    cmocka_unit_test(moments_that_went_by_are_counted_not_made_up_for),
	    cmocka_unit_test(removal_leaves_the_others_in_order),
	    cmocka_unit_test(a_jump_of_the_clock_realigns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
