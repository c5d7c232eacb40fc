/* Finding the refused lines of a delivery, with the server's answers given by a model: every line is stored or named, none is
 * both, and the requests stay few. */
#include "influx_model.h"

#include "base/clock.h"
#include "out_influxdb/limit.h"
#include "out_influxdb/sift.h"

enum { BATCHES = 4 };

struct trial {
	struct model model;
	struct pl_influx_memory memory;
	struct pl_influx_limit limit;
	struct pl_buf lines[BATCHES];
	unsigned numbers[BATCHES], first, next, n_bad;
	uint64_t serial;
	int64_t now_ns;
	/* of the last delivery */
	unsigned requests, n_refused, n_counted;
	size_t bytes;
	const char *counted_as;
	unsigned char named[MODEL_LINES];
	char reasons[MODEL_LINES / 64][160]; /* of the first, */
	unsigned refused_number[MODEL_LINES / 64];
	unsigned n_held;
};

static struct trial *begin(void)
{
	struct trial *t = pl_calloc(1, sizeof *t);
	t->model.shard_lines = MODEL_LINES;
	t->now_ns = 1000 * PL_NS_PER_S;
	t->serial = 1;
	pl_influx_memory_init(&t->memory);
	return t;
}

static void end(struct trial *t)
{
	pl_influx_memory_finish(&t->memory);
	free(t);
}

/* `type`: 'f', 'i', 's', or 'b' for a line that cannot be parsed. */
static void add(struct trial *t, unsigned batch, unsigned measurement, unsigned series, char type)
{
	unsigned number = t->next++;
	struct pl_buf *b = &t->lines[batch];
	assert_true(number < MODEL_LINES);
	t->numbers[batch]++;
	if (type == 'b')
		pl_buf_addf(b, "bad%u\n", number);
	else if (type == 's')
		pl_buf_addf(b, "m%u,s=%u v=\"%u\" %u\n", measurement, series, number, number);
	else
		pl_buf_addf(b, "m%u,s=%u v=%u%s %u\n", measurement, series, number, type == 'i' ? "i" : "", number);
}

/* It stands at the end. */
static unsigned number_of(struct pl_str line)
{
	size_t at = line.n;
	uint64_t number;
	while (at > 0 && line.p[at - 1] >= '0' && line.p[at - 1] <= '9')
		at--;
	assert_true(pl_str_u64((struct pl_str){line.p + at, line.n - at}, &number) && number < MODEL_LINES);
	return (unsigned)number;
}

static void note_verdict(struct trial *t, const struct pl_delivery *d, const struct pl_verdict *v)
{
	assert_int_equal(v->kind, PL_VERDICT_DONE);
	t->n_refused = (unsigned)v->n_refusals;
	t->n_counted = v->refused;
	t->counted_as = v->refused_as;
	t->n_held = 0;
	for (size_t i = 0; i < v->n_refusals; i++) {
		const struct pl_refusal *r = &v->refusals[i];
		unsigned number = number_of((struct pl_str){d->batches[r->batch]->p + r->offset, r->n});
		t->named[number]++;
		t->n_held += r->held;
		assert_int_equal(r->held, strcmp(r->as, "series_limit") == 0);
		if (i >= PL_COUNT_OF(t->reasons))
			continue;
		snprintf(t->reasons[i], sizeof t->reasons[i], "%s", r->reason);
		t->refused_number[i] = number;
	}
}

static void deliver(struct trial *t)
{
	struct pl_route *route = pl_route_create("", "");
	struct pl_batch *batches[BATCHES];
	struct pl_delivery d = {.batches = batches, .route = route};
	struct pl_influx_sift s;
	struct pl_influx_pieces pieces = {0};
	struct pl_influx_judgement j = {0};
	struct pl_buf answer = {0};
	struct pl_verdict v = {0};
	unsigned requests = t->model.requests;
	size_t bytes = t->model.bytes;
	for (unsigned i = 0; i < BATCHES; i++) {
		if (t->numbers[i] == 0)
			continue;
		batches[d.n++] = pl_batch_create(route, &t->lines[i], t->numbers[i]);
		d.bytes += batches[d.n - 1]->n;
		d.points += t->numbers[i];
		t->numbers[i] = 0;
	}
	pl_influx_sift_begin(&s, &t->memory, &d, 7, t->serial++, pl_influx_limit_now(&t->limit, t->now_ns), t->now_ns);
	while (pl_influx_sift_next(&s, pl_influx_limit_now(&t->limit, t->now_ns), &pieces) > 0) {
		long status = model_write(&t->model, pieces.v, pieces.n, &answer);
		pl_influx_judge(&(struct pl_influx_answer){.status = status, .body = pl_buf_str(&answer)}, &j);
		if (status == 413)
			pl_influx_limit_too_large(&t->limit, pieces.bytes, t->now_ns);
		else
			pl_influx_limit_taken(&t->limit, pieces.bytes, t->now_ns);
		pl_influx_sift_settle(&s, &j);
	}
	pl_influx_refusals_verdict(&s.refusals, d.points, s.words, &v);
	note_verdict(t, &d, &v);
	t->requests = t->model.requests - requests;
	t->bytes = t->model.bytes - bytes;
	pl_influx_sift_end(&s);
	for (size_t i = 0; i < d.n; i++)
		pl_batch_release(batches[i]);
	pl_route_release(route);
	pl_influx_pieces_finish(&pieces);
	pl_influx_judgement_finish(&j);
	pl_buf_finish(&answer);
}

/* Every line since the last look: stored, or named once, or among those that are only counted. */
static void check(struct trial *t, const char *what)
{
	unsigned neither = 0;
	for (unsigned i = t->first; i < t->next; i++) {
		if (t->model.stored[i] + t->named[i] > 1)
			fail_msg("%s: line %u: stored %d, named %u times", what, i, t->model.stored[i], t->named[i]);
		neither += !t->model.stored[i] && t->named[i] == 0;
	}
	if (neither != t->n_counted)
		fail_msg("%s: %u lines are neither stored nor named, %u are counted", what, neither, t->n_counted);
	t->first = t->next;
}

static void one_in_five_thousand(void **state)
{
	(void)state;
	struct trial *t = begin();
	t->model.types[0][3] = 'f';
	for (unsigned i = 0; i < 5000; i++)
		add(t, i / 1250, i % 10, i % 100, i == 3333 ? 'i' : 'f');
	deliver(t);
	check(t, "one");
	assert_int_equal(t->n_refused, 1);
	assert_int_equal(t->named[3333], 1);
	assert_non_null(strstr(t->reasons[0], "on measurement \"m3\" is type integer, already exists as type float dropped=1"));
	assert_in_range(t->requests, 2, 3);
	/* now it is known: one request for the others, one for those */
	for (unsigned i = 0; i < 5000; i++)
		add(t, 0, i % 10, i % 100, i % 1000 == 3 ? 'i' : 'f');
	deliver(t);
	check(t, "known");
	assert_int_equal(t->n_refused, 5);
	assert_int_equal(t->requests, 2);
	/* the type has changed: nothing is lost */
	t->model.types[0][3] = '\0';
	for (unsigned i = 0; i < 100; i++)
		add(t, 0, 3, i, 'i');
	deliver(t);
	check(t, "changed");
	assert_int_equal(t->n_refused, 0);
	assert_int_equal(t->requests, 1);
	end(t);
}

static void many_measurements(void **state)
{
	(void)state;
	struct trial *t = begin();
	for (unsigned m = 0; m < 600; m++)
		t->model.types[0][m] = 'f';
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 9000; i++)
			add(t, i / 3000, t->next % 600, i % 900, t->next % 600 < 300 ? 'i' : 'f');
		size_t bytes = 0;
		for (unsigned i = 0; i < BATCHES; i++)
			bytes += t->lines[i].n;
		deliver(t);
		check(t, "many");
		assert_int_equal(t->n_refused, 4500);
		/* as each answer names one measurement, at least as many requests as there are measurements, the first time */
		assert_true(t->requests <= (round == 0 ? 2 * 300 + 2 : 2));
		assert_true(t->bytes <= (round == 0 ? 20 : 2) * bytes);
		/* each with the words for its own measurement */
		for (unsigned i = 0; i < PL_COUNT_OF(t->reasons); i++) {
			char words[60];
			snprintf(words, sizeof words, "on measurement \"m%u\" is type integer", t->refused_number[i] % 600);
			assert_non_null(strstr(t->reasons[i], words));
		}
	}
	end(t);
}

/* Whole measurements that are new: the first value decides. */
static void clashes(void **state)
{
	(void)state;
	struct trial *t = begin();
	for (unsigned i = 0; i < 1000; i++)
		add(t, i / 500, i % 20, i % 50, i >= 20 && i % 7 == 0 ? 'i' : 'f');
	deliver(t);
	check(t, "clashes");
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(t->named[i], i >= 20 && i % 7 == 0);
	assert_in_range(t->requests, 2, 100);
	end(t);
}

static void series_limit(void **state)
{
	(void)state;
	struct trial *t = begin();
	for (unsigned i = 0; i < 1000; i++)
		add(t, 0, i % 10, i, 'f');
	deliver(t);
	check(t, "series");
	t->model.most_series = 1000;
	/* a new target among the old ones */
	for (unsigned i = 0; i < 4000; i++)
		add(t, i / 1000, i % 10, i >= 1500 && i < 1600 ? 1000 + i : i % 1000, 'f');
	deliver(t);
	check(t, "new series");
	assert_int_equal(t->n_refused, 100);
	assert_int_equal(t->n_held, 100);
	assert_non_null(strstr(t->reasons[0], "max-series-per-database limit exceeded: (1000)"));
	assert_true(t->requests < 60);
	/* again: known */
	for (unsigned i = 0; i < 4000; i++)
		add(t, i / 1000, i % 10, i >= 1500 && i < 1600 ? 1000 + i : i % 1000, 'f');
	deliver(t);
	check(t, "known series");
	assert_int_equal(t->n_held, 100);
	assert_int_equal(t->requests, 1);
	/* they alone, as what was held comes: asked for, and refused; then the limit is raised */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1500; i < 1600; i++)
			add(t, 0, i % 10, 1000 + i, 'f');
		deliver(t);
		check(t, "held");
		assert_int_equal(t->requests, 1);
		assert_int_equal(t->n_held, round == 0 ? 100 : 0);
		t->model.most_series = 2000;
	}
	add(t, 0, 0, 0, 'f');
	add(t, 0, 0, 2500, 'f');
	deliver(t);
	check(t, "raised");
	assert_int_equal(t->n_held, 0);
	end(t);
}

static void expired_and_unparsable(void **state)
{
	(void)state;
	struct trial *t = begin();
	t->model.expired_before = 300;
	for (unsigned i = 0; i < 2000; i++)
		add(t, i / 1000, i % 10, i % 100, i % 400 == 7 ? 'b' : 'f');
	deliver(t);
	/* an expired line hides those that cannot be parsed */
	check(t, "expired");
	assert_int_equal(t->n_refused, 5);
	assert_int_equal(t->n_counted, 299);
	assert_string_equal(t->counted_as, "expired");
	assert_string_equal(t->reasons[0], "InfluxDB answered 400: unable to parse: missing fields");
	assert_true(t->requests <= 4);
	end(t);
}

static void body_limit(void **state)
{
	(void)state;
	struct trial *t = begin();
	t->model.most_bytes = 20000;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 10000; i++)
			add(t, i / 2500, i % 10, i % 100, i % 5000 == 77 && round == 1 ? 'i' : 'f');
		deliver(t);
		check(t, "limit");
		assert_int_equal(t->n_refused, round == 0 ? 0 : 2);
		assert_in_range(t->limit.bytes, 10000, 20000);
		assert_in_range(t->requests, 10, round == 0 ? 40 : 36);
	}
	end(t);
}

/* A line that is alone too large, between others. */
static void large_line(void **state)
{
	(void)state;
	struct trial *t = begin();
	t->model.most_bytes = 3000;
	for (unsigned i = 0; i < 300; i++)
		add(t, 0, i % 10, i % 100, 'f');
	pl_buf_addf(&t->lines[0], "m1,s=1 v=\"%04000u\" %u\n", 1, t->next++);
	t->numbers[0]++;
	for (unsigned i = 0; i < 300; i++)
		add(t, 0, i % 10, i % 100, 'f');
	deliver(t);
	assert_int_equal(t->n_refused, 1);
	assert_non_null(strstr(t->reasons[0], "the line alone has 40"));
	unsigned stored = 0;
	for (unsigned i = 0; i < t->next; i++)
		stored += t->model.stored[i];
	assert_int_equal(stored, 600);
	end(t);
}

/* Everything at once, thousands of times. */
static void random_trials(void **state)
{
	(void)state;
	static const char kinds[] = "fffffffis";
	unsigned seed = 1;
	for (unsigned trial = 0; trial < 400; trial++) {
		struct trial *t = begin();
		char what[32];
		snprintf(what, sizeof what, "trial %u", trial);
		unsigned n = 1 + (unsigned)rand_r(&seed) % (trial % 10 == 0 ? 3000 : 200),
			 measurements = 1 + (unsigned)rand_r(&seed) % 40;
		unsigned mixed = (unsigned)rand_r(&seed) % 60;
		bool bad_lines = trial % 3 == 0;
		t->model.shard_lines = trial % 2 == 0 ? MODEL_LINES : 1 + (unsigned)rand_r(&seed) % 300;
		t->model.all_or_nothing = trial % 5 == 0;
		t->model.most_bytes = trial % 4 == 0 ? 200 + (unsigned)rand_r(&seed) % 5000 : 0;
		t->model.most_series = trial % 7 == 0 ? (unsigned)rand_r(&seed) % 100 : 0;
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned i = 0; i < n; i++) {
				unsigned dice = (unsigned)rand_r(&seed) % 1000;
				char type = bad_lines && dice < 5 ? 'b' : dice % 100 < mixed ? kinds[dice % 9] : 'f';
				add(t, i * BATCHES / n, (unsigned)rand_r(&seed) % measurements, (unsigned)rand_r(&seed) % 300,
				    type);
			}
			if (round == 2 && trial % 6 == 0)
				t->model.expired_before = t->next - n / 3;
			deliver(t);
			check(t, what);
			assert_true(t->requests <= PL_INFLUX_MOST_REQUESTS);
		}
		end(t);
	}
}

/* More trouble than requests are allowed: some lines are named though they were stored, none is lost. */
static void too_much_to_name(void **state)
{
	(void)state;
	struct trial *t = begin();
	for (unsigned m = 0; m < 1000; m++)
		t->model.types[0][m] = t->model.types[1][m] = m % 2 == 0 ? 'f' : 'i';
	t->model.shard_lines = 1;
	t->model.types[2][0] = t->model.types[3][0] = 's';
	for (unsigned i = 0; i < 20000; i++)
		add(t, i / 5000, i % 997, i % 100, i % 3 == 0 ? 'i' : i % 3 == 1 ? 'f' : 's');
	deliver(t);
	assert_true(t->requests <= PL_INFLUX_MOST_REQUESTS + 1000);
	assert_int_equal(t->n_counted, 0);
	for (unsigned i = 0; i < t->next; i++) {
		assert_true(t->named[i] <= 1);
		assert_true(t->named[i] == 1 || t->model.stored[i]);
	}
	end(t);
}

/* Beyond a bound they are counted, and the verdict says so. */
static void more_refusals_than_are_named(void **state)
{
	(void)state;
	struct pl_influx_refusals r = {0};
	struct pl_verdict v = {0};
	const char *reason = pl_influx_refusals_keep(&r, "words");
	for (uint32_t i = 0; i < 70000; i++)
		pl_influx_refusals_add(&r, (struct pl_influx_line){.offset = i}, "field_type", reason, false);
	r.expired = 10;
	pl_influx_refusals_verdict(&r, 70010, "words", &v);
	assert_int_equal(v.n_refusals, PL_INFLUX_MOST_REFUSALS);
	assert_int_equal(v.refused, 70010 - PL_INFLUX_MOST_REFUSALS);
	assert_string_equal(v.refused_as, "field_type");
	assert_string_equal(v.reason, "4464 more points refused, too many to be named; words");
	/* never more than there are */
	pl_influx_refusals_verdict(&r, 65537, "words", &v);
	assert_int_equal(v.refused, 1);
	pl_influx_refusals_finish(&r);
}

static void limit_is_probed(void **state)
{
	(void)state;
	struct pl_influx_limit l = {0};
	int64_t now = 5 * PL_NS_PER_S, hour = 3600 * PL_NS_PER_S;
	assert_true(pl_influx_limit_now(&l, now) == SIZE_MAX);
	pl_influx_limit_taken(&l, 1 << 20, now);
	assert_true(pl_influx_limit_now(&l, now) == SIZE_MAX);
	pl_influx_limit_too_large(&l, 100000, now);
	assert_int_equal(pl_influx_limit_now(&l, now), 50000);
	pl_influx_limit_too_large(&l, 50000, now);
	assert_int_equal(pl_influx_limit_now(&l, now), 25000);
	pl_influx_limit_taken(&l, 25000, now);
	assert_int_equal(pl_influx_limit_now(&l, now + 599 * PL_NS_PER_S), 25000);
	/* after ten minutes twice as much is tried, in vain; then not so soon again */
	now += 600 * PL_NS_PER_S;
	assert_int_equal(pl_influx_limit_now(&l, now), 50000);
	pl_influx_limit_too_large(&l, 50000, now);
	assert_int_equal(pl_influx_limit_now(&l, now + 1199 * PL_NS_PER_S), 25000);
	now += 1200 * PL_NS_PER_S;
	assert_int_equal(pl_influx_limit_now(&l, now), 50000);
	/* it was raised: further up, step by step */
	pl_influx_limit_taken(&l, 49990, now);
	assert_int_equal(pl_influx_limit_now(&l, now), 49990);
	now += 60 * PL_NS_PER_S;
	assert_int_equal(pl_influx_limit_now(&l, now), 99980);
	for (int i = 0; i < 20; i++)
		pl_influx_limit_too_large(&l, 99980, now);
	assert_int_equal(pl_influx_limit_now(&l, now + hour - 1), 49990);
	assert_int_equal(pl_influx_limit_now(&l, now + hour), 99980);
	/* lowered again */
	pl_influx_limit_too_large(&l, 30000, now);
	assert_int_equal(pl_influx_limit_now(&l, now), 15000);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	struct pl_influx_known k = {.most = 1000, .keep_ns = 100 * PL_NS_PER_S};
	struct pl_arena arena = {0};
	int64_t now = 1000 * PL_NS_PER_S;
	for (uint64_t i = 0; i < 5000; i++)
		pl_influx_known_add(&k, i * 64, "first", now);
	assert_int_equal(k.n, 1000);
	assert_true(k.cap <= 4096);
	assert_true(pl_influx_known_has(&k, 0, now) && pl_influx_known_has(&k, 999 * 64, now));
	assert_false(pl_influx_known_has(&k, 1000 * 64, now));
	pl_influx_known_forget(&k, 64);
	assert_false(pl_influx_known_has(&k, 64, now));
	assert_true(pl_influx_known_has(&k, 128, now));
	pl_influx_known_add(&k, 128, "second", now + 50 * PL_NS_PER_S);
	const char *reason = pl_influx_known_reason(&k, 128, &arena, 1);
	assert_string_equal(reason, "second");
	assert_ptr_equal(reason, pl_influx_known_reason(&k, 128, &arena, 1));
	assert_null(pl_influx_known_reason(&k, 77, &arena, 1));
	/* all but the one that was refreshed are too old */
	now += 120 * PL_NS_PER_S;
	assert_false(pl_influx_known_has(&k, 192, now));
	pl_influx_known_sweep(&k, now);
	assert_int_equal(k.n, 1);
	assert_true(pl_influx_known_has(&k, 128, now));
	pl_influx_known_add(&k, 192, NULL, now);
	assert_true(pl_influx_known_has(&k, 192, now));
	assert_string_equal(reason, "second");
	pl_influx_known_finish(&k);
	pl_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_in_five_thousand),
	    cmocka_unit_test(many_measurements),
	    cmocka_unit_test(clashes),
	    cmocka_unit_test(series_limit),
	    cmocka_unit_test(expired_and_unparsable),
	    cmocka_unit_test(body_limit),
	    cmocka_unit_test(large_line),
	    cmocka_unit_test(random_trials),
	    cmocka_unit_test(too_much_to_name),
	    cmocka_unit_test(more_refusals_than_are_named),
	    cmocka_unit_test(limit_is_probed),
	    cmocka_unit_test(memory_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
