#include "out_influxdb/aggregate.h"

#include <stdlib.h>

#include "base/mem.h"

enum { MOST_STATEMENTS = 60, GROUP_BYTES = 32768 };

/* pulse has `aggregate`, which holds means; the others serve what asks for peaks. */
static const struct {
	const char *function, *target;
} kinds[] = {{"mean", "aggregate"}, {"max", "aggregate_max"}, {"min", "aggregate_min"}};

void pl_influx_aggregate_finish(struct pl_influx_aggregate *a)
{
	pl_arena_finish(&a->arena);
	free(a->stats);
	*a = (struct pl_influx_aggregate){0};
}

/* A relay's stat is a field of its measurement's name, a scraped sample one called `value`. InfluxQL takes "time" for the time.
 */
static bool is_stat(const struct pl_influx_shown_field *f, bool own)
{
	if (!f->numeric || pl_str_is(f->measurement, "time") || f->measurement.n == 0)
		return false;
	return own ? pl_str_eq(f->key, f->measurement) : pl_str_is(f->key, "value") && !pl_str_eq(f->key, f->measurement);
}

static void start(struct pl_influx_aggregate *a, size_t n)
{
	free(a->stats);
	a->stats = pl_calloc(n > 0 ? n : 1, sizeof(const struct pl_influx_shown_field *));
	a->n_stats = a->at = a->end = a->single_to = 0;
	a->functions = NULL;
}

static bool is_among(const struct pl_strings *names, struct pl_str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (pl_str_is(name, names->v[i]))
			return true;
	return names->n == 0;
}

void pl_influx_aggregate_begin_apart(struct pl_influx_aggregate *a, const struct pl_influx_shown_field *fields, size_t n,
				     const struct pl_strings *functions, const struct pl_strings *only)
{
	start(a, n);
	a->functions = functions;
	for (size_t i = 0; i < n; i++) /* the fields of a measurement follow each other */
		if ((i == 0 || !pl_str_eq(fields[i].measurement, fields[i - 1].measurement)) &&
		    is_among(only, fields[i].measurement))
			a->stats[a->n_stats++] = &fields[i];
}

static size_t per_stat(const struct pl_influx_aggregate *a)
{
	return a->functions != NULL ? 1 : PL_COUNT_OF(kinds);
}

static void add_statement(const struct pl_influx_aggregate *a, const struct pl_influx_roll *roll, size_t i, struct pl_buf *out)
{
	const struct pl_influx_shown_field *f = a->stats[i / per_stat(a)];
	size_t kind = i % per_stat(a);
	if (a->functions != NULL) {
		const char *name = f->measurement.p; /* the arena's, so a NUL follows */
		pl_influx_roll_all(out, roll, a->functions, &(struct pl_strings){&name, 1});
	} else {
		pl_influx_roll_field(out, roll, kinds[kind].function, f->measurement, f->key, pl_str_of(kinds[kind].target),
				     f->measurement);
	}
}

void pl_influx_aggregate_begin(struct pl_influx_aggregate *a, const struct pl_influx_shown_field *fields, size_t n)
{
	start(a, n);
	for (unsigned own = 0; own < 2; own++) /* where a series has both, what comes last stays */
		for (size_t i = 0; i < n; i++)
			if (is_stat(&fields[i], own == 1))
				a->stats[a->n_stats++] = &fields[i];
}

bool pl_influx_aggregate_next(struct pl_influx_aggregate *a, const struct pl_influx_roll *roll, struct pl_buf *out)
{
	size_t all = a->n_stats * per_stat(a);
	a->at = a->end;
	size_t most = a->at < a->single_to ? 1 : MOST_STATEMENTS;
	while (a->end < all && a->end - a->at < most && (a->end == a->at || out->n < GROUP_BYTES)) {
		if (a->end > a->at)
			pl_buf_add_cstr(out, "; ");
		add_statement(a, roll, a->end++, out);
	}
	return a->end > a->at;
}

bool pl_influx_aggregate_retry(struct pl_influx_aggregate *a, struct pl_str *stat)
{
	*stat = a->stats[a->at / per_stat(a)]->measurement;
	if (a->end - a->at == 1)
		return false;
	a->single_to = a->end;
	a->end = a->at;
	return true;
}
