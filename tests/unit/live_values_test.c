#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "live/index.h"
#include "live/last_values.h"

enum { MOST = 8 };

static struct pl_live_message *make(const char *const *tags, const char *data, uint64_t id)
{
	struct pl_str v[MOST];
	size_t n = 0;
	for (; tags[n] != NULL; n++)
		v[n] = pl_str_of(tags[n]);
	struct pl_live_message *m =
	    pl_live_message_create(&(struct pl_live_value){.tags = v, .n_tags = n, .data = pl_str_of(data), .wall_ns = 1});
	assert_non_null(m);
	m->id = id;
	return m;
}

static void assert_text(struct pl_str got, const char *expected)
{
	char text[512];
	snprintf(text, sizeof text, "%.*s", (int)got.n, got.p);
	assert_string_equal(text, expected);
}

/* ---- a value's channel and payload ---- */

static void test_encoding(void **state)
{
	static const struct {
		const char *tags[MOST], *data, *channel, *payload;
	} rows[] = {
	    {{"service:web1", "metrics", "host:host1", "cpu_used", NULL},
	     "0.2500",
	     "|cpu_used||host:host1||metrics||service:web1|",
	     "{\"command\":\"publish\",\"tags\":[\"cpu_used\",\"host:host1\",\"metrics\",\"service:web1\"],\"data\":\"0.2500\"}"},
	    {{"b", "", "a", "b", NULL},
	     "x",
	     "|a||b|",
	     "{\"command\":\"publish\",\"tags\":[\"\",\"a\",\"b\",\"b\"],\"data\":\"x\"}"},
	    {{NULL}, "1", "", "{\"command\":\"publish\",\"data\":\"1\"}"},
	    {{"a", NULL}, "", "|a|", "{\"command\":\"publish\",\"tags\":[\"a\"]}"},
	    {{"a b", "a*", "a|b", "a%", NULL},
	     "NaN",
	     "|a%20b||a%25||a%2A||a%7Cb|",
	     "{\"command\":\"publish\",\"tags\":[\"a b\",\"a%\",\"a*\",\"a|b\"],\"data\":\"NaN\"}"},
	    {{"[x]", "x?", "x^\\", NULL},
	     "1",
	     "|%5Bx%5D||x%3F||x%5E%5C|",
	     "{\"command\":\"publish\",\"tags\":[\"[x]\",\"x?\",\"x^\\\\\"],\"data\":\"1\"}"},
	    /* sorted by the escaped text on the channel, by the raw one in the payload: { is above z, %7B below it */
	    {{"z", "{", NULL}, "1", "|%7B||z|", "{\"command\":\"publish\",\"tags\":[\"z\",\"{\"],\"data\":\"1\"}"},
	    {{"caf\xc3\xa9", "Az09_.:/@+=,-", NULL},
	     "\"q\"",
	     "|Az09_.:/@+=,-||caf%C3%A9|",
	     "{\"command\":\"publish\",\"tags\":[\"Az09_.:/@+=,-\",\"caf\xc3\xa9\"],\"data\":\"\\\"q\\\"\"}"},
	    {{"host:h1", "host:h10", NULL},
	     "1",
	     "|host:h1||host:h10|",
	     "{\"command\":\"publish\",\"tags\":[\"host:h1\",\"host:h10\"],\"data\":\"1\"}"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_live_message *m = make(rows[i].tags, rows[i].data, 1);
		assert_text(m->channel, rows[i].channel);
		assert_text(m->payload, rows[i].payload);
		assert_text(m->data, rows[i].data);
		pl_live_message_release(m);
	}
}

static void test_bounds(void **state)
{
	struct pl_str tags[PL_LIVE_MAX_TAGS + 1];
	(void)state;
	for (size_t i = 0; i <= PL_LIVE_MAX_TAGS; i++)
		tags[i] = PL_STR("t");
	struct pl_live_value v = {.tags = tags, .n_tags = PL_LIVE_MAX_TAGS, .data = PL_STR("1")};
	struct pl_live_message *m = pl_live_message_create(&v);
	assert_non_null(m);
	assert_int_equal(m->n_tags, 1);
	pl_live_message_release(m);
	v.n_tags++;
	assert_null(pl_live_message_create(&v));
}

/* ---- wishes ---- */

static void test_wish(void **state)
{
	static const struct {
		const char *match;
		enum pl_err err;
		size_t n;
		const char *tags[MOST];
	} rows[] = {
	    {"", PL_OK, 0, {NULL}},
	    {"a", PL_OK, 1, {"a"}},
	    {"b,a,b,,", PL_OK, 2, {"a", "b"}},
	    {"a\\,b,c", PL_OK, 2, {"a,b", "c"}},
	    {"a\\\\,c", PL_OK, 2, {"a\\", "c"}},
	    {"a\\", PL_EPARSE, 0, {NULL}},
	    {"a\\n", PL_EPARSE, 0, {NULL}},
	    {" a", PL_OK, 1, {" a"}},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_live_wish w = {0};
		assert_int_equal(pl_live_wish_add(&w, pl_str_of(rows[i].match)), rows[i].err);
		assert_int_equal(w.n, rows[i].err == PL_OK);
		if (w.n > 0)
			assert_int_equal(w.sets[0].n, rows[i].n);
		for (size_t k = 0; k < rows[i].n; k++)
			assert_text(w.sets[0].tags[k], rows[i].tags[k]);
		pl_live_wish_finish(&w);
	}
	struct pl_live_wish w = {0};
	for (size_t i = 0; i < PL_LIVE_MAX_SETS; i++)
		assert_int_equal(pl_live_wish_add(&w, PL_STR("a")), PL_OK);
	assert_int_equal(pl_live_wish_add(&w, PL_STR("a")), PL_ELIMIT);
	pl_live_wish_finish(&w);
}

/* ---- the index ---- */

static void count_found(struct pl_live_subscriber *s, void *data)
{
	(void)s;
	++*(size_t *)data;
}

/* {a,d} and {b,c} against {a,b,c}: mist's search goes astray here. */
static void test_mists_defect(void **state)
{
	(void)state;
	struct pl_live_index *x = pl_live_index_create();
	struct pl_live_subscriber s = {0}, other = {0};
	size_t found = 0;
	assert_int_equal(pl_live_wish_add(&s.wish, PL_STR("a,d")), PL_OK);
	assert_int_equal(pl_live_wish_add(&s.wish, PL_STR("b,c")), PL_OK);
	assert_int_equal(pl_live_wish_add(&s.wish, PL_STR("c")), PL_OK); /* fits too: still once */
	assert_int_equal(pl_live_wish_add(&other.wish, PL_STR("a,b,d")), PL_OK);
	pl_live_index_add(x, &s);
	pl_live_index_add(x, &other);
	struct pl_live_message *m = make((const char *const[]){"a", "b", "c", NULL}, "1", 1);
	pl_live_index_match(x, m, count_found, &found);
	assert_int_equal(found, 1);
	pl_live_message_release(m);
	pl_live_index_remove(x, &s);
	pl_live_index_remove(x, &other);
	pl_live_wish_finish(&s.wish);
	pl_live_wish_finish(&other.wish);
	pl_live_index_destroy(x);
}

enum { SUBSCRIBERS = 60, MESSAGES = 2000, TAGS = 7 };

static void random_set(char *out, size_t size, unsigned most)
{
	size_t n = 0;
	out[0] = '\0';
	for (unsigned i = 0, k = (unsigned)rand() % (most + 1); i < k && n + 3 < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%c,", 'a' + rand() % TAGS);
}

static bool naive_fits(const struct pl_live_wish *w, const struct pl_live_message *m)
{
	for (size_t s = 0; s < w->n; s++) {
		size_t there = 0;
		for (size_t i = 0; i < w->sets[s].n; i++)
			for (size_t k = 0; k < m->n_tags; k++)
				there += pl_str_eq(m->tags[k], w->sets[s].tags[i]);
		if (there == w->sets[s].n)
			return true;
	}
	return w->n == 0;
}

struct tally {
	struct pl_live_subscriber *all;
	unsigned found[SUBSCRIBERS];
};

static void tally_found(struct pl_live_subscriber *s, void *data)
{
	struct tally *t = data;
	t->found[s - t->all]++;
}

static void test_index_against_definition(void **state)
{
	struct pl_live_index *x = pl_live_index_create();
	struct pl_live_subscriber *all = pl_calloc(SUBSCRIBERS, sizeof *all);
	char text[64];
	(void)state;
	srand(7);
	for (size_t i = 0; i < SUBSCRIBERS; i++) {
		for (unsigned k = 0, n = (unsigned)rand() % 4; k < n; k++) {
			random_set(text, sizeof text, 4);
			assert_int_equal(pl_live_wish_add(&all[i].wish, pl_str_of(text)), PL_OK);
		}
		pl_live_index_add(x, &all[i]);
	}
	size_t fitting = 0;
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		struct tally t = {.all = all};
		char names[MOST][2];
		const char *tags[MOST] = {NULL};
		for (size_t i = 0, n = (size_t)rand() % 6; i < n; i++) {
			names[i][0] = (char)('a' + rand() % TAGS);
			names[i][1] = '\0';
			tags[i] = names[i];
		}
		struct pl_live_message *m = make(tags, "1", id);
		pl_live_index_match(x, m, tally_found, &t);
		for (size_t i = 0; i < SUBSCRIBERS; i++) {
			bool wants = naive_fits(&all[i].wish, m);
			assert_int_equal(t.found[i], wants);
			assert_int_equal(pl_live_wish_fits(&all[i].wish, m), wants);
			fitting += wants;
		}
		pl_live_message_release(m);
	}
	assert_true(fitting > 1000 && fitting < SUBSCRIBERS * MESSAGES - 1000);
	for (size_t i = 0; i < SUBSCRIBERS; i++) {
		pl_live_index_remove(x, &all[i]);
		pl_live_wish_finish(&all[i].wish);
	}
	free(all);
	pl_live_index_destroy(x);
}

/* ---- last values ---- */

static void put(struct pl_last_values *l, const char *tag, const char *data, int64_t wall_ns)
{
	struct pl_live_message *m = make((const char *const[]){tag, NULL}, data, 1);
	pl_last_values_put(l, m, wall_ns);
	pl_live_message_release(m);
}

static void assert_walk(struct pl_last_values *l, int64_t wall_ns, const char *expected)
{
	struct pl_last_values_walk w;
	struct pl_live_message *m;
	struct pl_buf got = {0};
	pl_last_values_walk_begin(l, &w, wall_ns);
	while ((m = pl_last_values_walk_next(l, &w)) != NULL)
		pl_buf_addf(&got, "%.*s=%.*s ", (int)m->tags[0].n, m->tags[0].p, (int)m->data.n, m->data.p);
	pl_last_values_walk_end(l, &w);
	assert_string_equal(pl_buf_cstr(&got), expected);
	pl_buf_finish(&got);
}

static void test_last_values(void **state)
{
	(void)state;
	struct pl_last_values *l =
	    pl_last_values_create(&(struct pl_last_values_options){.max_values = 3, .max_bytes = 1 << 20, .ttl_ns = 10});
	put(l, "a", "1", 1);
	put(l, "b", "2", 2);
	put(l, "a", "3", 3);
	assert_walk(l, 3, "b=2 a=3 ");
	put(l, "c", "4", 4);
	put(l, "d", "5", 5);
	assert_walk(l, 5, "a=3 c=4 d=5 ");
	assert_int_equal(pl_last_values_stats(l).evicted, 1);
	assert_walk(l, 13, "a=3 c=4 d=5 ");
	assert_walk(l, 14, "c=4 d=5 ");
	assert_int_equal(pl_last_values_stats(l).expired, 1);
	put(l, "e", "6", 100);
	assert_walk(l, 100, "e=6 ");
	pl_last_values_destroy(l);
}

static void test_last_values_bytes(void **state)
{
	(void)state;
	struct pl_last_values *l = pl_last_values_create(&(struct pl_last_values_options){.max_values = 1000, .max_bytes = 2000});
	char tag[16];
	for (unsigned i = 0; i < 500; i++) {
		snprintf(tag, sizeof tag, "t%u", i % 50);
		put(l, tag, "1", 1);
		assert_true(pl_last_values_stats(l).bytes <= 2000);
	}
	assert_true(pl_last_values_stats(l).values > 1);
	pl_last_values_destroy(l);
}

static void test_walk_while_values_come(void **state)
{
	(void)state;
	struct pl_last_values *l = pl_last_values_create(&(struct pl_last_values_options){.max_values = 4, .max_bytes = 1 << 20});
	struct pl_last_values_walk w;
	put(l, "a", "1", 1);
	put(l, "b", "1", 1);
	put(l, "c", "1", 1);
	pl_last_values_walk_begin(l, &w, 1);
	assert_text(pl_last_values_walk_next(l, &w)->tags[0], "a");
	put(l, "b", "2", 1); /* would have been next: comes last now */
	assert_text(pl_last_values_walk_next(l, &w)->tags[0], "c");
	put(l, "d", "1", 1);
	put(l, "e", "1", 1); /* a is forgotten */
	assert_text(pl_last_values_walk_next(l, &w)->data, "2");
	assert_text(pl_last_values_walk_next(l, &w)->tags[0], "d");
	assert_text(pl_last_values_walk_next(l, &w)->tags[0], "e");
	assert_null(pl_last_values_walk_next(l, &w));
	pl_last_values_walk_end(l, &w);
	pl_last_values_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encoding),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_wish),
	    cmocka_unit_test(test_mists_defect),
	    cmocka_unit_test(test_index_against_definition),
	    cmocka_unit_test(test_last_values),
	    cmocka_unit_test(test_last_values_bytes),
	    cmocka_unit_test(test_walk_while_values_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
