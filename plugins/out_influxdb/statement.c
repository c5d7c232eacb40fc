#include "out_influxdb/statement.h"

#include <inttypes.h>

#include "base/clock.h"
#include "format/influxql.h"
#include "format/percent.h"

enum { MOST_ROWS = 10000 };

void pl_influx_add_encoded(struct pl_buf *out, struct pl_str s)
{
	pl_percent_add(out, s);
}

void pl_influx_create_database(struct pl_buf *out, struct pl_str database)
{
	pl_buf_add_cstr(out, "CREATE DATABASE ");
	pl_influxql_add_ident(out, database);
}

void pl_influx_create_policy(struct pl_buf *out, struct pl_str database, struct pl_str policy, int64_t duration_ns)
{
	pl_buf_add_cstr(out, "CREATE RETENTION POLICY ");
	pl_influxql_add_ident(out, policy);
	pl_buf_add_cstr(out, " ON ");
	pl_influxql_add_ident(out, database);
	pl_buf_addf(out, " DURATION %" PRId64 "s REPLICATION 1", duration_ns / PL_NS_PER_S);
}

void pl_influx_add_duration(struct pl_buf *out, int64_t ns)
{
	if (ns == 0)
		pl_buf_add_cstr(out, "INF");
	else if (ns % PL_NS_PER_S == 0)
		pl_buf_addf(out, "%" PRId64 "s", ns / PL_NS_PER_S);
	else
		pl_buf_addf(out, "%" PRId64 "ms", ns / PL_NS_PER_MS);
}

void pl_influx_show_policies(struct pl_buf *out, struct pl_str database)
{
	pl_buf_add_cstr(out, "SHOW RETENTION POLICIES ON ");
	pl_influxql_add_ident(out, database);
}

void pl_influx_change_policy(struct pl_buf *out, struct pl_str database, struct pl_str policy,
			     const struct pl_influx_policy_change *change)
{
	pl_buf_add_cstr(out, change->create ? "CREATE RETENTION POLICY " : "ALTER RETENTION POLICY ");
	pl_influxql_add_ident(out, policy);
	pl_buf_add_cstr(out, " ON ");
	pl_influxql_add_ident(out, database);
	if (change->duration_ns >= 0) {
		pl_buf_add_cstr(out, " DURATION ");
		pl_influx_add_duration(out, change->duration_ns);
	}
	if (change->create)
		pl_buf_add_cstr(out, " REPLICATION 1");
	if (change->shard_ns >= 0) {
		pl_buf_add_cstr(out, " SHARD DURATION ");
		pl_influx_add_duration(out, change->shard_ns);
	}
	if (change->make_default)
		pl_buf_add_cstr(out, " DEFAULT");
}

const char *pl_influx_function(enum pl_verb verb)
{
	switch (verb) {
	case PL_VERB_MAX:
		return "max";
	case PL_VERB_MIN:
		return "min";
	case PL_VERB_SUM:
		return "sum";
	case PL_VERB_COUNT:
		return "count";
	case PL_VERB_FIRST:
		return "first";
	case PL_VERB_LAST:
		return "last";
	case PL_VERB_MEDIAN:
		return "median";
	case PL_VERB_SPREAD:
		return "spread";
	case PL_VERB_STDDEV:
		return "stddev";
	case PL_VERB_NONE:
	case PL_VERB_MEAN:
		break;
	}
	return "mean";
}

static void add_value(struct pl_buf *out, enum pl_verb verb, struct pl_str field)
{
	if (verb != PL_VERB_NONE)
		pl_buf_addf(out, "%s(", pl_influx_function(verb));
	pl_influxql_add_ident(out, field);
	pl_buf_add_cstr(out, verb != PL_VERB_NONE ? "::field)" : "::field");
}

/* pulse writes a field of the measurement's name, a scrape one called `value`: both are asked for, an unknown one is null. */
static unsigned add_values(struct pl_buf *out, const struct pl_query *q)
{
	bool own = !pl_str_is(q->stat, "value") && !pl_str_is(q->stat, "time");
	if (own) {
		add_value(out, q->verb, q->stat);
		pl_buf_add_cstr(out, ", ");
	}
	add_value(out, q->verb, PL_STR("value"));
	return own ? 2 : 1;
}

static void add_repeated_tags(struct pl_buf *out, const struct pl_query *q)
{
	for (size_t i = 0; i < q->n_filters; i++) {
		if (q->filters[i].n_values < 2)
			continue;
		pl_buf_add_cstr(out, ", ");
		pl_influxql_add_ident(out, q->filters[i].key);
		pl_buf_add_cstr(out, "::tag");
	}
}

/* InfluxQL takes a quoted "time" for the point's time; but no series has a tag of that name. */
static bool matches_without(const struct pl_filter *f)
{
	for (size_t i = 0; i < f->n_values; i++) {
		if (f->values[i].n == 0)
			return true;
	}
	return false;
}

enum pl_err pl_influx_add_filters(struct pl_buf *out, const struct pl_query *q)
{
	for (size_t i = 0; i < q->n_filters; i++) {
		const struct pl_filter *f = &q->filters[i];
		bool time = pl_str_is(f->key, "time");
		if (f->n_values == 0 || (time && !matches_without(f)))
			return PL_ENOENT;
		if (time)
			continue;
		for (size_t k = 0; k < f->n_values; k++) {
			pl_buf_add_cstr(out, k == 0 ? "(" : " OR ");
			pl_influxql_add_ident(out, f->key);
			pl_buf_add_cstr(out, "::tag = ");
			pl_influxql_add_string(out, f->values[k]);
		}
		pl_buf_add_cstr(out, ") AND ");
	}
	return PL_OK;
}

static void add_from(struct pl_buf *out, struct pl_str policy)
{
	pl_buf_add_cstr(out, " FROM ");
	if (policy.n > 0) {
		pl_influxql_add_ident(out, policy);
		pl_buf_add_char(out, '.');
	}
}

static enum pl_err add_latest(struct pl_buf *out, const struct pl_query *q, struct pl_str policy, unsigned *n_fields)
{
	int64_t p_us = q->poll_ns / 1000;
	size_t limit = q->limit > 0 ? q->limit : 1;
	if (limit > MOST_ROWS)
		limit = MOST_ROWS;
	if (p_us <= 0 || p_us > INT64_MAX / 4000)
		return PL_EINVAL;
	if (q->stat.n == 0)
		return PL_ENOENT;
	pl_buf_add_cstr(out, "SELECT ");
	*n_fields = add_values(out, q);
	if (q->verb == PL_VERB_NONE)
		add_repeated_tags(out, q);
	add_from(out, policy);
	pl_influxql_add_ident(out, q->stat);
	pl_buf_add_cstr(out, " WHERE ");
	enum pl_err err = pl_influx_add_filters(out, q);
	if (err != PL_OK)
		return err;
	pl_buf_addf(out, "time > now() - %" PRId64 "u", 2 * p_us);
	if (q->verb != PL_VERB_NONE) {
		pl_buf_addf(out, " GROUP BY time(%" PRId64 "u) fill(none)", p_us);
		limit += 2; /* 2 P touch three buckets, and a bucket may have no result (stddev of one value) */
	}
	pl_buf_addf(out, " ORDER BY time DESC LIMIT %zu", limit);
	return PL_OK;
}

enum pl_err pl_influx_read_statement(struct pl_buf *out, const struct pl_query *q, struct pl_str policy, unsigned *n_fields)
{
	*n_fields = 0;
	if (q->kind == PL_QUERY_LATEST)
		return add_latest(out, q, policy, n_fields);
	pl_buf_add_cstr(out, q->kind == PL_QUERY_KEYS ? "SHOW FIELD KEYS" : "SHOW TAG KEYS");
	if (policy.n > 0) {
		add_from(out, policy);
		pl_buf_add_cstr(out, "/.*/");
	}
	return PL_OK;
}
