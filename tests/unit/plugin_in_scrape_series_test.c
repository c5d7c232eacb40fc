#include "scrape_page.h"

static uint64_t hash_of(size_t i)
{
	return pl_str_hash((struct pl_str){(const char *)&i, sizeof i}, 0);
}

static struct pl_str text_of(size_t i, char out[32])
{
	return (struct pl_str){out, (size_t)snprintf(out, 32, "series-%zu%.*s", i, (int)(i % 9), "xxxxxxxxx")};
}

/* Every series is found with its own text, and its fate. */
static void must_hold(struct pl_series_cache *c, size_t from, size_t to, size_t step)
{
	char text[32];
	for (size_t i = from; i < to; i += step) {
		const struct pl_series_entry *e = pl_series_cache_find(c, hash_of(i));
		assert_non_null(e);
		assert_int_equal(e->fate, i % 100);
		assert_true(pl_str_eq(pl_series_cache_text(c, e), i % 7 == 0 ? PL_STR("") : text_of(i, text)));
	}
}

static bool add(struct pl_series_cache *c, size_t i)
{
	char text[32];
	return pl_series_cache_add(c, hash_of(i), (uint8_t)(i % 100), i % 7 == 0 ? PL_STR("") : text_of(i, text));
}

static void cache_finds_what_was_added(void **state)
{
	(void)state;
	struct pl_series_budget budget = {.most = 8 << 20};
	struct pl_series_cache c = {.budget = &budget};
	enum { N = 20000 };
	for (size_t i = 0; i < N; i++) {
		assert_null(pl_series_cache_find(&c, hash_of(i)));
		assert_true(add(&c, i));
	}
	assert_int_equal(budget.series, N);
	pl_series_cache_rewind(&c);
	must_hold(&c, 0, N, 1);
	must_hold(&c, 3, N, 17); /* in another order than they came */
	assert_null(pl_series_cache_find(&c, hash_of(N)));
	assert_true(budget.used < N * 64);
	pl_series_cache_finish(&c);
	assert_int_equal(budget.used, 0);
}

static void cache_forgets_what_was_not_seen(void **state)
{
	(void)state;
	struct pl_series_budget budget = {.most = 8 << 20};
	struct pl_series_cache c = {.budget = &budget};
	enum { N = 3000 };
	for (size_t i = 0; i < N; i++)
		assert_true(add(&c, i));
	size_t most = budget.used;
	for (size_t scrape = 0; scrape < 600; scrape++) { /* the number of a scrape runs over */
		pl_series_cache_turn(&c);
		if (scrape % 16 == 15)
			pl_series_cache_sweep(&c, 16);
		pl_series_cache_rewind(&c);
		must_hold(&c, 0, N, 3);
	}
	assert_int_equal(c.n, N / 3);
	assert_int_equal(budget.series, N / 3);
	assert_true(budget.used < most / 2);
	assert_null(pl_series_cache_find(&c, hash_of(1)));
	assert_true(add(&c, 1));
	must_hold(&c, 0, 3, 3);
	for (size_t scrape = 0; scrape < 3; scrape++)
		pl_series_cache_turn(&c);
	pl_series_cache_sweep(&c, 2);
	assert_int_equal(c.n, 0);
	assert_int_equal(budget.used, 0);
	assert_true(add(&c, 5));
	must_hold(&c, 5, 6, 1);
	pl_series_cache_finish(&c);
	assert_int_equal(budget.series, 0);
}

static void cache_keeps_its_bounds(void **state)
{
	(void)state;
	enum { MOST = 40000 };
	struct pl_series_budget budget = {.most = MOST};
	struct pl_series_cache a = {.budget = &budget}, b = {.budget = &budget, .most = MOST / 4};
	size_t n_a = 0, n_b = 0;
	while (add(&b, n_b))
		n_b++;
	assert_true(budget.used <= MOST / 4);
	while (add(&a, n_a))
		n_a++;
	assert_true(budget.used <= MOST);
	assert_true(n_a > n_b && n_b > 30);
	must_hold(&a, 0, n_a, 1);
	must_hold(&b, 0, n_b, 1);
	assert_false(add(&a, n_a));
	pl_series_cache_finish(&a);
	pl_series_cache_finish(&b);
	assert_int_equal(budget.used, 0);
}

static void set_admits_up_to_its_limit(void **state)
{
	(void)state;
	static const uint64_t limits[] = {1, 2, 47, 48, 49, 1000, 100000};
	for (size_t k = 0; k < PL_COUNT_OF(limits); k++) {
		struct pl_series_set s = {0};
		uint64_t limit = limits[k];
		for (uint64_t i = 0; i < limit; i++)
			assert_int_equal(pl_series_set_admit(&s, hash_of(i), limit), PL_SERIES_NEW);
		for (uint64_t i = 0; i < limit + 100; i++)
			assert_int_equal(pl_series_set_admit(&s, hash_of(i), limit),
					 i < limit ? PL_SERIES_KNOWN : PL_SERIES_REFUSED);
		assert_int_equal(s.n, limit);
		assert_true(s.n_slots <= (limit < 48 ? 64 : 3 * limit));
		pl_series_set_finish(&s);
	}
}

static void set_forgets_what_was_not_seen(void **state)
{
	(void)state;
	struct pl_series_set s = {0};
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(pl_series_set_admit(&s, hash_of(i), 5000), PL_SERIES_NEW);
	for (size_t scrape = 0; scrape < 600; scrape++) {
		pl_series_set_turn(&s);
		if (scrape % 16 == 15)
			pl_series_set_sweep(&s, 16);
		for (uint64_t i = 0; i < 5000; i += 50)
			assert_int_equal(pl_series_set_admit(&s, hash_of(i), 5000), PL_SERIES_KNOWN);
	}
	assert_int_equal(s.n, 100);
	assert_true(s.n_slots <= 256);
	assert_int_equal(pl_series_set_admit(&s, hash_of(1), 5000), PL_SERIES_NEW);
	pl_series_set_finish(&s);
}

/* 0 means a free slot, in the set and behind the bits that it keeps. */
static void takes_every_hash(void **state)
{
	(void)state;
	static const uint64_t hashes[] = {0, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32};
	struct pl_series_budget budget = {.most = 1 << 20};
	struct pl_series_cache c = {.budget = &budget};
	struct pl_series_set s = {0};
	for (size_t i = 0; i < PL_COUNT_OF(hashes); i++) {
		assert_null(pl_series_cache_find(&c, hashes[i]));
		assert_true(pl_series_cache_add(&c, hashes[i], 1, PL_STR("x")));
		assert_non_null(pl_series_cache_find(&c, hashes[i]));
		assert_int_equal(pl_series_set_admit(&s, hashes[i], 10), PL_SERIES_NEW);
		assert_int_equal(pl_series_set_admit(&s, hashes[i], 10), PL_SERIES_KNOWN);
	}
	pl_series_cache_finish(&c);
	pl_series_set_finish(&s);
}

/* ---- pages at random ---- */

struct dice {
	uint64_t state;
};

static size_t roll(struct dice *d, size_t n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(d->state >> 33) % n;
}

static void random_page(struct dice *d, struct pl_buf *page)
{
	static const char *const types[] = {"# TYPE a histogram\n", "# TYPE bb summary\n", "# TYPE c:d counter\n", ""};
	static const char *const names[] = {"a",       "bb",    "drop_me", "http_requests_total", "c:d", "a_bucket",
					    "a_count", "a_sum", "bb_count"};
	static const char *const labels[] = {"job", "exported_job", "x", "le", "time", "instance"};
	static const char *const values[] = {"", "1", "two words", "0.5", "+Inf", "q\\\"\\n", "C:\\\\", "\xc3\xa4", "node"};
	static const char *const numbers[] = {"1", "NaN", "+Inf", "-2.5e3", "+7", ".5", "3 1000", "4 99999999999999999"};
	pl_buf_clear(page);
	for (size_t i = 0; i < PL_COUNT_OF(types); i++)
		pl_buf_add_cstr(page, types[roll(d, 2) == 0 ? i : PL_COUNT_OF(types) - 1]);
	for (size_t n = roll(d, 30); n > 0; n--) {
		size_t from = roll(d, PL_COUNT_OF(labels)), to = from + roll(d, PL_COUNT_OF(labels) - from + 1);
		pl_buf_add_cstr(page, names[roll(d, PL_COUNT_OF(names))]);
		for (size_t i = from; i < to; i++)
			pl_buf_addf(page, "%c%s=\"%s\"", i == from ? '{' : ',', labels[i], values[roll(d, PL_COUNT_OF(values))]);
		pl_buf_addf(page, "%s %s\n", to > from ? "}" : "", numbers[roll(d, PL_COUNT_OF(numbers))]);
	}
	if (roll(d, 20) == 0)
		pl_buf_add_cstr(page, "bad{\n");
}

static struct pl_relabel_rule random_rule(struct dice *d)
{
	static const char *const name[] = {"__name__", NULL}, *const job[] = {"job", NULL}, *const x[] = {"x", "le", NULL};
	switch (roll(d, 7)) {
	case 0:
		return scrape_rule(PL_RELABEL_DROP, name, "drop.*", NULL, NULL);
	case 1:
		return scrape_rule(PL_RELABEL_REPLACE, name, "(http)_(.*)", "__name__", "${2}_$1");
	case 2:
		return scrape_rule(PL_RELABEL_LABELDROP, NULL, "l.|__name__x|inst.*", NULL, NULL);
	case 3:
		return scrape_rule(PL_RELABEL_REPLACE, x, "(.+);(.*)", "job", "$1$2");
	case 4:
		return scrape_rule(PL_RELABEL_REPLACE, x, "1;(.*)", "__name__", "$1");
	case 5:
		return scrape_rule(PL_RELABEL_REPLACE, job, NULL, "time", NULL);
	default:
		return scrape_rule(PL_RELABEL_KEEP, NULL, "", NULL, NULL);
	}
}

/* With and without room in the cache the lines are the same, whether stale series are marked or not, and samples + own points =
 * points + dropped (scrape_read checks it).
 */
static void cached_pages_are_as_uncached_ones(void **state)
{
	(void)state;
	static const struct scrape_label target[SCRAPE_MOST_LABELS] = {{"job", "node"}, {"instance", "h:1"}, {"le", ""}};
	struct dice d = {1};
	struct pl_buf page = {0};
	for (size_t round = 0; round < 300; round++) {
		struct pl_relabel_rule rules[3];
		size_t n = roll(&d, 4);
		for (size_t i = 0; i < n; i++)
			rules[i] = random_rule(&d);
		const struct pl_job job = {.honor_labels = roll(&d, 2) == 0,
					   .series_limit = roll(&d, 3) == 0 ? 1 + (int64_t)roll(&d, 30) : 0,
					   .sample_limit = roll(&d, 5) == 0 ? 1 + (int64_t)roll(&d, 30) : 0,
					   .label_limit = roll(&d, 5) == 0 ? 4 + (int64_t)roll(&d, 4) : 0,
					   .influx.schema = (int)roll(&d, 3)};
		struct scrape with = {.job = job}, without = {.job = job};
		with.job.influx.stale = roll(&d, 2) == 0 ? PL_STALE_MARKER : PL_STALE_NONE;
		scrape_open(&with, rules, n, target);
		scrape_open(&without, rules, n, target);
		without.budget.most = 0;
		with.budget.most = round % 5 == 0 ? 6000 : 1 << 20;
		for (size_t scrape = 0; scrape < 20; scrape++) {
			random_page(&d, &page);
			scrape_read(&with, pl_buf_str(&page), roll(&d, 40));
			scrape_read(&without, pl_buf_str(&page), 0);
			assert_string_equal(with.page->error, without.page->error);
			assert_string_equal(pl_buf_cstr(&with.lines), pl_buf_cstr(&without.lines));
			assert_memory_equal(with.outcome.dropped, without.outcome.dropped, sizeof with.outcome.dropped);
		}
		scrape_close(&with);
		scrape_close(&without);
	}
	pl_buf_finish(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cache_finds_what_was_added),
	    cmocka_unit_test(cache_forgets_what_was_not_seen),
	    cmocka_unit_test(cache_keeps_its_bounds),
	    cmocka_unit_test(set_admits_up_to_its_limit),
	    cmocka_unit_test(set_forgets_what_was_not_seen),
	    cmocka_unit_test(takes_every_hash),
	    cmocka_unit_test(cached_pages_are_as_uncached_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
