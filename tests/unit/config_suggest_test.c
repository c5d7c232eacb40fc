#include "config_harness.h"

#include "config/suggest.h"

static void counts_edits(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		size_t limit, distance;
	} cases[] = {
	    {"", "", 3, 0},
	    {"", "ab", 3, 2},
	    {"timeout", "timeout", 0, 0},
	    {"timout", "timeout", 3, 1},
	    {"timeouts", "timeout", 3, 1},
	    {"timeour", "timeout", 3, 1},
	    {"tiemout", "timeout", 3, 1}, /* neighbours swapped */
	    {"kitten", "sitting", 3, 3},
	    {"kitten", "sitting", 2, 3}, /* beyond the limit */
	    {"a", "abcdefgh", 3, 4},
	    {"ca", "abc", 3, 3}, /* no edit of what was swapped */
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_str a = pl_str_of(cases[i].a), b = pl_str_of(cases[i].b);
		assert_int_equal(pl_edit_distance(a, b, cases[i].limit), cases[i].distance);
		assert_int_equal(pl_edit_distance(b, a, cases[i].limit), cases[i].distance);
	}
}

static void names_the_nearest(void **state)
{
	(void)state;
	static const char *const names[] = {"scrape_interval", "scrape_timeout", "targets", "labels", "on", "drop_oldest"};
	static const struct {
		const char *word, *best;
	} cases[] = {
	    {"scrape_intervall", "scrape_interval"},
	    {"scrap_timeout", "scrape_timeout"},
	    {"scrape-timeout", "scrape_timeout"},
	    {"SCRAPE_TIMEOUT", "scrape_timeout"},
	    {"scrapeTimeout", "scrape_timeout"},
	    {"lables", "labels"},
	    {"target", "targets"},
	    {"oldest", "drop_oldest"},
	    {"no", "on"},
	    {"x", NULL},
	    {"", NULL},
	    {"something_else", NULL},
	    {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_suggest s;
		pl_suggest_init(&s, pl_str_of(cases[i].word));
		for (size_t k = 0; k < PL_COUNT_OF(names); k++)
			pl_suggest_offer(&s, names[k]);
		if (cases[i].best == NULL)
			assert_null(s.best);
		else
			assert_string_equal(s.best, cases[i].best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts_edits), cmocka_unit_test(names_the_nearest)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
