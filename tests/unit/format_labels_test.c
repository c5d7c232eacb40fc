#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/labels.h"

static void builds_sorted_sets(void **state)
{
	(void)state;
	struct pl_labels_builder b = {0};
	static const char *const names[] = {"job", "a", "zone", "instance", "dc", "b", "c", "d", "e", "f", "g", "h", "job"};
	for (size_t i = 0; i < PL_COUNT_OF(names); i++)
		pl_labels_builder_set(&b, pl_str_of(names[i]), i == PL_COUNT_OF(names) - 1 ? PL_STR("new") : PL_STR("old"));
	struct pl_labels set = pl_labels_builder_view(&b);
	assert_int_equal(set.n, PL_COUNT_OF(names) - 1);
	for (size_t i = 1; i < set.n; i++)
		assert_true(pl_str_cmp(set.v[i - 1].name, set.v[i].name) < 0);
	assert_true(pl_str_is(*pl_labels_get(set, PL_STR("job")), "new"));
	assert_true(pl_str_is(*pl_labels_get(set, PL_STR("zone")), "old"));
	assert_null(pl_labels_get(set, PL_STR("jo")));
	assert_null(pl_labels_get((struct pl_labels){NULL, 0}, PL_STR("job")));

	pl_labels_builder_remove(&b, PL_STR("nobody"));
	pl_labels_builder_remove(&b, PL_STR("a"));
	pl_labels_builder_remove(&b, PL_STR("zone"));
	set = pl_labels_builder_view(&b);
	assert_int_equal(set.n, PL_COUNT_OF(names) - 3);
	assert_null(pl_labels_get(set, PL_STR("a")));
	assert_null(pl_labels_get(set, PL_STR("zone")));
	assert_non_null(pl_labels_get(set, PL_STR("b")));
	pl_labels_builder_clear(&b);
	assert_int_equal(pl_labels_builder_view(&b).n, 0);
	pl_labels_builder_finish(&b);
}

static void compares_and_hashes(void **state)
{
	(void)state;
	static const struct pl_label one[] = {{{"a", 1}, {"b", 1}}, {{"c", 1}, {"d", 1}}},
				     other_value[] = {{{"a", 1}, {"b", 1}}, {{"c", 1}, {"x", 1}}},
				     moved_byte[] = {{{"a", 1}, {"bc", 2}}, {{"", 0}, {"d", 1}}},
				     other_name[] = {{{"a", 1}, {"b", 1}}, {{"e", 1}, {"d", 1}}};
	const struct pl_labels sets[] = {{one, 2}, {other_value, 2}, {moved_byte, 2}, {other_name, 2}, {one, 1}, {NULL, 0}};
	for (size_t i = 0; i < PL_COUNT_OF(sets); i++)
		for (size_t k = 0; k < PL_COUNT_OF(sets); k++) {
			assert_int_equal(pl_labels_eq(sets[i], sets[k]), i == k);
			assert_int_equal(pl_labels_hash(sets[i], 0) == pl_labels_hash(sets[k], 0), i == k);
		}
	assert_true(pl_labels_hash(sets[0], 0) != pl_labels_hash(sets[0], 1));
}

static void knows_valid_names(void **state)
{
	(void)state;
	static const struct {
		struct pl_str name;
		bool valid;
	} cases[] = {
	    {PL_STR("a"), true},    {PL_STR("_"), true},    {PL_STR("__meta_x9"), true}, {PL_STR("Az_09"), true},
	    {PL_STR(""), false},    {PL_STR("9a"), false},  {PL_STR("a:b"), false},      {PL_STR("a-b"), false},
	    {PL_STR("a b"), false}, {PL_STR("a\0"), false}, {PL_STR("\xc3\xa9"), false}, {{NULL, 0}, false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_label_name_valid(cases[i].name), cases[i].valid);
}

static void copies_all_bytes(void **state)
{
	(void)state;
	char name[] = "dc", value[] = "eu1";
	struct pl_label v[] = {{{name, 2}, {value, 3}}, {{"empty", 5}, {NULL, 0}}};
	struct pl_arena arena = {0};
	struct pl_labels copy = pl_labels_copy(&arena, (struct pl_labels){v, 2});
	name[0] = value[0] = 'x';
	v[1].name.n = 1;
	assert_int_equal(copy.n, 2);
	assert_true(pl_str_is(copy.v[0].name, "dc") && pl_str_is(copy.v[0].value, "eu1"));
	assert_true(pl_str_is(copy.v[1].name, "empty") && copy.v[1].value.n == 0);
	assert_int_equal(pl_labels_copy(&arena, (struct pl_labels){NULL, 0}).n, 0);
	pl_arena_finish(&arena);
}

static void writes_json(void **state)
{
	(void)state;
	static const struct pl_label v[] = {{{"a", 1}, {"x\"y", 3}}, {{"b", 1}, {"<&>\n", 4}}};
	struct pl_buf b = {0};
	pl_labels_json(&b, (struct pl_labels){v, 2});
	assert_string_equal(pl_buf_cstr(&b), "{\"a\":\"x\\\"y\",\"b\":\"\\u003c\\u0026\\u003e\\n\"}");
	pl_buf_clear(&b);
	pl_labels_json(&b, (struct pl_labels){NULL, 0});
	assert_string_equal(pl_buf_cstr(&b), "{}");
	pl_buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(builds_sorted_sets), cmocka_unit_test(compares_and_hashes), cmocka_unit_test(knows_valid_names),
	    cmocka_unit_test(copies_all_bytes),   cmocka_unit_test(writes_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
