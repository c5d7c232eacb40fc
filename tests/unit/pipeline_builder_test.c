#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/backoff.h"
#include "pipeline/builder.h"

enum { MOST = 64 };

struct sealed {
	struct pl_batch *v[MOST];
	size_t n;
};

static void on_sealed(void *data, struct pl_batch *b)
{
	struct sealed *s = data;
	s->v[s->n++] = pl_batch_share(b);
}

static void forget(struct sealed *s)
{
	while (s->n > 0)
		pl_batch_release(s->v[--s->n]);
}

static void add(struct pl_builder *b, struct pl_route *r, size_t lines, size_t line_bytes, int64_t now)
{
	struct pl_buf buf = {0};
	for (size_t i = 0; i < lines; i++) {
		memset(pl_buf_reserve(&buf, line_bytes), 'x', line_bytes);
		buf.n += line_bytes;
		buf.p[buf.n - 1] = '\n';
	}
	pl_builder_add(b, r, &buf, (uint32_t)lines, now);
	assert_int_equal(buf.n, 0);
	pl_buf_finish(&buf);
}

static void seals_by_time(void **state)
{
	(void)state;
	struct sealed s = {0};
	struct pl_builder b;
	struct pl_route *a = pl_route_create("a", ""), *other = pl_route_create("a", "week");
	pl_builder_init(&b, on_sealed, &s);
	add(&b, a, 3, 10, 1000);
	add(&b, other, 1, 10, 2000);
	add(&b, a, 2, 10, 3000);
	assert_int_equal(pl_builder_flush(&b, 1000), 1000 + PL_BATCH_SEAL_NS);
	assert_int_equal(s.n, 0);
	assert_int_equal(pl_builder_flush(&b, 1000 + PL_BATCH_SEAL_NS), 2000 + PL_BATCH_SEAL_NS);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.v[0]->points, 5);
	assert_int_equal(s.v[0]->n, 50);
	assert_true(pl_route_eq(s.v[0]->route, a));
	assert_int_equal(pl_builder_flush(&b, INT64_MAX), INT64_MAX);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[1]->route->retention_policy, "week");
	assert_int_equal(pl_builder_flush(&b, INT64_MAX), INT64_MAX);
	assert_int_equal(s.n, 2);
	pl_builder_finish(&b);
	forget(&s);
	pl_route_release(a);
	pl_route_release(other);
}

static void seals_by_size_and_loses_no_line(void **state)
{
	(void)state;
	struct sealed s = {0};
	struct pl_builder b;
	struct pl_route *r = pl_route_create("", "");
	uint64_t points = 0, bytes = 0;
	pl_builder_init(&b, on_sealed, &s);
	for (size_t i = 0; i < 40; i++)
		add(&b, r, 200, 100, 0);
	add(&b, r, 3000, 100, 0); /* large enough to be a batch of its own */
	pl_builder_flush(&b, INT64_MAX);
	for (size_t i = 0; i < s.n; i++) {
		points += s.v[i]->points;
		bytes += s.v[i]->n;
		assert_true(s.v[i]->n <= PL_BATCH_SEAL_BYTES || s.v[i]->points == 3000);
		assert_int_equal(s.v[i]->p[s.v[i]->n - 1], '\n');
		assert_int_equal(s.v[i]->n, (size_t)s.v[i]->points * 100);
	}
	assert_int_equal(points, 40 * 200 + 3000);
	assert_int_equal(bytes, points * 100);
	pl_builder_finish(&b);
	forget(&s);
	pl_route_release(r);
}

static void a_batch_splits_between_lines(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		const char *first, *second; /* NULL: cannot be split */
	} rows[] = {
	    {"a\nb\n", "a\n", "b\n"},
	    {"a\n", NULL, NULL},
	    {"a\nbbbbbbbbbbbbbbbbbbbbbbbb\n", "a\n", "bbbbbbbbbbbbbbbbbbbbbbbb\n"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaa\nb\n", "aaaaaaaaaaaaaaaaaaaaaaaa\n", "b\n"},
	    {"a\nb\nc\nd\n", "a\nb\nc\n", "d\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_route *r = pl_route_create("", "");
		struct pl_buf lines = {0};
		uint32_t points = 0;
		pl_buf_add_cstr(&lines, rows[i].lines);
		for (const char *c = rows[i].lines; *c != '\0'; c++)
			points += *c == '\n';
		struct pl_batch *whole = pl_batch_create(r, &lines, points), *first, *second;
		bool split = pl_batch_split(whole, &first, &second);
		assert_int_equal(split, rows[i].first != NULL);
		if (split) {
			assert_true(pl_str_is((struct pl_str){first->p, first->n}, rows[i].first));
			assert_true(pl_str_is((struct pl_str){second->p, second->n}, rows[i].second));
			assert_int_equal(first->points + second->points, points);
			pl_batch_release(first);
			pl_batch_release(second);
		}
		pl_batch_release(whole);
		pl_route_release(r);
	}
}

static void waits_grow_to_their_bound_and_heed_the_server(void **state)
{
	(void)state;
	struct pl_backoff b = {.first_ns = 100, .most_ns = 1000, .seed = 7};
	int64_t ceiling = 100;
	for (int i = 0; i < 100; i++) {
		int64_t wait = pl_backoff_next(&b, 0);
		assert_in_range(wait, ceiling / 2, ceiling);
		ceiling = ceiling * 2 > 1000 ? 1000 : ceiling * 2;
	}
	assert_int_equal(pl_backoff_next(&b, 5000), 5000);
	assert_int_equal(pl_backoff_next(&b, INT64_MAX), INT64_C(3600) * 1000000000);
	pl_backoff_reset(&b);
	assert_in_range(pl_backoff_next(&b, 0), 50, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seals_by_time),
	    cmocka_unit_test(seals_by_size_and_loses_no_line),
	    cmocka_unit_test(a_batch_splits_between_lines),
	    cmocka_unit_test(waits_grow_to_their_bound_and_heed_the_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
