#include "targets_recorder.h"

#include "targets/target_set.h"

static struct pl_target *target_of(uint64_t key)
{
	struct pl_target *t = pl_calloc(1, sizeof *t);
	atomic_init(&t->refs, 1);
	t->key = key;
	t->url = "";
	return t;
}

static void a_target_goes_with_its_last_name(void **state)
{
	(void)state;
	struct recorder r = {0};
	struct pl_target_set set = {.events = &recorder_events, .data = &r};
	struct pl_target *first = pl_target_set_name(&set, target_of(7));
	assert_ptr_equal(pl_target_set_name(&set, target_of(7)), first);
	assert_int_equal(r.added, 1);
	assert_int_equal(set.n, 1);
	assert_int_equal(set.names, 2);
	pl_target_set_drop(&set, first);
	assert_int_equal(r.removed, 0);
	pl_target_set_drop(&set, first);
	assert_int_equal(r.removed, 1);
	pl_target_set_finish(&set);
	recorder_finish(&r);
}

/* Against a plain table of counts. Keys crowd in few slots, so that chains form, wrap around and are closed. */
static void it_agrees_with_a_plain_table(void **state)
{
	(void)state;
	enum { KEYS = 200, STEPS = 100000 };
	struct recorder r = {0};
	struct pl_target_set set = {.events = &recorder_events, .data = &r};
	static unsigned names[KEYS];
	static struct pl_target *named[KEYS];
	uint64_t random = 88172645463325252U, total = 0;
	size_t alive = 0;
	for (size_t step = 0; step < STEPS; step++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		size_t k = (random >> 8) % KEYS;
		uint64_t key = (k % 5) * 59 + (k / 5 << 20) + 1;
		/* more names than drops in even thousands of steps, fewer in odd ones: it fills and empties */
		bool name = (random & 7) < (step / 1000 % 2 == 0 ? 5U : 3U);
		if (name) {
			named[k] = pl_target_set_name(&set, target_of(key));
			assert_int_equal(named[k]->key, key);
			alive += names[k]++ == 0;
			total++;
		} else if (names[k] > 0) {
			pl_target_set_drop(&set, named[k]);
			alive -= --names[k] == 0;
			total--;
		}
		assert_int_equal(set.n, alive);
		assert_int_equal(set.names, total);
		assert_int_equal(r.n, alive);
	}
	for (size_t k = 0; k < KEYS; k++)
		for (; names[k] > 0; names[k]--)
			pl_target_set_drop(&set, named[k]);
	assert_int_equal(r.added, r.removed);
	pl_target_set_finish(&set);
	recorder_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_target_goes_with_its_last_name),
	    cmocka_unit_test(it_agrees_with_a_plain_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
