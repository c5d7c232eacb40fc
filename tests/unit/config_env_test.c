#include "config_harness.h"

#include "config/env.h"

static const char *get(void *data, const char *name)
{
	(void)data;
	static const struct {
		const char *name, *value;
	} variables[] = {{"HOST", "db1"}, {"EMPTY", ""}, {"EVIL", "a: ${HOST}\n$$"}, {"_9", "nine"}};
	for (size_t i = 0; i < PL_COUNT_OF(variables); i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

static void expands(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected, *why; /* why: NULL when it must go well */
		enum pl_err err;
	} cases[] = {
	    {"", "", NULL, PL_OK},
	    {"plain", "plain", NULL, PL_OK},
	    {"${HOST}", "db1", NULL, PL_OK},
	    {"http://${HOST}:${PORT:-8086}/", "http://db1:8086/", NULL, PL_OK},
	    {"${HOST}${HOST}", "db1db1", NULL, PL_OK},
	    {"${EMPTY}", "", NULL, PL_OK},
	    {"${EMPTY:-x}", "x", NULL, PL_OK},
	    {"${NONE:-}", "", NULL, PL_OK},
	    {"${NONE:-a:-b$c}", "a:-b$c", NULL, PL_OK},
	    {"${_9}", "nine", NULL, PL_OK},
	    {"${EVIL}", "a: ${HOST}\n$$", NULL, PL_OK}, /* not looked at again */
	    {"$$", "$", NULL, PL_OK},
	    {"$${HOST}", "${HOST}", NULL, PL_OK},
	    {"$$$$", "$$", NULL, PL_OK},
	    {"$HOST costs 5$", "$HOST costs 5$", NULL, PL_OK},
	    {"${NONE}", NULL, "the environment variable NONE is not set (a default: ${NONE:-value})", PL_ENOENT},
	    {"${A} ${HOST} ${B}", NULL,
	     "the environment variable A is not set (a default: ${A:-value}); the environment variable B is not set (a default: "
	     "${B:-value})",
	     PL_ENOENT},
	    {"x${HOST", NULL, "${ without its } (write $$ for a dollar)", PL_EPARSE},
	    {"${}", NULL, "${...} takes a variable's name of letters, digits and _ (write $$ for a dollar)", PL_EPARSE},
	    {"${1}", NULL, "${...} takes a variable's name of letters, digits and _ (write $$ for a dollar)", PL_EPARSE},
	    {"${a b}", NULL, "${...} takes a variable's name of letters, digits and _ (write $$ for a dollar)", PL_EPARSE},
	    {"${:-x}", NULL, "${...} takes a variable's name of letters, digits and _ (write $$ for a dollar)", PL_EPARSE},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0}, why = {0};
		struct pl_str text = pl_str_of(cases[i].text);
		assert_int_equal(pl_env_expand(text, get, NULL, &out, &why), cases[i].err);
		if (cases[i].why == NULL)
			assert_string_equal(pl_buf_cstr(&out), cases[i].expected);
		assert_string_equal(pl_buf_cstr(&why), cases[i].why != NULL ? cases[i].why : "");
		bool changes = cases[i].why != NULL || strcmp(cases[i].text, cases[i].expected) != 0;
		assert_true(!changes || pl_env_mentioned(text));
		pl_buf_finish(&out);
		pl_buf_finish(&why);
	}
}

static const char *get_large(void *data, const char *name)
{
	(void)name;
	return data;
}

static void is_bounded(void **state)
{
	(void)state;
	char *large = pl_calloc(100001, 1);
	memset(large, 'x', 100000);
	struct pl_buf text = {0}, out = {0}, why = {0};
	for (int i = 0; i < 11; i++)
		pl_buf_add_cstr(&text, "${A}");
	assert_int_equal(pl_env_expand(pl_buf_str(&text), get_large, large, &out, &why), PL_ELIMIT);
	assert_string_equal(pl_buf_cstr(&why), "longer than 1 MiB once the environment is expanded");
	pl_buf_finish(&text);
	pl_buf_finish(&out);
	pl_buf_finish(&why);
	free(large);
}

static void sees_what_is_mentioned(void **state)
{
	(void)state;
	assert_false(pl_env_mentioned(PL_STR("")));
	assert_false(pl_env_mentioned(PL_STR("$")));
	assert_false(pl_env_mentioned(PL_STR("a$b $1")));
	assert_true(pl_env_mentioned(PL_STR("a$b ${")));
	assert_true(pl_env_mentioned(PL_STR("$$")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(expands), cmocka_unit_test(is_bounded),
					   cmocka_unit_test(sees_what_is_mentioned)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
