#include "out_influxdb/shown.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/message.h"

enum { MOST_POLICIES = 10000, MOST_FIELDS = 200000 };

static struct pl_str text_of(const cJSON *node)
{
	return pl_str_of(cJSON_IsString(node) ? node->valuestring : NULL);
}

/* ---- the whole ---- */

static enum pl_err judge_words(struct pl_str words)
{
	bool missing =
	    pl_str_starts(words, PL_STR("database not found")) || pl_str_starts(words, PL_STR("retention policy not found"));
	return missing ? PL_ENOENT : PL_EIO;
}

static enum pl_err judge_status(long status, struct pl_str body, char *reason, size_t reason_size)
{
	struct pl_buf message = {0};
	enum pl_err err = PL_EIO;
	bool spoke = pl_influx_message(body, &message);
	pl_influx_reason(status, pl_buf_str(&message), reason, reason_size);
	if (status == 401 || status == 403)
		err = PL_EACCES;
	else if ((status == 404 || status == 405 || status == 501) && !spoke)
		err = PL_EUNSUPPORTED;
	pl_buf_finish(&message);
	return err;
}

/* *root is the caller's to delete, also on failure. */
static enum pl_err read_root(long status, struct pl_str body, cJSON **root, char *reason, size_t reason_size)
{
	*root = status == 200 ? cJSON_ParseWithLength(body.p, body.n) : NULL;
	if (status != 200)
		return judge_status(status, body, reason, reason_size);
	const cJSON *result, *results = cJSON_GetObjectItemCaseSensitive(*root, "results");
	if (!cJSON_IsArray(results)) {
		snprintf(reason, reason_size, "the answer is not InfluxDB's; is this its address?");
		return PL_EUNSUPPORTED;
	}
	cJSON_ArrayForEach(result, results)
	{
		struct pl_str words = text_of(cJSON_GetObjectItemCaseSensitive(result, "error"));
		if (words.n > 0) {
			pl_influx_reason(status, words, reason, reason_size);
			return judge_words(words);
		}
	}
	return PL_OK;
}

static const cJSON *first_series(const cJSON *root)
{
	const cJSON *result = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "results"), 0);
	const cJSON *series = cJSON_GetObjectItemCaseSensitive(result, "series");
	return cJSON_IsArray(series) ? series->child : NULL;
}

static size_t count_rows(const cJSON *series)
{
	size_t n = 0;
	for (; series != NULL; series = series->next)
		n += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(series, "values"));
	return n;
}

/* ---- durations ---- */

static int64_t unit_of(struct pl_str *s)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"ms", PL_NS_PER_MS},    {"ns", 1},         {"us", 1000}, {"h", 3600 * PL_NS_PER_S},
		     {"m", 60 * PL_NS_PER_S}, {"s", PL_NS_PER_S}};
	for (size_t i = 0; i < PL_COUNT_OF(units); i++) {
		struct pl_str name = pl_str_of(units[i].name);
		if (pl_str_starts(*s, name)) {
			s->p += name.n;
			s->n -= name.n;
			return units[i].ns;
		}
	}
	return 0;
}

enum pl_err pl_influx_read_duration(struct pl_str s, int64_t *ns)
{
	int64_t sum = 0;
	if (s.n == 0)
		return PL_EPARSE;
	while (s.n > 0) {
		size_t digits = 0;
		int64_t number, part;
		while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
			digits++;
		if (!pl_str_i64((struct pl_str){s.p, digits}, &number))
			return PL_EPARSE;
		s.p += digits;
		s.n -= digits;
		int64_t unit = unit_of(&s);
		if (unit == 0 || __builtin_mul_overflow(number, unit, &part) || __builtin_add_overflow(sum, part, &sum))
			return PL_EPARSE;
	}
	*ns = sum;
	return PL_OK;
}

/* ---- policies ---- */

/* The place of a column, or -1. */
static int column_of(const cJSON *series, const char *name)
{
	int i = 0;
	const cJSON *column;
	cJSON_ArrayForEach(column, cJSON_GetObjectItemCaseSensitive(series, "columns"))
	{
		if (pl_str_is(text_of(column), name))
			return i;
		i++;
	}
	return -1;
}

static const cJSON *cell(const cJSON *row, int column)
{
	return column < 0 ? NULL : cJSON_GetArrayItem(row, column);
}

enum pl_err pl_influx_read_policies(long status, struct pl_str body, struct pl_arena *arena, struct pl_influx_shown_policy **out,
				    size_t *n, char *reason, size_t reason_size)
{
	cJSON *root = NULL;
	const cJSON *row;
	*n = 0;
	*out = NULL;
	enum pl_err err = read_root(status, body, &root, reason, reason_size);
	const cJSON *series = err == PL_OK ? first_series(root) : NULL;
	int name = column_of(series, "name"), duration = column_of(series, "duration"),
	    shard = column_of(series, "shardGroupDuration"), standard = column_of(series, "default");
	size_t most = count_rows(series);
	if (most > MOST_POLICIES)
		most = MOST_POLICIES;
	if (most > 0)
		*out = pl_arena_alloc(arena, most * sizeof **out);
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(series, "values"))
	{
		if (err != PL_OK || *n == most)
			break;
		struct pl_influx_shown_policy *p = &(*out)[(*n)++];
		p->name = pl_arena_str(arena, text_of(cell(row, name)));
		p->is_default = cJSON_IsTrue(cell(row, standard));
		if (pl_influx_read_duration(text_of(cell(row, duration)), &p->duration_ns) != PL_OK ||
		    pl_influx_read_duration(text_of(cell(row, shard)), &p->shard_ns) != PL_OK) {
			snprintf(reason, reason_size, "a retention policy's duration cannot be read");
			err = PL_EIO;
		}
	}
	cJSON_Delete(root);
	return err;
}

/* ---- fields ---- */

static bool is_numeric(struct pl_str type)
{
	return pl_str_is(type, "float") || pl_str_is(type, "integer") || pl_str_is(type, "unsigned");
}

enum pl_err pl_influx_read_fields(long status, struct pl_str body, struct pl_arena *arena, struct pl_influx_shown_field **out,
				  size_t *n, char *reason, size_t reason_size)
{
	cJSON *root = NULL;
	*n = 0;
	*out = NULL;
	enum pl_err err = read_root(status, body, &root, reason, reason_size);
	const cJSON *row, *series = err == PL_OK ? first_series(root) : NULL;
	size_t most = count_rows(series);
	if (most > MOST_FIELDS) {
		snprintf(reason, reason_size, "more than 200000 fields");
		err = PL_ELIMIT;
	}
	if (err == PL_OK && most > 0)
		*out = pl_arena_alloc(arena, most * sizeof **out);
	for (; err == PL_OK && series != NULL; series = series->next) {
		struct pl_str measurement = pl_arena_str(arena, text_of(cJSON_GetObjectItemCaseSensitive(series, "name")));
		cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(series, "values"))
		{
			(*out)[(*n)++] = (struct pl_influx_shown_field){
			    .measurement = measurement,
			    .key = pl_arena_str(arena, text_of(cJSON_GetArrayItem(row, 0))),
			    .numeric = is_numeric(text_of(cJSON_GetArrayItem(row, 1))),
			};
		}
	}
	cJSON_Delete(root);
	return err;
}

/* ---- INTO ---- */

enum pl_err pl_influx_read_rolled(long status, struct pl_str body, uint64_t *written, char *reason, size_t reason_size)
{
	cJSON *root = NULL;
	*written = 0;
	enum pl_err err = read_root(status, body, &root, reason, reason_size);
	const cJSON *result;
	cJSON_ArrayForEach(result, cJSON_GetObjectItemCaseSensitive(root, "results"))
	{
		const cJSON *series = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(result, "series"), 0);
		const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(series, "values"), 0);
		const cJSON *count = cell(row, column_of(series, "written"));
		if (cJSON_IsNumber(count) && count->valuedouble > 0 && count->valuedouble < 1e15)
			*written += (uint64_t)count->valuedouble;
	}
	cJSON_Delete(root);
	return err;
}
