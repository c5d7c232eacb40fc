#include "api/read_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "format/json_out.h"
#include "net/http_server.h"

enum { MAX_PARAMETERS = 64 };

static const char *const verbs[] = {
    [PL_VERB_NONE] = "none",     [PL_VERB_MEAN] = "mean",     [PL_VERB_MAX] = "max",       [PL_VERB_MIN] = "min",
    [PL_VERB_SUM] = "sum",       [PL_VERB_COUNT] = "count",   [PL_VERB_FIRST] = "first",   [PL_VERB_LAST] = "last",
    [PL_VERB_MEDIAN] = "median", [PL_VERB_SPREAD] = "spread", [PL_VERB_STDDEV] = "stddev",
};

static bool parse_verb(struct pl_str s, enum pl_verb *out)
{
	for (size_t i = 0; i < PL_COUNT_OF(verbs); i++)
		if (s.n == strlen(verbs[i]) && strncasecmp(s.p, verbs[i], s.n) == 0) {
			*out = (enum pl_verb)i;
			return true;
		}
	return false;
}

static void say_verbs(char *reason, size_t size)
{
	size_t n = (size_t)snprintf(reason, size, "verb must be one of");
	for (size_t i = 0; i < PL_COUNT_OF(verbs) && n < size; i++)
		n += (size_t)snprintf(reason + n, size - n, "%s %s", i > 0 ? "," : "", verbs[i]);
}

/* pulse's own words. `:stat`, by which pulse can be made to read another stat than the path names, is nothing here. */
static bool is_filter(struct pl_str key)
{
	static const char *const own[] = {"verb", "start", "stop", "backfill", "X-AUTH-TOKEN", "x-auth-token", ":stat"};
	for (size_t i = 0; i < PL_COUNT_OF(own); i++)
		if (pl_str_is(key, own[i]))
			return false;
	return true;
}

static struct pl_filter *filter_of(struct pl_query *q, struct pl_str key)
{
	for (size_t i = 0; i < q->n_filters; i++)
		if (pl_str_eq(q->filters[i].key, key))
			return &q->filters[i];
	struct pl_filter *f = &q->filters[q->n_filters++];
	f->key = pl_arena_str(&q->arena, key);
	return f;
}

/* The arrays have room for all parameters there may be; what is too much goes with the arena. */
static enum pl_err add_filter(struct pl_query *q, struct pl_str key, struct pl_str value, char *reason, size_t reason_size)
{
	if (key.n == 0) {
		snprintf(reason, reason_size, "a filter needs the name of a tag before its `=`");
		return PL_EINVAL;
	}
	if (memchr(key.p, '\0', key.n) != NULL || (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)) {
		snprintf(reason, reason_size, "a filter must not hold a NUL byte");
		return PL_EINVAL;
	}
	if (q->filters == NULL)
		q->filters = pl_arena_alloc(&q->arena, MAX_PARAMETERS * sizeof *q->filters);
	struct pl_filter *f = filter_of(q, key);
	if ((f->n_values & (f->n_values - 1)) == 0) { /* 0, 1, 2, 4 ...: full */
		struct pl_str *more = pl_arena_alloc(&q->arena, (f->n_values > 0 ? 2 * f->n_values : 1) * sizeof *more);
		if (f->n_values > 0)
			memcpy(more, f->values, f->n_values * sizeof *more);
		f->values = more;
	}
	f->values[f->n_values++] = pl_arena_str(&q->arena, value);
	return PL_OK;
}

enum pl_err pl_read_query_parse(struct pl_query *q, enum pl_verb standard, struct pl_str query_string, char *reason,
				size_t reason_size)
{
	struct pl_buf scratch = {0};
	struct pl_str rest = query_string, key, value;
	enum pl_err err = PL_OK;
	bool verb_given = false;
	q->verb = standard;
	for (size_t n = 0; err == PL_OK && pl_http_query_next(&rest, &scratch, &key, &value); n++) {
		if (n == MAX_PARAMETERS) {
			snprintf(reason, reason_size, "more than %d parameters", MAX_PARAMETERS);
			err = PL_EINVAL;
		} else if (is_filter(key)) {
			err = add_filter(q, key, value, reason, reason_size);
		} else if (pl_str_is(key, "verb") && value.n > 0 && !verb_given) {
			verb_given = true;
			if (!parse_verb(value, &q->verb)) {
				say_verbs(reason, reason_size);
				err = PL_EINVAL;
			}
		}
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	q->limit = 1;
	for (size_t i = 0; q->verb == PL_VERB_NONE && i < q->n_filters; i++)
		if (q->filters[i].n_values > q->limit)
			q->limit = q->filters[i].n_values;
	return err;
}

void pl_read_query_names(const struct pl_query *q, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	pl_json_array_begin(&j);
	for (size_t i = 0; i < q->n_names; i++)
		pl_json_str(&j, q->names[i]);
	pl_json_array_end(&j);
}

static int by_name(const void *a, const void *b)
{
	return pl_str_cmp((*(const struct pl_label *const *)a)->name, (*(const struct pl_label *const *)b)->name);
}

/* Keys in bytewise order, the tags' and our own two together. */
static void add_row(struct pl_json *j, const struct pl_query_row *row, bool with_tags)
{
	const struct pl_label *sorted[MAX_PARAMETERS];
	struct pl_label own[] = {{PL_STR("time"), {NULL, 0}}, {PL_STR("value"), {NULL, 0}}};
	size_t n = 0;
	sorted[n++] = &own[0];
	sorted[n++] = &own[1];
	for (size_t i = 0; with_tags && i < row->n_tags && n < MAX_PARAMETERS; i++)
		if (!pl_str_is(row->tags[i].name, "time") && !pl_str_is(row->tags[i].name, "value"))
			sorted[n++] = &row->tags[i];
	qsort(sorted, n, sizeof *sorted, by_name);
	pl_json_object_begin(j);
	for (size_t i = 0; i < n; i++) {
		pl_json_key_str(j, sorted[i]->name);
		if (sorted[i] == &own[0])
			pl_json_i64(j, row->time_ms);
		else if (sorted[i] == &own[1])
			pl_json_double(j, row->value);
		else /* "" for a series without the tag, as a filter asks for it */
			pl_json_str(j, sorted[i]->value);
	}
	pl_json_object_end(j);
}

void pl_read_query_rows(const struct pl_query *q, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	if (q->n_rows == 1) {
		add_row(&j, &q->rows[0], false);
		return;
	}
	pl_json_array_begin(&j);
	for (size_t i = 0; i < q->n_rows; i++)
		add_row(&j, &q->rows[i], true);
	pl_json_array_end(&j);
}
