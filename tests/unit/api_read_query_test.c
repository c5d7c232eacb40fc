#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/read_query.h"
#include "base/mem.h"

static void parameters_become_questions(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		enum pl_verb verb;
		size_t limit;
		const char *filters; /* "key=value,value;" each */
	} rows[] = {
	    {"", PL_VERB_MEAN, 1, ""},
	    {"verb=max", PL_VERB_MAX, 1, ""},
	    {"verb=MAX", PL_VERB_MAX, 1, ""},
	    {"verb=", PL_VERB_MEAN, 1, ""},
	    {"verb=&verb=min&verb=max", PL_VERB_MIN, 1, ""},
	    {"host=a", PL_VERB_MEAN, 1, "host=a;"},
	    {"host", PL_VERB_MEAN, 1, "host=;"},
	    {"host=a&host=b", PL_VERB_MEAN, 1, "host=a,b;"},
	    {"verb=none&host=a&host=b&x=1&host=c", PL_VERB_NONE, 3, "host=a,b,c;x=1;"},
	    {"verb=none", PL_VERB_NONE, 1, ""},
	    {"limit=3&stop=1&start=2&backfill=NaN", PL_VERB_MEAN, 1, "limit=3;"},
	    {"X-AUTH-TOKEN=s&x-auth-token=t&X-Auth-Token=u", PL_VERB_MEAN, 1, "X-Auth-Token=u;"},
	    {":stat=other", PL_VERB_MEAN, 1, ""},
	    {"a+b=c%27d&%22=%5C", PL_VERB_MEAN, 1, "a b=c'd;\"=\\;"},
	    {"h=1&h=2&h=3&h=4&h=5", PL_VERB_MEAN, 1, "h=1,2,3,4,5;"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[160] = "";
		struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
		struct pl_buf got = {0};
		assert_int_equal(pl_read_query_parse(q, PL_VERB_MEAN, pl_str_of(rows[i].query), reason, sizeof reason), PL_OK);
		for (size_t f = 0; f < q->n_filters; f++) {
			pl_buf_add_str(&got, q->filters[f].key);
			for (size_t v = 0; v < q->filters[f].n_values; v++) {
				pl_buf_add_char(&got, v > 0 ? ',' : '=');
				pl_buf_add_str(&got, q->filters[f].values[v]);
			}
			pl_buf_add_char(&got, ';');
		}
		assert_string_equal(pl_buf_cstr(&got), rows[i].filters);
		assert_int_equal(q->verb, rows[i].verb);
		assert_int_equal(q->limit, rows[i].limit);
		pl_buf_finish(&got);
		pl_query_destroy(q);
	}
}

static void bad_parameters_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *query, *times, *reason;
	} rows[] = {
	    {"verb=bo(gus", NULL, "verb must be one of none, mean, max, min, sum, count, first, last, median, spread, stddev"},
	    {"verb=distinct", NULL, "verb must be one of"},
	    {"=v", NULL, "a filter needs the name of a tag before its `=`"},
	    {"a=%00", NULL, "a filter must not hold a NUL byte"},
	    {"%00=a", NULL, "a filter must not hold a NUL byte"},
	    {"a=1", "&a=1", "more than 64 parameters"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[160] = "";
		struct pl_buf text = {0};
		struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
		pl_buf_add_cstr(&text, rows[i].query);
		for (size_t k = 0; rows[i].times != NULL && k < 64; k++)
			pl_buf_add_cstr(&text, rows[i].times);
		assert_int_equal(pl_read_query_parse(q, PL_VERB_MEAN, pl_buf_str(&text), reason, sizeof reason), PL_EINVAL);
		assert_true(pl_str_starts(pl_str_of(reason), pl_str_of(rows[i].reason)));
		pl_buf_finish(&text);
		pl_query_destroy(q);
	}
}

static char *rows_json(struct pl_query_row *rows, size_t n)
{
	struct pl_query q = {.kind = PL_QUERY_LATEST, .rows = rows, .n_rows = n};
	struct pl_buf b = {0};
	pl_read_query_rows(&q, &b);
	return pl_buf_take(&b);
}

static void rows_have_the_shape_of_pulse(void **state)
{
	(void)state;
	struct pl_label web[] = {{PL_STR("zone"), PL_STR("<a&b>")}, {PL_STR("host"), PL_STR("web\"1")}};
	struct pl_label none[] = {{PL_STR("host"), {NULL, 0}}, {PL_STR("time"), PL_STR("no")}, {PL_STR("z"), PL_STR("v")}};
	struct pl_query_row rows[] = {
	    {1795216958000, 0.75, 0, web, 2},
	    {1795216955000, 3, 0, none, 3},
	    {0, 0.1767766952966369, 0, NULL, 0},
	};
	char *one = rows_json(rows, 1), *all = rows_json(rows, 3);
	assert_string_equal(one, "{\"time\":1795216958000,\"value\":0.75}");
	assert_string_equal(all,
			    "[{\"host\":\"web\\\"1\",\"time\":1795216958000,\"value\":0.75,\"zone\":\"\\u003ca\\u0026b\\u003e\"},"
			    "{\"host\":\"\",\"time\":1795216955000,\"value\":3,\"z\":\"v\"},"
			    "{\"time\":0,\"value\":0.1767766952966369}]");
	free(one);
	free(all);
}

static void names_are_an_array_even_when_there_are_none(void **state)
{
	(void)state;
	struct pl_str names[] = {PL_STR("cpu"), PL_STR("a<b")};
	struct pl_query q = {.kind = PL_QUERY_KEYS};
	struct pl_buf b = {0};
	pl_read_query_names(&q, &b);
	assert_string_equal(pl_buf_cstr(&b), "[]");
	q.names = names;
	q.n_names = 2;
	pl_buf_clear(&b);
	pl_read_query_names(&q, &b);
	assert_string_equal(pl_buf_cstr(&b), "[\"cpu\",\"a\\u003cb\"]");
	pl_buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_become_questions),
	    cmocka_unit_test(bad_parameters_are_told),
	    cmocka_unit_test(rows_have_the_shape_of_pulse),
	    cmocka_unit_test(names_are_an_array_even_when_there_are_none),
	};
	return cmocka_run_group_tests_name("api_read_query", tests, NULL, NULL);
}
