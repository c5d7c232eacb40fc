/* Which lines a real influxd does not take: all of them are named, with its own words, and all others are stored. */
#include "plugin_out_influxd.h"

extern const struct pl_plugin pl_plugin_out_influxdb;

static const int64_t hour = 3600 * PL_NS_PER_S;

static int set_up_server(void **state)
{
	struct influxd *d = influxd_installed() ? pl_calloc(1, sizeof *d) : NULL;
	if (d != NULL)
		influxd_start(d, "", "max-series-per-database = 2000\nmax-values-per-tag = 1500");
	*state = d;
	return 0;
}

static int tear_down_server(void **state)
{
	if (*state != NULL)
		influxd_stop(*state);
	free(*state);
	return 0;
}

static struct influxd *open_on(struct harness *h, void **state, const char *database, const char *more)
{
	struct influxd *d = *state;
	char yaml[600];
	if (d == NULL) {
		print_message("SKIPPED: " INFLUXD " is not installed\n");
		skip();
	}
	snprintf(yaml, sizeof yaml, "url: %s/\ndatabase: %s\n%s", d->url, database, more);
	harness_open(h, &pl_plugin_out_influxdb, yaml);
	return d;
}

static void expect(const struct harness *h, const struct pl_verdict *v, size_t refusals, uint32_t refused, const char *as)
{
	if (v->kind != PL_VERDICT_DONE || h->n_refusals != refusals || v->refused != refused ||
	    !pl_str_eq(pl_str_of(as), pl_str_of(v->refused_as)))
		fail_msg("kind %d, %zu refusals, refused %u as %s: \"%s\"", v->kind, h->n_refusals, v->refused, v->refused_as,
			 v->reason);
}

static void done(const struct harness *h, const struct pl_verdict *v)
{
	expect(h, v, 0, 0, NULL);
}

static void expect_line(const struct harness *h, const char *line, const char *as, const char *words)
{
	const struct harness_refusal *r = harness_refused(h, line, words);
	if (r == NULL || strcmp(r->as, as) != 0)
		fail_msg("\"%s\" is not among the %zu refusals as %s with \"%s\"; the first: \"%s\" as %s: \"%s\"", line,
			 h->n_refusals, as, words, h->n_refusals > 0 ? h->refusals[0].line : "",
			 h->n_refusals > 0 ? h->refusals[0].as : "", h->n_refusals > 0 ? h->refusals[0].reason : "");
	assert_int_equal(r->held, strcmp(as, "series_limit") == 0);
}

/* One conflicting point in 5,000, in batches of one delivery, plain and compressed. */
static void one_conflict(void **state)
{
	static const char *const modes[] = {"gzip: 'off'\n", "gzip: 'on'\n"};
	for (int mode = 0; mode < 2; mode++) {
		struct harness h;
		const char *database = mode == 0 ? "one0" : "one1";
		struct influxd *d = open_on(&h, state, database, modes[mode]);
		struct pl_buf texts[5] = {0};
		const char *pointers[5];
		char line[100] = "";
		for (int i = 0; i < 5000; i++) {
			struct pl_buf *b = &texts[i / 1000];
			bool bad = i == 3456;
			if (bad)
				snprintf(line, sizeof line, "m%d,host=h%d v=%di %d000000000", i % 4, i % 50, i, i + 1);
			pl_buf_addf(b, "m%d,host=h%d v=%d%s %d000000000\n", i % 4, i % 50, i, bad ? "i" : "", i + 1);
		}
		for (int i = 0; i < 5; i++)
			pointers[i] = pl_buf_cstr(&texts[i]);
		harness_start(&h, "", "", pointers, 5);
		harness_end(&h);
		expect(&h, &h.verdict, 1, 0, NULL);
		expect_line(&h, line, "field_type",
			    "input field \"v\" on measurement \"m0\" is type integer, already exists as type float dropped=1");
		assert_int_equal(influxd_count(d, database, "/m/"), 4999);
		for (int i = 0; i < 5; i++)
			pl_buf_finish(&texts[i]);
		harness_close(&h);
	}
}

static void two_measurements(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "two", "");
	done(&h, harness_deliver(&h, "a v=1 1\nb v=true 1\nwe\\ ird\\,\"m\" f\\ \"x=1 1\n"));
	expect(&h, harness_deliver(&h, "a v=1i 2\nc v=1 2\nb v=2 2\na v=3 3\nwe\\ ird\\,\"m\" f\\ \"x=1i 2\nb v=false 3\n"), 3, 0,
	       NULL);
	expect_line(&h, "a v=1i 2", "field_type", "on measurement \"a\" is type integer, already exists as type float");
	expect_line(&h, "b v=2 2", "field_type", "on measurement \"b\" is type float, already exists as type boolean");
	expect_line(&h, "we\\ ird\\,\"m\" f\\ \"x=1i 2", "field_type",
		    "field \"f \"x\" on measurement \"we ird,\"m\"\" is type integer");
	assert_int_equal(influxd_count(d, "two", "a,c"), 3);
	assert_int_equal(influxd_count(d, "two", "b"), 2);
	/* all of them are wrong, and all are named */
	expect(&h, harness_deliver(&h, "a v=1i 2\na v=\"x\" 2\nb v=1i 3\n"), 3, 0, NULL);
	expect_line(&h, "a v=\"x\" 2", "field_type", "on measurement \"a\" is type string, already exists as type float");
	harness_close(&h);
}

/* Thousands of lines in hundreds of measurements; known, they cost one more request. */
static void many_conflicts(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "manyc", "");
	struct pl_buf lines = {0};
	for (int i = 0; i < 200; i++)
		pl_buf_addf(&lines, "m%d v=1 1\n", i);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	for (int round = 0; round < 2; round++) {
		pl_buf_clear(&lines);
		for (int i = 0; i < 4000; i++)
			pl_buf_addf(&lines, "m%d v=%d%s %d000000000\n", i % 400, i, i % 400 < 200 ? "i" : "",
				    i + 1 + round * 4000);
		expect(&h, harness_deliver(&h, pl_buf_cstr(&lines)), 2000, 0, NULL);
		for (int i = 0; i < 200; i++) {
			char line[60], words[60];
			snprintf(line, sizeof line, "m%d v=%di %d000000000", i, i, i + 1 + round * 4000);
			snprintf(words, sizeof words, "on measurement \"m%d\" is type integer", i);
			expect_line(&h, line, "field_type", words);
		}
		assert_int_equal(influxd_count(d, "manyc", "/m/"), 200 + 2000 * (round + 1));
	}
	pl_buf_finish(&lines);
	harness_close(&h);
}

/* A measurement that was not there before: the first value's type counts, and nothing else in the body suffers. */
static void new_measurement(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "newm", "");
	expect(&h, harness_deliver(&h, "x v=1 1\nn v=1 1\nn v=2i 2\nn v=3 3\no v=1i 1\no v=2 2\nx v=2 2\n"), 2, 0, NULL);
	expect_line(&h, "n v=2i 2", "field_type", "on measurement \"n\" is type integer, already exists as type float");
	expect_line(&h, "o v=2 2", "field_type", "on measurement \"o\" is type float, already exists as type integer");
	assert_int_equal(influxd_count(d, "newm", "x,n,o"), 5);
	harness_close(&h);
}

/* Types belong to shards: the same field may be of another type last month, and an answer tells of one shard alone. */
static void several_shards(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "shards", "");
	struct pl_buf lines = {0};
	long long now = 1600000000000000000, old = now - 60 * 24 * hour;
	pl_buf_addf(&lines, "m v=1 %lld\n", now);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	pl_buf_clear(&lines);
	pl_buf_addf(&lines, "m v=1i %lld\n", old);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	for (int round = 0; round < 2; round++) {
		pl_buf_clear(&lines);
		for (int i = 1; i <= 100; i++)
			pl_buf_addf(&lines, "m v=%d%s %lld\nm v=%d%s %lld\n", i, i % 10 == 0 ? "i" : "", now + round * 100 + i, i,
				    i % 10 == 0 ? "" : "i", old + round * 100 + i);
		expect(&h, harness_deliver(&h, pl_buf_cstr(&lines)), 20, 0, NULL);
		for (size_t i = 0; i < h.n_refusals; i++) {
			bool integer = strstr(h.refusals[i].line, "0i ") != NULL;
			assert_true(integer == (strstr(h.refusals[i].line, " 16000") != NULL));
		}
		assert_int_equal(influxd_count(d, "shards", "m"), 2 + 180 * (round + 1));
	}
	pl_buf_finish(&lines);
	harness_close(&h);
}

static void unparsable(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "unparsable", "");
	expect(&h, harness_deliver(&h, "a v=\nc v=1 1\nfoo\nbar v=x'y': z\nd\xc3\xa4<&> v=\nfoo\n"), 5, 0, NULL);
	expect_line(&h, "a v=", "unparsable", "InfluxDB answered 400: unable to parse: missing field value");
	expect_line(&h, "foo", "unparsable", "missing fields");
	expect_line(&h, "bar v=x'y': z", "unparsable", "");
	expect_line(&h, "d\xc3\xa4<&> v=", "unparsable", "missing field value");
	expect(&h, harness_deliver(&h, "foo\nbar\n"), 2, 0, NULL);
	/* not UTF-8: the answer does not show it as it is */
	expect(&h, harness_deliver(&h, "x\xff v=\nc v=2 2\n"), 1, 0, NULL);
	expect_line(&h, "x\xff v=", "unparsable", "unable to parse");
	/* more of them than an answer of 64 KiB can quote, beside a conflict and other lines */
	struct pl_buf lines = {0};
	for (int i = 0; i < 3000; i++)
		pl_buf_addf(&lines, "line %d has no fields\nc v=%d%s %d\n", i, i, i == 1000 ? "i" : "", i + 1000);
	expect(&h, harness_deliver(&h, pl_buf_cstr(&lines)), 3001, 0, NULL);
	expect_line(&h, "line 2999 has no fields", "unparsable", "unable to parse");
	expect_line(&h, "c v=1000i 2000", "field_type", "field type conflict");
	assert_int_equal(influxd_count(d, "unparsable", "c"), 2 + 2999);
	pl_buf_finish(&lines);
	harness_close(&h);
}

/* Too old is counted, not kept; and what hides behind it comes to light. */
static void expired(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "expired", "retention_policy: two hours\nretention_duration: 2h\n");
	long long now = pl_clock_wall_ns(), old = now - 3 * hour;
	char lines[400], line[100];
	snprintf(lines, sizeof lines, "c v=1 %lld\nd v=1 %lld\ne v=1 %lld\n", now, old, old + 1);
	expect(&h, harness_deliver(&h, lines), 0, 2, "expired");
	snprintf(line, sizeof line, "c v=2i %lld", now + 1);
	snprintf(lines, sizeof lines, "c v=2 %lld\nd v=1 %lld\n%s\nfoo\nc v=3 %lld\n", now + 2, old, line, now + 3);
	expect(&h, harness_deliver(&h, lines), 2, 1, "expired");
	expect_line(&h, "foo", "unparsable", "missing fields");
	expect_line(&h, line, "field_type", "already exists as type float");
	snprintf(lines, sizeof lines, "d v=1 %lld\nd v=2 %lld\n", old, old + 1);
	expect(&h, harness_deliver(&h, lines), 0, 2, "expired");
	assert_int_equal(influxd_count(d, "expired", "\"two hours\".c"), 3);
	harness_close(&h);
}

/* The server refuses the whole body: known series are saved, new ones held. */
static void series_limit(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "series", "");
	struct pl_buf lines = {0};
	for (int i = 0; i < 2000; i++)
		pl_buf_addf(&lines, "m%d,i=%d v=%d 1\n", i % 2, i / 2, i);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	for (int round = 0; round < 2; round++) {
		pl_buf_clear(&lines);
		for (int i = 0; i < 2000; i++)
			pl_buf_addf(&lines, "%s%d,i=%d v=%d %d\n", i >= 700 && i < 740 ? "new" : "m", i % 2, i / 2, i, 2 + round);
		expect(&h, harness_deliver(&h, pl_buf_cstr(&lines)), 40, 0, NULL);
		expect_line(&h, round == 0 ? "new1,i=360 v=721 2" : "new1,i=360 v=721 3", "series_limit",
			    "max-series-per-database limit exceeded: (2000)");
		assert_int_equal(influxd_count(d, "series", "/m/"), 2000 + 1960 * (round + 1));
	}
	/* what was held comes alone, and is asked for: in vain, until there is room */
	pl_buf_clear(&lines);
	for (int i = 700; i < 740; i++)
		pl_buf_addf(&lines, "new%d,i=%d v=%d 2\n", i % 2, i / 2, i);
	expect(&h, harness_deliver(&h, pl_buf_cstr(&lines)), 40, 0, NULL);
	char answer[1000];
	influxd_ask(d, "series", "DROP MEASUREMENT m0", answer, sizeof answer);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	assert_int_equal(influxd_count(d, "series", "/new/"), 40);
	done(&h, harness_deliver(&h, "new1,i=360 v=721 3\nm1,i=3 v=1 9\n"));
	pl_buf_finish(&lines);
	harness_close(&h);
}

static void values_limit(void **state)
{
	struct harness h;
	struct influxd *d = open_on(&h, state, "values", "");
	struct pl_buf lines = {0};
	for (int i = 0; i < 1500; i++)
		pl_buf_addf(&lines, "m,i=%d v=%d 1\n", i, i);
	done(&h, harness_deliver(&h, pl_buf_cstr(&lines)));
	expect(&h, harness_deliver(&h, "m,i=1 v=1 2\nm,i=2000 v=1 2\nm,i=2 v=1 2\nm,i=2001 v=1 2\n"), 2, 0, NULL);
	expect_line(&h, "m,i=2000 v=1 2", "series_limit", "max-values-per-tag limit exceeded");
	expect_line(&h, "m,i=2001 v=1 2", "series_limit", "max-values-per-tag limit exceeded");
	assert_int_equal(influxd_count(d, "values", "m"), 1502);
	pl_buf_finish(&lines);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_conflict),    cmocka_unit_test(two_measurements), cmocka_unit_test(many_conflicts),
	    cmocka_unit_test(new_measurement), cmocka_unit_test(several_shards),   cmocka_unit_test(unparsable),
	    cmocka_unit_test(expired),         cmocka_unit_test(series_limit),     cmocka_unit_test(values_limit),
	};
	return cmocka_run_group_tests(tests, set_up_server, tear_down_server);
}
