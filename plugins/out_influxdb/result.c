#include "out_influxdb/result.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "out_influxdb/message.h"

enum { MOST_NAMES = 200000, MOST_ROWS = 10000 };

void pl_influx_fail(struct pl_query *q, enum pl_err err, const char *reason)
{
	q->err = err;
	q->reason = pl_arena_strdup(&q->arena, reason);
	q->n_names = q->n_rows = 0;
}

static const char *text_of(const cJSON *node)
{
	return cJSON_IsString(node) ? node->valuestring : NULL;
}

/* ---- errors ---- */

/* Is it only that nothing fits the question? InfluxDB has no codes, only words. */
static bool means_nothing_there(struct pl_str words)
{
	static const char *const known[] = {"database not found", "retention policy not found", "measurement not found",
					    "unsupported "};
	for (size_t i = 0; i < PL_COUNT_OF(known); i++) {
		if (pl_str_starts(words, pl_str_of(known[i])))
			return true;
	}
	return false;
}

static void fail_with_words(struct pl_query *q, long status, struct pl_str words)
{
	char reason[256];
	pl_influx_reason(status, words, reason, sizeof reason);
	pl_influx_fail(q, means_nothing_there(words) ? PL_ENOENT : PL_EIO, reason);
}

/* The error of one statement, or NULL. */
static const char *statement_error(const cJSON *root)
{
	const cJSON *result;
	cJSON_ArrayForEach(result, cJSON_GetObjectItemCaseSensitive(root, "results"))
	{
		const char *words = text_of(cJSON_GetObjectItemCaseSensitive(result, "error"));
		if (words != NULL)
			return words;
	}
	return NULL;
}

static void reason_of_body(long status, struct pl_str body, char *out, size_t size)
{
	struct pl_buf message = {0};
	pl_influx_message(body, &message);
	pl_influx_reason(status, pl_buf_str(&message), out, size);
	pl_buf_finish(&message);
}

enum pl_err pl_influx_check_result(long status, struct pl_str body, char *reason, size_t reason_size)
{
	cJSON *root = status == 200 ? cJSON_ParseWithLength(body.p, body.n) : NULL;
	enum pl_err err = PL_OK;
	if (cJSON_GetObjectItemCaseSensitive(root, "results") == NULL) {
		reason_of_body(status, body, reason, reason_size);
		err = PL_EIO;
	} else {
		const char *words = statement_error(root);
		struct pl_str said = pl_str_of(words);
		if (words != NULL && !pl_str_ends(said, PL_STR("already exists"))) {
			pl_influx_reason(status, said, reason, reason_size);
			err = PL_EIO;
		}
	}
	cJSON_Delete(root);
	return err;
}

/* ---- names ---- */

struct names {
	struct pl_str *v;
	size_t n, cap;
	bool overflow;
};

static void add_name(struct pl_query *q, struct names *names, const char *name)
{
	names->overflow = names->n == MOST_NAMES;
	if (names->overflow)
		return;
	if (names->n == names->cap) {
		names->cap = names->cap == 0 ? 64 : 2 * names->cap;
		names->v = pl_realloc(names->v, names->cap * sizeof *names->v);
	}
	names->v[names->n++] = pl_arena_str(&q->arena, pl_str_of(name));
}

static int by_bytes(const void *a, const void *b)
{
	return pl_str_cmp(*(const struct pl_str *)a, *(const struct pl_str *)b);
}

static void settle_names(struct pl_query *q, struct names *names)
{
	if (names->n > 0)
		qsort(names->v, names->n, sizeof *names->v, by_bytes);
	q->names = pl_arena_alloc(&q->arena, (names->n > 0 ? names->n : 1) * sizeof *names->v);
	for (size_t i = 0; i < names->n; i++) {
		if (q->n_names == 0 || !pl_str_eq(q->names[q->n_names - 1], names->v[i]))
			q->names[q->n_names++] = names->v[i];
	}
	free(names->v);
}

/* /latest can only compute with numbers. */
static bool is_numeric(const cJSON *row)
{
	const char *type = text_of(cJSON_GetArrayItem(row, 1));
	return type != NULL && !pl_str_is(pl_str_of(type), "string") && !pl_str_is(pl_str_of(type), "boolean");
}

static void read_series_names(struct pl_query *q, struct names *names, const cJSON *series)
{
	const cJSON *row;
	const char *measurement = text_of(cJSON_GetObjectItemCaseSensitive(series, "name"));
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(series, "values"))
	{
		const char *name = text_of(cJSON_GetArrayItem(row, 0));
		if (name == NULL)
			continue;
		if (q->kind == PL_QUERY_TAGS)
			add_name(q, names, name);
		else if (is_numeric(row))
			add_name(q, names, measurement != NULL && pl_str_is(pl_str_of(name), "value") ? measurement : name);
	}
}

/* ---- rows ---- */

bool pl_influx_number(const cJSON *node, double *out)
{
	if (cJSON_IsNumber(node) && isfinite(node->valuedouble))
		*out = node->valuedouble;
	else if (cJSON_IsBool(node))
		*out = cJSON_IsTrue(node) ? 1 : 0;
	else
		return false;
	return true;
}

/* column: the first of the tags */
static void read_tags(struct pl_query *q, struct pl_query_row *row, const cJSON *column)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_filters; i++)
		n += q->filters[i].n_values > 1;
	if (n == 0 || q->verb != PL_VERB_NONE)
		return;
	row->tags = pl_arena_alloc(&q->arena, n * sizeof *row->tags);
	for (size_t i = 0; i < q->n_filters; i++) {
		if (q->filters[i].n_values < 2)
			continue;
		struct pl_str value = pl_str_of(text_of(column));
		row->tags[row->n_tags++] = (struct pl_label){q->filters[i].key, pl_arena_str(&q->arena, value)};
		column = column != NULL ? column->next : NULL;
	}
}

/* time, the values of which the first that is there counts, the tags */
static void read_row(struct pl_query *q, const cJSON *row, unsigned n_fields)
{
	double time, value = 0;
	bool has = false;
	const cJSON *column = cJSON_IsArray(row) ? row->child : NULL;
	if (!pl_influx_number(column, &time) || fabs(time) > 9e12)
		return;
	for (unsigned i = 0; i < n_fields && column != NULL; i++) {
		column = column->next;
		has = has || pl_influx_number(column, &value);
	}
	if (!has || column == NULL)
		return;
	struct pl_query_row *out = &q->rows[q->n_rows++];
	*out = (struct pl_query_row){.time_ms = (int64_t)time * 1000, .value = value};
	read_tags(q, out, column->next);
}

static void read_rows(struct pl_query *q, const cJSON *values, unsigned n_fields, size_t most)
{
	const cJSON *row;
	cJSON_ArrayForEach(row, values)
	{
		if (q->n_rows == most)
			break;
		read_row(q, row, n_fields);
	}
}

/* ---- the whole ---- */

static void read_root(struct pl_query *q, const cJSON *root, unsigned n_fields)
{
	struct names names = {0};
	size_t most = q->limit > 0 ? q->limit : 1;
	if (most > MOST_ROWS)
		most = MOST_ROWS;
	const cJSON *series, *result = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "results"), 0);
	if (q->kind == PL_QUERY_LATEST)
		q->rows = pl_arena_alloc(&q->arena, most * sizeof *q->rows);
	cJSON_ArrayForEach(series, cJSON_GetObjectItemCaseSensitive(result, "series"))
	{
		if (q->kind == PL_QUERY_LATEST)
			read_rows(q, cJSON_GetObjectItemCaseSensitive(series, "values"), n_fields, most);
		else
			read_series_names(q, &names, series);
	}
	if (q->kind != PL_QUERY_LATEST)
		settle_names(q, &names);
	if (names.overflow)
		pl_influx_fail(q, PL_EIO, "more than 200000 names");
	else if (q->kind == PL_QUERY_LATEST && q->n_rows == 0)
		pl_influx_fail(q, PL_ENOENT, "no such series, or nothing recent");
}

cJSON *pl_influx_open_result(struct pl_query *q, long status, struct pl_str body)
{
	q->err = PL_OK;
	q->reason = "";
	if (status != 200) {
		struct pl_buf message = {0};
		pl_influx_message(body, &message);
		fail_with_words(q, status, pl_buf_str(&message));
		pl_buf_finish(&message);
		return NULL;
	}
	cJSON *root = cJSON_ParseWithLength(body.p, body.n);
	const char *words = statement_error(root);
	if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(root, "results")))
		pl_influx_fail(q, PL_EIO, "the answer is not InfluxDB's; is this its address?");
	else if (words != NULL)
		fail_with_words(q, status, pl_str_of(words));
	else
		return root;
	cJSON_Delete(root);
	return NULL;
}

void pl_influx_read_result(struct pl_query *q, long status, struct pl_str body, unsigned n_fields)
{
	q->n_names = q->n_rows = 0;
	cJSON *root = pl_influx_open_result(q, status, body);
	if (root != NULL)
		read_root(q, root, n_fields);
	cJSON_Delete(root);
}
