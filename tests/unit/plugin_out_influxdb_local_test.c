/* The same points and the same questions: the local store answers as a real influxd does. */
#include "plugin_out_influxd.h"

extern const struct pl_plugin pl_plugin_out_influxdb, pl_plugin_out_local;

static const int64_t minute = 60 * PL_NS_PER_S;

struct pair {
	struct influxd influxd;
	struct harness influx, local;
	char directory[256];
	uint64_t random;
	size_t asked, answered;
};

static unsigned pick(struct pair *p, unsigned n)
{
	p->random = p->random * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(p->random >> 33) % n;
}

static int set_up(void **state)
{
	char yaml[500];
	*state = NULL;
	if (!influxd_installed())
		return 0;
	struct pair *p = pl_calloc(1, sizeof *p);
	influxd_start(&p->influxd, "", "");
	harness_directory(p->directory, sizeof p->directory);
	snprintf(yaml, sizeof yaml, "url: %s\ndatabase: same\n", p->influxd.url);
	harness_open(&p->influx, &pl_plugin_out_influxdb, yaml);
	snprintf(yaml, sizeof yaml, "path: %s/same.db\n", p->directory);
	harness_open(&p->local, &pl_plugin_out_local, yaml);
	p->random = 42;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *p = *state;
	if (p == NULL)
		return 0;
	harness_close(&p->influx);
	harness_close(&p->local);
	influxd_stop(&p->influxd);
	harness_remove(p->directory);
	free(p);
	return 0;
}

static struct pair *pair_of(void **state)
{
	if (*state == NULL) {
		print_message("SKIPPED: " INFLUXD " is not installed\n");
		skip();
	}
	return *state;
}

static void put(struct pair *p, const char *lines)
{
	const struct pl_verdict *a = harness_deliver(&p->influx, lines), *b = harness_deliver(&p->local, lines);
	if (a->kind != PL_VERDICT_DONE || b->kind != PL_VERDICT_DONE || a->refused != b->refused)
		fail_msg("influxd: %d %u %s; local: %d %u %s", a->kind, a->refused, a->reason, b->kind, b->refused, b->reason);
}

static void same_rows(struct pair *p, const char *stat, enum pl_verb verb, int64_t poll, size_t limit, const char *filters)
{
	const char *a = harness_rows(&p->influx, harness_latest(stat, verb, poll, limit, filters));
	const char *b = harness_rows(&p->local, harness_latest(stat, verb, poll, limit, filters));
	p->asked++;
	p->answered += strncmp(a, "error", 5) != 0;
	if (strcmp(a, b) != 0)
		fail_msg("%s verb %d P %llds limit %zu ?%s\ninfluxd: %s\nlocal:   %s", stat, verb,
			 (long long)(poll / PL_NS_PER_S), limit, filters, a, b);
}

static void same_names(struct pair *p)
{
	assert_string_equal(harness_names(&p->influx, PL_QUERY_KEYS), harness_names(&p->local, PL_QUERY_KEYS));
	assert_string_equal(harness_names(&p->influx, PL_QUERY_TAGS), harness_names(&p->local, PL_QUERY_TAGS));
}

/* Ages stay away from where the windows of the questions end (20, 60 and 120 minutes), because the two ask at different moments.
 * Every point has a time of its own: what InfluxDB does with rows of one moment is not told. */
static void random_points(struct pair *p, int64_t now)
{
	static const char *const shapes[] = {"cpu cpu",     "up value",   "mixed mixed", "mixed value",
					     "value value", "wide other", "i i"};
	static const char *const tags[] = {"", ",host=a", ",host=b", ",host=b,dc=eu\\ 1", ",host=c,dc=us", ",dc=us"};
	static const int ages[] = {1, 2, 3, 5, 8, 9, 11, 15, 25, 31, 45, 52, 70, 99, 115, 150};
	struct pl_buf lines = {0};
	for (int i = 0; i < 3000; i++) {
		char measurement[16], field[16];
		sscanf(shapes[pick(p, PL_COUNT_OF(shapes))], "%15s %15s", measurement, field);
		int64_t t = now - ages[pick(p, PL_COUNT_OF(ages))] * minute - i * 10 * PL_NS_PER_MS;
		double value = ((int)pick(p, 2000) - 1000) / 8.0;
		pl_buf_addf(&lines, "%s%s %s=", measurement, tags[pick(p, PL_COUNT_OF(tags))], field);
		if (field[0] == 'i')
			pl_buf_addf(&lines, "%di", (int)value);
		else
			pl_buf_addf(&lines, "%.17g", value);
		pl_buf_addf(&lines, " %lld\n", (long long)t);
	}
	put(p, pl_buf_cstr(&lines));
	pl_buf_finish(&lines);
}

static void random_questions(void **state)
{
	static const char *const stats[] = {"cpu", "up", "mixed", "value", "wide", "other", "i", "unknown"};
	static const char *const filters[] = {"",
					      "host=a",
					      "host=a&host=b",
					      "host=b&dc=eu 1",
					      "host=",
					      "host=&host=c",
					      "dc=us&dc=eu 1&host=b&host=c",
					      "host=nobody",
					      "nothing=x",
					      "nothing=",
					      "nothing=&host=a",
					      "time=1",
					      "time="};
	static const int polls[] = {10, 30, 60};
	struct pair *p = pair_of(state);
	random_points(p, pl_clock_wall_ns());
	same_names(p);
	for (size_t s = 0; s < PL_COUNT_OF(stats); s++)
		for (size_t f = 0; f < PL_COUNT_OF(filters); f++)
			for (int verb = PL_VERB_NONE; verb <= PL_VERB_STDDEV; verb++)
				same_rows(p, stats[s], (enum pl_verb)verb, polls[pick(p, 3)] * minute, 1 + pick(p, 4),
					  filters[f]);
	print_message("%zu questions, %zu with rows\n", p->asked, p->answered);
	assert_true(p->answered > 300);
}

/* Edges: one point (no stddev), points of one moment (first, last), rewritten points, values of every size, hostile names. */
static void edges(void **state)
{
	struct pair *p = pair_of(state);
	int64_t now = pl_clock_wall_ns(), hour = now - now % (60 * minute);
	long long t = (now - hour > 10 * minute ? now : hour) - 5 * minute;
	struct pl_buf lines = {0};
	pl_buf_addf(&lines, "one one=7 %lld\nfew,h=a few=1 %lld\nfew,h=b few=3 %lld\nfew,h=c few=2 %lld\n", t, t, t, t);
	pl_buf_addf(&lines, "again again=1 %lld\nagain again=2 %lld\nagain again=3 %lld\n", t, t, t + 1);
	pl_buf_addf(&lines,
		    "big big=1e300 %lld\nsmall small=-5e-324 %lld\nprecise precise=0.1 %lld\nnegzero v=1,negzero=-0 %lld\n", t, t,
		    t, t);
	pl_buf_addf(&lines, "gap gap=1 %lld\ngap gap=2 %lld\n", t - 61 * minute, t);
	pl_buf_addf(&lines, "od'd\\ na\\,me,k\"1=v'\\ 1,k2=a\\=b value=1 %lld\n", t);
	pl_buf_addf(&lines, "text text=\"x\" %lld\ntoo value=1,note=\"n\" %lld\n", t, t);
	const struct pl_verdict *local = harness_deliver(&p->local, pl_buf_cstr(&lines));
	assert_int_equal(local->refused, 1); /* text: only InfluxDB has text */
	assert_string_equal(local->refused_as, "not_numeric");
	assert_int_equal(harness_deliver(&p->influx, pl_buf_cstr(&lines))->kind, PL_VERDICT_DONE);
	pl_buf_finish(&lines);
	same_names(p);
	static const char *const stats[] = {"one",     "few", "again",      "big", "small", "precise",
					    "negzero", "gap", "od'd na,me", "too", "text"};
	for (size_t s = 0; s < PL_COUNT_OF(stats); s++) {
		for (int verb = PL_VERB_MEAN; verb <= PL_VERB_STDDEV; verb++) {
			if (strcmp(stats[s], "text") != 0 || verb == PL_VERB_MEAN)
				same_rows(p, stats[s], (enum pl_verb)verb, 60 * minute, 3, "");
		}
	}
	same_rows(p, "od'd na,me", PL_VERB_NONE, 60 * minute, 3, "k\"1=v' 1&k2=a=b&k2=c");
	same_rows(p, "od'd na,me", PL_VERB_NONE, 60 * minute, 3, "k2=a&k2=b");
	same_rows(p, "again", PL_VERB_NONE, 60 * minute, 9, "");
	same_rows(p, "gap", PL_VERB_NONE, 60 * minute, 9, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_questions), cmocka_unit_test(edges)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
