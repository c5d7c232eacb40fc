#include "format/lineproto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TAGS = 512, LONGEST_NUMBER = 1200 };

/* Where the line is being read, and what was wrong. */
struct reader {
	const char *p;
	size_t n, i;
	const char *reason;
};

static bool fail(struct reader *r, size_t at, const char *reason)
{
	r->i = at;
	r->reason = reason;
	return false;
}

static bool at_end(const struct reader *r)
{
	return r->i >= r->n;
}

/* Goes on to the first of `stops` that has no backslash before it, or to the end. InfluxDB looks at the one byte before, so `\\,`
 * is an escaped comma behind a backslash. Its other passes count backslashes in pairs: where these disagree over one of `pairs`,
 * the line is refused. */
static bool skip_name(struct reader *r, const char *stops, const char *pairs)
{
	size_t start = r->i, backslashes = 0;
	for (; r->i < r->n; r->i++) {
		char c = r->p[r->i];
		if (c == '\\') {
			backslashes++;
			continue;
		}
		if (c == '\n')
			return fail(r, r->i, "line break in a name");
		if (c == '\0') /* strchr would find it in every set */
			backslashes = 0;
		if (backslashes > 0 && backslashes % 2 == 0 && c != '\0' && strchr(pairs, c) != NULL)
			return fail(r, r->i, "backslash before an escaped character");
		if (backslashes == 0 && r->i > start && c != '\0' && strchr(stops, c) != NULL)
			return true;
		backslashes = 0;
	}
	return true;
}

static struct pl_str since(const struct reader *r, size_t start)
{
	return (struct pl_str){r->p + start, r->i - start};
}

static bool read_measurement(struct reader *r, struct pl_lp_line *out)
{
	while (!at_end(r) && (r->p[r->i] == ' ' || r->p[r->i] == '\t'))
		r->i++;
	size_t start = r->i;
	if (at_end(r))
		return fail(r, start, "empty line");
	if (r->p[start] == '#')
		return fail(r, start, "a comment, not a point");
	if (r->p[start] == ',')
		return fail(r, start, "missing measurement");
	if (!skip_name(r, ", ", " "))
		return false;
	out->measurement = since(r, start);
	if (!pl_str_utf8(out->measurement))
		return fail(r, start, "measurement is not UTF-8");
	if (at_end(r))
		return fail(r, r->i, "missing fields");
	return true;
}

/* The duplicate among unsorted tags, if there is one. */
static bool has_duplicate(struct pl_str tags)
{
	struct pl_str keys[MOST_TAGS], rest = tags, value;
	for (size_t n = 0; n < MOST_TAGS && pl_lp_next_pair(&rest, &keys[n], &value); n++)
		for (size_t i = 0; i < n; i++)
			if (pl_str_eq(keys[i], keys[n]))
				return true;
	return false;
}

static bool read_tags(struct reader *r, struct pl_lp_line *out)
{
	size_t start = r->i + 1, n = 0;
	struct pl_str last = {NULL, 0};
	bool sorted = true;
	while (r->p[r->i] == ',') {
		size_t key_start = ++r->i;
		if (n++ == MOST_TAGS)
			return fail(r, key_start, "more than 512 tags");
		if (at_end(r) || strchr(" ,=", r->p[r->i]) != NULL)
			return fail(r, r->i, "missing tag key");
		if (!skip_name(r, " ,=", " "))
			return false;
		struct pl_str key = since(r, key_start);
		if (at_end(r) || r->p[r->i] != '=')
			return fail(r, r->i, "missing tag value");
		if (pl_str_is(key, "time"))
			return fail(r, key_start, "a tag must not be named time");
		r->i++;
		if (at_end(r) || strchr(" ,", r->p[r->i]) != NULL)
			return fail(r, r->i, "missing tag value");
		if (r->p[r->i] == '=')
			return fail(r, r->i, "= in a tag value needs a backslash");
		if (!skip_name(r, " ,=", " "))
			return false;
		if (at_end(r))
			return fail(r, r->i, "missing fields");
		if (r->p[r->i] == '=')
			return fail(r, r->i, "= in a tag value needs a backslash");
		sorted = sorted && (n == 1 || pl_str_cmp(last, key) < 0);
		last = key;
	}
	out->tags = since(r, start);
	if (!sorted && has_duplicate(out->tags))
		return fail(r, start - 1, "duplicate tags");
	return true;
}

/* Behind the closing quote, or false. */
static bool skip_string(struct reader *r)
{
	size_t start = r->i;
	for (r->i++; r->i < r->n; r->i++) {
		if (r->p[r->i] == '\\')
			r->i++;
		else if (r->p[r->i] == '"') {
			r->i++;
			return true;
		}
	}
	return fail(r, start, "string without its closing quote");
}

static bool read_value(struct reader *r)
{
	size_t start = r->i;
	if (at_end(r) || r->p[r->i] == ',' || r->p[r->i] == ' ')
		return fail(r, r->i, "missing field value");
	if (r->p[r->i] == '"') {
		if (!skip_string(r))
			return false;
	} else {
		while (!at_end(r) && r->p[r->i] != ',' && r->p[r->i] != ' ')
			r->i++;
		enum pl_lp_type type;
		double number;
		if (pl_lp_value(since(r, start), &type, &number) != PL_OK)
			return fail(r, start, "field value is no number, boolean or string");
	}
	if (!at_end(r) && r->p[r->i] != ',' && r->p[r->i] != ' ')
		return fail(r, r->i, "text behind the closing quote");
	return true;
}

static bool read_fields(struct reader *r, struct pl_lp_line *out)
{
	while (!at_end(r) && r->p[r->i] == ' ')
		r->i++;
	size_t start = r->i;
	if (at_end(r))
		return fail(r, start, "missing fields");
	for (;; r->i++) {
		size_t key_start = r->i;
		if (at_end(r) || strchr(" ,=", r->p[r->i]) != NULL)
			return fail(r, r->i, "missing field key");
		if (!skip_name(r, " ,=", " ,="))
			return false;
		struct pl_str key = since(r, key_start);
		if (at_end(r) || r->p[r->i] != '=')
			return fail(r, r->i, "missing field value");
		if (pl_str_is(key, "time"))
			return fail(r, key_start, "a field must not be named time");
		if (!pl_str_utf8(key))
			return fail(r, key_start, "field key is not UTF-8");
		if (!pl_lp_key_fits(out->series.n, key.n))
			return fail(r, key_start, "series key too long");
		r->i++;
		if (!read_value(r))
			return false;
		if (at_end(r) || r->p[r->i] != ',')
			break;
	}
	out->fields = since(r, start);
	return true;
}

static bool read_time(struct reader *r, struct pl_lp_line *out)
{
	while (!at_end(r) && r->p[r->i] == ' ')
		r->i++;
	size_t start = r->i;
	while (!at_end(r) && r->p[r->i] != ' ')
		r->i++;
	struct pl_str text = since(r, start);
	while (!at_end(r) && r->p[r->i] == ' ')
		r->i++;
	if (!at_end(r))
		return fail(r, r->i, "text behind the time");
	if (text.n == 0)
		return true;
	if (!pl_str_i64(text, &out->time_ns))
		return fail(r, start, "time is no integer of 64 bits");
	if (!pl_lp_time_fits(out->time_ns))
		return fail(r, start, "time is out of range");
	out->has_time = true;
	return true;
}

enum pl_err pl_lp_parse(struct pl_str line, struct pl_lp_line *out, size_t *column, const char **reason)
{
	struct reader r = {.p = line.p, .n = line.n};
	*out = (struct pl_lp_line){0};
	bool good = read_measurement(&r, out);
	if (good && r.p[r.i] == ',')
		good = read_tags(&r, out);
	if (good) {
		out->series = (struct pl_str){out->measurement.p, (size_t)(r.p + r.i - out->measurement.p)};
		good = read_fields(&r, out) && read_time(&r, out);
	}
	if (good)
		return PL_OK;
	*column = r.i + 1;
	*reason = r.reason;
	return PL_EPARSE;
}

/* Cuts `*rest` at its first `sep` that has no backslash before it. */
static struct pl_str cut_escaped(struct pl_str *rest, char sep)
{
	for (size_t i = 0; i < rest->n; i++)
		if (rest->p[i] == sep && (i == 0 || rest->p[i - 1] != '\\')) {
			struct pl_str before = {rest->p, i};
			*rest = (struct pl_str){rest->p + i + 1, rest->n - i - 1};
			return before;
		}
	struct pl_str all = *rest;
	*rest = (struct pl_str){NULL, 0};
	return all;
}

bool pl_lp_next_pair(struct pl_str *rest, struct pl_str *key, struct pl_str *value)
{
	if (rest->n == 0)
		return false;
	*key = cut_escaped(rest, '=');
	*value = cut_escaped(rest, ',');
	return true;
}

bool pl_lp_next_field(struct pl_str *rest, struct pl_str *key, struct pl_str *value)
{
	if (rest->n == 0)
		return false;
	*key = cut_escaped(rest, '=');
	if (rest->n == 0 || rest->p[0] != '"') {
		*value = pl_str_cut(rest, ',');
		return true;
	}
	struct reader r = {.p = rest->p, .n = rest->n};
	if (!skip_string(&r))
		r.i = r.n;
	*value = since(&r, 0);
	*rest = r.i < r.n ? (struct pl_str){rest->p + r.i + 1, rest->n - r.i - 1} : (struct pl_str){NULL, 0};
	return true;
}

static size_t digits_at(struct pl_str s, size_t i)
{
	size_t start = i;
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - start;
}

/* -? (digits [. digits*] | . digits) ([eE] [+-]? digits)? */
static bool is_float(struct pl_str s)
{
	size_t i = s.n > 0 && s.p[0] == '-';
	size_t whole = digits_at(s, i), fraction = 0;
	i += whole;
	if (i < s.n && s.p[i] == '.') {
		fraction = digits_at(s, ++i);
		i += fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		size_t exponent = digits_at(s, i);
		if (exponent == 0)
			return false;
		i += exponent;
	}
	return i == s.n;
}

static bool is_boolean(struct pl_str s)
{
	static const char *const forms[] = {"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (pl_str_is(s, forms[i]))
			return true;
	return false;
}

static bool is_string(struct pl_str s)
{
	struct reader r = {.p = s.p, .n = s.n};
	return s.n > 0 && s.p[0] == '"' && skip_string(&r) && r.i == s.n;
}

enum pl_err pl_lp_value(struct pl_str value, enum pl_lp_type *type, double *number)
{
	if (is_string(value)) {
		*type = PL_LP_STRING;
		return PL_OK;
	}
	if (is_boolean(value)) {
		*type = PL_LP_BOOLEAN;
		return PL_OK;
	}
	if (value.n > 1 && value.p[value.n - 1] == 'i') {
		int64_t integer;
		if (!pl_str_i64((struct pl_str){value.p, value.n - 1}, &integer))
			return PL_EPARSE;
		*type = PL_LP_INTEGER;
		*number = (double)integer;
		return PL_OK;
	}
	char text[LONGEST_NUMBER + 1];
	if (value.n > LONGEST_NUMBER || !is_float(value))
		return PL_EPARSE;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	double v = strtod(text, NULL);
	if (!isfinite(v))
		return PL_EPARSE;
	*type = PL_LP_FLOAT;
	*number = v;
	return PL_OK;
}
