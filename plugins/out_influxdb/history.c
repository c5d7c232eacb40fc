#include "out_influxdb/history.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "format/influxql.h"
#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"

/* Where to read, and which field to reduce by which function. */
struct part {
	const char *policy;      /* NULL: the raw points' */
	const char *measurement; /* NULL: the stat */
	const char *prefix;      /* of the fields: "max_" */
	const char *function;
	const char *count; /* prefix of a field that holds the number of samples; NULL: none */
	bool times_count;  /* weigh the values by it: sum(value * count), for a mean divided by sum(count) */
};

/* ---- which parts there are ---- */

static bool keeps(const struct pl_influx_downsampling_config *d, const char *function)
{
	for (size_t i = 0; i < d->functions.n; i++)
		if (strcmp(d->functions.v[i], function) == 0)
			return true;
	return d->functions.n == 0 && strcmp(function, "mean") == 0;
}

static bool covers(const struct pl_influx_downsampling_config *d, struct pl_str stat)
{
	for (size_t i = 0; i < d->measurements.n; i++)
		if (pl_str_is(stat, d->measurements.v[i]))
			return true;
	return d->measurements.n == 0;
}

/* How a verb is had from the same verb's results of smaller windows. */
static bool composes(enum pl_verb verb)
{
	return verb == PL_VERB_MAX || verb == PL_VERB_MIN || verb == PL_VERB_SUM || verb == PL_VERB_FIRST || verb == PL_VERB_LAST;
}

static const char *prefix_of(enum pl_verb verb)
{
	switch (verb) {
	case PL_VERB_MAX:
		return "max_";
	case PL_VERB_MIN:
		return "min_";
	case PL_VERB_SUM:
		return "sum_";
	case PL_VERB_FIRST:
		return "first_";
	case PL_VERB_LAST:
		return "last_";
	case PL_VERB_MEDIAN:
		return "median_";
	default:
		return "mean_";
	}
}

static bool rolled_part(const struct pl_influx_downsampling_config *d, enum pl_verb verb, struct part *part)
{
	const char *function = pl_influx_function(verb);
	bool mean = keeps(d, "mean"), count = keeps(d, "count");
	*part = (struct part){.policy = d->into, .function = function, .prefix = "mean_"};
	if (verb == PL_VERB_COUNT && count) {
		part->function = "sum";
		part->prefix = "count_";
	} else if ((verb == PL_VERB_MEAN || (verb == PL_VERB_SUM && !keeps(d, "sum"))) && mean && count) {
		part->count = "count_";
		part->times_count = true;
	} else if ((composes(verb) || verb == PL_VERB_MEDIAN) && keeps(d, function)) {
		part->prefix = prefix_of(verb);
	} else if (!mean) {
		return false;
	}
	return true;
}

/* The step-th source: the raw points, what this output rolls up, what pulse (or this output for its sake) has rolled up. */
static bool part_of(const struct pl_influx_history *h, size_t step, struct part *part, bool *skip)
{
	const struct pl_influx_provision_config *p = h->provision;
	size_t n = p != NULL ? p->downsampling.n : 0;
	const char *function = pl_influx_function(h->q->verb);
	*skip = false;
	*part = (struct part){.prefix = "", .function = function, .count = "", .policy = PL_INFLUX_PULSE_INTO};
	if (step == 0) {
		part->policy = NULL;
		return true;
	}
	if (step <= n) {
		const struct pl_influx_downsampling_config *d =
		    (const struct pl_influx_downsampling_config *)p->downsampling.v + step - 1;
		*skip = !covers(d, h->q->stat) || !rolled_part(d, h->q->verb, part);
		return true;
	}
	part->count = NULL;
	if (step == n + 1) {
		*skip = h->q->verb != PL_VERB_MAX && h->q->verb != PL_VERB_MIN;
		part->measurement = h->q->verb == PL_VERB_MAX ? "aggregate_max" : "aggregate_min";
		return true;
	}
	part->measurement = "aggregate";
	return step == n + 2;
}

/* ---- the statement ---- */

static void add_field(struct pl_buf *out, const char *prefix, struct pl_str field)
{
	struct pl_buf name = {0};
	pl_buf_add_cstr(&name, prefix);
	pl_buf_add_str(&name, field);
	pl_influxql_add_ident(out, pl_buf_str(&name));
	pl_buf_add_cstr(out, "::field");
	pl_buf_finish(&name);
}

static void add_source(struct pl_buf *out, const struct pl_influx_history *h, const struct part *part)
{
	struct pl_str policy = part->policy != NULL ? pl_str_of(part->policy) : h->policy;
	pl_buf_add_cstr(out, " FROM ");
	if (policy.n > 0) {
		pl_influxql_add_ident(out, policy);
		pl_buf_add_char(out, '.');
	}
	pl_influxql_add_ident(out, part->measurement != NULL ? pl_str_of(part->measurement) : h->q->stat);
	pl_buf_add_cstr(out, " WHERE ");
	/* cannot fail: it was tried at the beginning */
	enum pl_err err = pl_influx_add_filters(out, h->q);
	(void)err;
	pl_buf_addf(out, "time > %" PRId64 " AND time < %" PRId64, h->q->from_ns, h->q->until_ns);
}

/* SELECT sum("p0")/sum("n0"), sum("n0") FROM (SELECT mean * count AS "p0", count AS "n0" FROM ...) */
static void add_by_count(struct pl_buf *out, const struct pl_influx_history *h, const struct part *part,
			 const struct pl_str *fields)
{
	bool mean = h->q->verb == PL_VERB_MEAN;
	for (unsigned i = 0; i < h->n_fields; i++)
		pl_buf_addf(out, mean ? "%ssum(\"p%u\")/sum(\"n%u\"), sum(\"n%u\")" : "%ssum(\"p%u\"), sum(\"n%u\")",
			    i > 0 ? ", " : "SELECT ", i, i, i);
	for (unsigned i = 0; i < h->n_fields; i++) {
		pl_buf_add_cstr(out, i > 0 ? ", " : " FROM (SELECT ");
		add_field(out, part->prefix, fields[i]);
		pl_buf_add_cstr(out, " * ");
		add_field(out, part->count, fields[i]);
		pl_buf_addf(out, " AS \"p%u\", ", i);
		add_field(out, part->count, fields[i]);
		pl_buf_addf(out, " AS \"n%u\"", i);
	}
	add_source(out, h, part);
	pl_buf_addf(out, ") WHERE time > %" PRId64 " AND time < %" PRId64, h->q->from_ns, h->q->until_ns);
}

static void add_plain(struct pl_buf *out, const struct pl_influx_history *h, const struct part *part, const struct pl_str *fields)
{
	for (unsigned i = 0; i < h->n_fields; i++) {
		pl_buf_addf(out, "%s%s(", i > 0 ? ", " : "SELECT ", part->function);
		add_field(out, part->prefix, fields[i]);
		pl_buf_add_char(out, ')');
		if (!h->weighted)
			continue;
		pl_buf_add_cstr(out, ", count(");
		add_field(out, part->prefix, fields[i]);
		pl_buf_add_char(out, ')');
	}
	add_source(out, h, part);
}

/* pulse writes a field of the measurement's name, a scrape one called `value`; an aggregate holds every stat under its own. */
static void add_statement(struct pl_influx_history *h, const struct part *part, struct pl_buf *out)
{
	struct pl_str fields[2] = {h->q->stat, PL_STR("value")};
	bool own = !pl_str_is(h->q->stat, "value") && !pl_str_is(h->q->stat, "time");
	h->n_fields = own && part->measurement == NULL ? 2 : 1;
	h->weighted = part->count != NULL;
	const struct pl_str *first = own || part->measurement != NULL ? &fields[0] : &fields[1];
	if (part->times_count)
		add_by_count(out, h, part, first);
	else
		add_plain(out, h, part, first);
	pl_buf_addf(out, " GROUP BY time(%" PRId64 "s) fill(none)", h->q->width_ns / PL_NS_PER_S);
}

/* ---- the way through ---- */

enum pl_err pl_influx_history_begin(struct pl_influx_history *h, struct pl_query *q, struct pl_str policy,
				    const struct pl_influx_provision_config *provision)
{
	struct pl_buf tried = {0};
	*h = (struct pl_influx_history){.q = q, .policy = policy, .provision = provision};
	h->n_windows = pl_query_windows(q, &h->first_ns);
	enum pl_err err = q->stat.n == 0 ? PL_ENOENT : pl_influx_add_filters(&tried, q);
	pl_buf_finish(&tried);
	if (h->n_windows > PL_QUERY_MOST_WINDOWS || q->verb == PL_VERB_NONE)
		return PL_EINVAL;
	if (err != PL_OK || h->n_windows == 0)
		return PL_ENOENT;
	h->windows = pl_arena_alloc(&q->arena, h->n_windows * sizeof *h->windows);
	h->filled = pl_arena_alloc(&q->arena, h->n_windows * sizeof *h->filled);
	memset(h->filled, 0, h->n_windows * sizeof *h->filled);
	return PL_OK;
}

static void settle(struct pl_influx_history *h)
{
	struct pl_query *q = h->q;
	q->err = PL_OK;
	q->reason = "";
	q->n_rows = 0;
	q->rows = h->windows;
	for (size_t i = 0; i < h->n_windows; i++)
		if (h->filled[i])
			q->rows[q->n_rows++] = h->windows[i];
	if (q->n_rows == 0)
		pl_influx_fail(q, PL_ENOENT, "no such series, or nothing in that time");
}

bool pl_influx_history_next(struct pl_influx_history *h, struct pl_buf *out)
{
	struct part part;
	bool skip = true;
	while (skip) {
		if (!part_of(h, h->step, &part, &skip)) {
			settle(h);
			return false;
		}
		h->step++;
	}
	add_statement(h, &part, out);
	return true;
}

/* ---- the answer ---- */

/* time, then for each field its value and perhaps the number of samples; the first field that has a value counts */
static void read_row(struct pl_influx_history *h, const cJSON *row)
{
	double time, value = 0, weight = 0;
	bool has = false;
	const cJSON *column = cJSON_IsArray(row) ? row->child : NULL;
	if (!pl_influx_number(column, &time) || time < 0 || time > 9e9)
		return;
	int64_t offset_ns = (int64_t)time * PL_NS_PER_S - h->first_ns;
	if (offset_ns < 0 || offset_ns % h->q->width_ns != 0 || (size_t)(offset_ns / h->q->width_ns) >= h->n_windows)
		return;
	size_t at = (size_t)(offset_ns / h->q->width_ns);
	for (unsigned i = 0; i < h->n_fields && column != NULL && !has; i++) {
		column = column->next;
		has = pl_influx_number(column, &value);
		if (h->weighted && column != NULL) {
			column = column->next;
			if (!pl_influx_number(column, &weight) || weight < 0)
				weight = 0;
		}
	}
	if (!has || h->filled[at])
		return;
	h->filled[at] = true;
	h->windows[at] =
	    (struct pl_query_row){.time_ms = (h->first_ns + offset_ns) / PL_NS_PER_MS, .value = value, .weight = weight};
}

bool pl_influx_history_read(struct pl_influx_history *h, long status, struct pl_str body)
{
	const cJSON *series, *row;
	cJSON *root = pl_influx_open_result(h->q, status, body);
	if (root == NULL)
		return h->q->err == PL_ENOENT;
	const cJSON *result = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "results"), 0);
	cJSON_ArrayForEach(series, cJSON_GetObjectItemCaseSensitive(result, "series"))
	{
		cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(series, "values")) read_row(h, row);
	}
	cJSON_Delete(root);
	return true;
}
