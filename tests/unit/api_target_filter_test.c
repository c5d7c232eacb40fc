#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "api/target_filter.h"
#include "base/mem.h"

static void parameters_are_read(void **state)
{
	(void)state;
	struct pl_target_filter f = {0};
	char reason[256] = "";
	struct pl_str query =
	    PL_STR("state=active&scrapePool=a%20b&scrapePool=c&match=%7Bdc%3D%22eu%22%7D&health=down&offset=3&limit=0&"
		   "outcomes=60&X-AUTH-TOKEN=x");
	assert_int_equal(pl_target_filter_parse(&f, query, reason, sizeof reason), PL_OK);
	assert_true(f.active && !f.dropped && f.by_health && f.health == PL_TARGET_DOWN);
	assert_true(f.offset == 3 && f.limit == 0 && f.outcomes == 60);
	assert_true(pl_target_filter_pool(&f, "a b") && pl_target_filter_pool(&f, "c") && !pl_target_filter_pool(&f, "a"));
	const struct pl_job a = {.name = "a b"}, other = {.name = "other"};
	const struct pl_label eu = {PL_STR("dc"), PL_STR("eu")}, us = {PL_STR("dc"), PL_STR("us")};
	assert_true(pl_target_filter_fits(&f, &(struct pl_target){.job = &a, .labels = {&eu, 1}}));
	assert_false(pl_target_filter_fits(&f, &(struct pl_target){.job = &a, .labels = {&us, 1}}));
	assert_false(pl_target_filter_fits(&f, &(struct pl_target){.job = &other, .labels = {&eu, 1}}));
	pl_target_filter_finish(&f);
}

static void nothing_given_is_everything(void **state)
{
	(void)state;
	struct pl_target_filter f = {0};
	char reason[256] = "";
	assert_int_equal(pl_target_filter_parse(&f, PL_STR("state="), reason, sizeof reason), PL_OK);
	assert_true(f.active && f.dropped && !f.by_health && f.offset == 0 && f.limit == UINT64_MAX);
	assert_int_equal(f.outcomes, PL_TARGET_OUTCOMES);
	assert_true(pl_target_filter_pool(&f, "any"));
	pl_target_filter_finish(&f);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *query, *reason;
	} rows[] = {
	    {"state=sleepy", "state must be one of active, dropped, any"},
	    {"scrapePool=", "scrapePool must name a job"},
	    {"match=job", "match, column 4: expected =, !=, =~ or !~"},
	    {"match=%7Bjob%3D~%22(%22%7D", "match, column 7: this pattern is wrong: missing closing parenthesis"},
	    {"match=a%3D%22%22&match=b%3D%22%22", "match may be given once"},
	    {"health=ill", "health must be one of up, down, unknown"},
	    {"limit=-1", "limit must be a whole number, 0 or more"},
	    {"limit=", "limit must be"},
	    {"offset=1.5", "offset must be"},
	    {"outcomes=61", "outcomes must be a whole number from 0 to 60"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_target_filter f = {0};
		char reason[256] = "";
		assert_int_equal(pl_target_filter_parse(&f, pl_str_of(rows[i].query), reason, sizeof reason), PL_EINVAL);
		if (strncmp(reason, rows[i].reason, strlen(rows[i].reason)) != 0)
			fail_msg("%s: %s", rows[i].query, reason);
		pl_target_filter_finish(&f);
	}
	struct pl_buf many = {0};
	struct pl_target_filter f = {0};
	char reason[256] = "";
	for (size_t i = 0; i <= PL_TARGET_FILTER_POOLS; i++)
		pl_buf_add_cstr(&many, "scrapePool=a&");
	assert_int_equal(pl_target_filter_parse(&f, pl_buf_str(&many), reason, sizeof reason), PL_EINVAL);
	pl_buf_finish(&many);
	pl_target_filter_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_are_read), cmocka_unit_test(nothing_given_is_everything),
					   cmocka_unit_test(what_is_wrong_is_named)};
	return cmocka_run_group_tests_name("api_target_filter", tests, NULL, NULL);
}
