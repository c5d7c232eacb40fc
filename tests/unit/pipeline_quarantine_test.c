#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pipeline/quarantine.h"

#define SECOND INT64_C(1000000000)

static struct pl_quarantine *open_in_memory(uint64_t max_bytes)
{
	struct pl_quarantine *q;
	char reason[256] = "";
	const struct pl_quarantine_options options = {.max_bytes = max_bytes};
	assert_int_equal(pl_quarantine_open(&q, &options, reason, sizeof reason), PL_OK);
	assert_string_equal(reason, "");
	return q;
}

static void add(struct pl_quarantine *q, const struct pl_quarantined *v, size_t n)
{
	char reason[256] = "";
	if (pl_quarantine_add(q, v, n, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
}

/* "id," of each. */
static bool note_id(void *data, const struct pl_quarantined *line)
{
	pl_buf_addf(data, "%lld,", (long long)line->id);
	return true;
}

static char *ids_of(struct pl_quarantine *q, struct pl_quarantine_filter f, uint64_t skip, uint64_t limit, uint64_t *total)
{
	struct pl_buf b = {0};
	assert_int_equal(pl_quarantine_list(q, &f, skip, limit, note_id, &b, total), PL_OK);
	pl_buf_cstr(&b);
	return pl_buf_take(&b);
}

static void assert_ids(struct pl_quarantine *q, struct pl_quarantine_filter f, const char *expected)
{
	uint64_t total;
	char *ids = ids_of(q, f, 0, UINT64_MAX, &total);
	assert_string_equal(ids, expected);
	uint64_t commas = 0;
	for (const char *p = expected; *p != '\0'; p++)
		commas += *p == ',';
	assert_int_equal(total, commas);
	free(ids);
}

static bool dump(void *data, const struct pl_quarantined *v)
{
	pl_buf_addf(data, "%lld %lld %s %s/%s [%.*s] [%.*s] %s m=%.*s j=%.*s i=%.*s\n", (long long)v->id,
		    (long long)v->refused_wall_ns, v->output, v->route->database, v->route->retention_policy, (int)v->line.n,
		    v->line.p, (int)v->reason.n, v->reason.p, v->as, (int)v->measurement.n, v->measurement.p, (int)v->job.n,
		    v->job.p, (int)v->instance.n, v->instance.p);
	return true;
}

static void what_was_added_is_read_back(void **state)
{
	(void)state;
	struct pl_quarantine *q = open_in_memory(1 << 20);
	struct pl_route *route = pl_route_create("db", "one_week");
	const struct pl_quarantined v[] = {
	    {.refused_wall_ns = 5,
	     .output = "influxdb",
	     .route = route,
	     .line = PL_STR("a\\ b,instance=h:1,job=n\\,o,x=y v=1 7"),
	     .reason = PL_STR("field type conflict"),
	     .as = "field_type"},
	    {.refused_wall_ns = 6, .output = "influxdb-2", .line = PL_STR("no line 'at\" all"), .reason = PL_STR("%_\\")},
	    {.refused_wall_ns = 7, .output = "x", .line = {"m v=\"\0\xff\" 1", 11}, .reason = PL_STR("")},
	};
	struct pl_buf b = {0};
	add(q, v, 3);
	assert_int_equal(pl_quarantine_list(q, &(struct pl_quarantine_filter){0}, 0, 2, dump, &b, NULL), PL_OK);
	assert_string_equal(pl_buf_cstr(&b),
			    "1 5 influxdb db/one_week [a\\ b,instance=h:1,job=n\\,o,x=y v=1 7] [field type conflict] "
			    "field_type m=a b j=n,o i=h:1\n2 6 influxdb-2 / [no line 'at\" all] [%_\\] refused m= j= i=\n");
	pl_buf_finish(&b);
	struct pl_quarantine_stats s = pl_quarantine_stats(q);
	assert_int_equal(s.lines, 3);
	assert_int_equal(s.added, 3);
	assert_int_equal(s.oldest_wall_ns, 5);
	assert_int_equal(s.last_id, 3);
	assert_true(s.bytes > 3 * 128 && s.bytes < 3 * 128 + 200);
	pl_route_release(route);
	pl_quarantine_close(q);
}

static bool same_bytes(void *data, const struct pl_quarantined *v)
{
	const struct pl_str *want = data;
	assert_true(pl_str_eq(v->line, *want));
	assert_int_equal(v->reason.n, 4096 - 1); /* not through the middle of a character */
	return true;
}

static void any_bytes_stay_and_long_reasons_are_cut(void **state)
{
	(void)state;
	char every[255], words[5000];
	for (size_t i = 0; i < sizeof every; i++)
		every[i] = (char)i;
	memset(words, 'x', sizeof words);
	memcpy(words + 4095, "\xc3\xa4", 2);
	struct pl_quarantine *q = open_in_memory(1 << 20);
	struct pl_str line = {every, sizeof every};
	const struct pl_quarantined v = {.output = "o", .line = line, .reason = {words, sizeof words}};
	uint64_t total;
	add(q, &v, 1);
	assert_int_equal(pl_quarantine_list(q, &(struct pl_quarantine_filter){0}, 0, 9, same_bytes, &line, &total), PL_OK);
	assert_int_equal(total, 1);
	pl_quarantine_close(q);
}

static void filters_choose(void **state)
{
	(void)state;
	static const struct {
		int64_t wall_s;
		const char *output, *as, *line, *reason;
	} rows[] = {
	    {10, "a", "field_type", "cpu,instance=h1,job=node v=1 1", "conflict 100%"},
	    {20, "a", "unparsable", "cpu,instance=h2,job=node v=1 1", "what's \\this\\"},
	    {30, "b", "field_type", "mem,instance=h1,job=db v=1 1", "conflict 1000"},
	    {40, "b", "refused", "mem_x,job=db v=\"a'; DROP TABLE line; --\" 1", "no"},
	};
	const struct {
		struct pl_quarantine_filter f;
		const char *ids;
	} cases[] = {
	    {{0}, "1,2,3,4,"},
	    {{.output = "a"}, "1,2,"},
	    {{.output = "b", .as = "field_type"}, "3,"},
	    {{.output = "a' OR '1'='1"}, ""},
	    {{.as = "refused"}, "4,"},
	    {{.job = PL_STR("node")}, "1,2,"},
	    {{.job = PL_STR("nod")}, ""},
	    {{.instance = PL_STR("h1")}, "1,3,"},
	    {{.instance = {"", 0}}, "4,"},
	    {{.measurement = PL_STR("mem")}, "3,"},
	    {{.contains = PL_STR("100%")}, "1,"},
	    {{.contains = PL_STR("%")}, "1,"},
	    {{.contains = PL_STR("_")}, "4,"},
	    {{.contains = PL_STR("\\")}, "2,"},
	    {{.contains = PL_STR("Conflict")}, ""},
	    {{.contains = PL_STR("conflict")}, "1,3,"},
	    {{.contains = PL_STR("'; DROP")}, "4,"},
	    {{.contains = PL_STR("cpu,")}, "1,2,"},
	    {{.id_from = 2, .id_to = 3}, "2,3,"},
	    {{.id_from = 4}, "4,"},
	    {{.since_wall_ns = 20 * SECOND}, "2,3,4,"},
	    {{.until_wall_ns = 20 * SECOND}, "1,2,"},
	    {{.since_wall_ns = 20 * SECOND, .until_wall_ns = 30 * SECOND, .job = PL_STR("db")}, "3,"},
	};
	struct pl_quarantine *q = open_in_memory(1 << 20);
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		const struct pl_quarantined v = {.refused_wall_ns = rows[i].wall_s * SECOND,
						 .output = rows[i].output,
						 .as = rows[i].as,
						 .line = pl_str_of(rows[i].line),
						 .reason = pl_str_of(rows[i].reason)};
		add(q, &v, 1);
	}
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_ids(q, cases[i].f, cases[i].ids);
	uint64_t total;
	char *page = ids_of(q, (struct pl_quarantine_filter){0}, 1, 2, &total);
	assert_string_equal(page, "2,3,");
	assert_int_equal(total, 4);
	free(page);
	page = ids_of(q, (struct pl_quarantine_filter){0}, 0, 0, &total);
	assert_string_equal(page, "");
	assert_int_equal(total, 4);
	free(page);
	pl_quarantine_close(q);
}

static void the_same_place_twice_is_kept_once(void **state)
{
	(void)state;
	struct pl_quarantine *q = open_in_memory(1 << 20);
	const struct pl_quarantined v[] = {
	    {.output = "a", .line = PL_STR("m v=1 1"), .origin = {1, 64, 0}},
	    {.output = "a", .line = PL_STR("m v=1 2"), .origin = {1, 64, 8}},
	    {.output = "a", .line = PL_STR("m v=1 1"), .origin = {1, 64, 0}}, /* again */
	    {.output = "b", .line = PL_STR("m v=1 1"), .origin = {1, 64, 0}}, /* another output's */
	    {.output = "a", .line = PL_STR("m v=9 9"), .origin = {1, 64, 0}}, /* a spool begun anew */
	    {.output = "a", .line = PL_STR("m v=1 1")},
	    {.output = "a", .line = PL_STR("m v=1 1")}, /* unknown places may be the same */
	};
	add(q, v, PL_COUNT_OF(v));
	assert_int_equal(pl_quarantine_stats(q).lines, 6);
	add(q, v, 5);
	assert_int_equal(pl_quarantine_stats(q).lines, 6);
	assert_int_equal(pl_quarantine_stats(q).added, 6);
	pl_quarantine_close(q);
}

static void the_bound_lets_the_oldest_go(void **state)
{
	(void)state;
	char text[100], line[100];
	struct pl_quarantine *q = open_in_memory(10000);
	memset(text, 'x', sizeof text);
	for (int i = 0; i < 500; i++) {
		int n = snprintf(line, sizeof line, "m v=%d %d", i, i);
		const struct pl_quarantined v = {
		    .refused_wall_ns = i + 1, .output = "o", .line = {line, (size_t)n}, .reason = {text, sizeof text}};
		add(q, &v, 1);
		struct pl_quarantine_stats s = pl_quarantine_stats(q);
		assert_true(s.bytes <= 10000);
		assert_int_equal(s.lines + s.gone_full, i + 1);
		assert_int_equal(s.oldest_wall_ns, s.gone_full + 1);
	}
	assert_true(pl_quarantine_stats(q).gone_full > 400);
	pl_quarantine_set_limit(q, 1000);
	struct pl_quarantine_stats s = pl_quarantine_stats(q);
	assert_true(s.lines > 0 && s.bytes <= 1000 && s.max_bytes == 1000);
	assert_int_equal(s.lines + s.gone_full, 500);
	uint64_t total;
	char *ids = ids_of(q, (struct pl_quarantine_filter){.id_from = 500}, 0, 9, &total);
	assert_string_equal(ids, "500,"); /* the newest stay */
	free(ids);
	char *huge = malloc(2000);
	memset(huge, 'y', 2000);
	const struct pl_quarantined v = {.output = "o", .line = {huge, 2000}}; /* more than everything */
	add(q, &v, 1);
	free(huge);
	s = pl_quarantine_stats(q);
	assert_int_equal(s.lines, 0);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.gone_full, 501);
	assert_int_equal(s.oldest_wall_ns, 0);
	pl_quarantine_close(q);
}

static bool even(void *data, const struct pl_quarantined *line)
{
	++*(int *)data;
	return line->id % 2 == 0;
}

static void add_numbered(struct pl_quarantine *q, const char *output, int n)
{
	char line[40];
	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof line, "m v=%d", i);
		add(q, &(struct pl_quarantined){.output = output, .line = pl_str_of(line)}, 1);
	}
}

static void count_output(void *data, const char *output, uint64_t lines)
{
	pl_buf_addf(data, "%s=%llu,", output, (unsigned long long)lines);
}

static void taking_removes(void **state)
{
	(void)state;
	struct pl_quarantine *q = open_in_memory(1 << 20);
	struct pl_buf b = {0};
	uint64_t n;
	int seen = 0;
	add_numbered(q, "a", 6);
	add_numbered(q, "b", 4);
	assert_int_equal(pl_quarantine_outputs(q, &(struct pl_quarantine_filter){.id_to = 8}, count_output, &b), PL_OK);
	assert_string_equal(pl_buf_cstr(&b), "a=6,b=2,");
	pl_buf_finish(&b);
	assert_int_equal(pl_quarantine_take(q, &(struct pl_quarantine_filter){.output = "a"}, UINT64_MAX, even, &seen, &n),
			 PL_OK);
	assert_int_equal(n, 3);
	assert_int_equal(seen, 6);
	assert_ids(q, (struct pl_quarantine_filter){0}, "1,3,5,7,8,9,10,");
	assert_int_equal(pl_quarantine_take(q, &(struct pl_quarantine_filter){0}, 2, NULL, NULL, &n), PL_OK);
	assert_int_equal(n, 2);
	assert_ids(q, (struct pl_quarantine_filter){0}, "5,7,8,9,10,");
	assert_int_equal(pl_quarantine_take(q, &(struct pl_quarantine_filter){0}, UINT64_MAX, NULL, NULL, &n), PL_OK);
	struct pl_quarantine_stats s = pl_quarantine_stats(q);
	assert_int_equal(n, 5);
	assert_int_equal(s.lines, 0);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.replayed, 3);
	assert_int_equal(s.deleted, 7);
	add_numbered(q, "c", 1);
	assert_ids(q, (struct pl_quarantine_filter){0}, "11,"); /* no id comes twice */
	pl_quarantine_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_read_back),
	    cmocka_unit_test(any_bytes_stay_and_long_reasons_are_cut),
	    cmocka_unit_test(filters_choose),
	    cmocka_unit_test(the_same_place_twice_is_kept_once),
	    cmocka_unit_test(the_bound_lets_the_oldest_go),
	    cmocka_unit_test(taking_removes),
	};
	return cmocka_run_group_tests_name("pipeline_quarantine", tests, NULL, NULL);
}
