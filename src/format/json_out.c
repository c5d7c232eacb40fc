#include "format/json_out.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 31 };

/* Puts the comma before a member, if it needs one. Values at depth 0 stand alone. */
static void before(struct pl_json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	uint32_t bit = UINT32_C(1) << j->depth;
	if (j->depth > 0 && (j->filled & bit) != 0)
		pl_buf_add_char(j->out, ',');
	j->filled |= bit;
}

static void begin(struct pl_json *j, char c)
{
	assert(j->depth < DEEPEST);
	before(j);
	pl_buf_add_char(j->out, c);
	j->depth++;
	j->filled &= ~(UINT32_C(1) << j->depth);
}

static void end(struct pl_json *j, char c)
{
	assert(j->depth > 0 && !j->after_key);
	j->depth--;
	pl_buf_add_char(j->out, c);
}

void pl_json_object_begin(struct pl_json *j)
{
	begin(j, '{');
}

void pl_json_object_end(struct pl_json *j)
{
	end(j, '}');
}

void pl_json_array_begin(struct pl_json *j)
{
	begin(j, '[');
}

void pl_json_array_end(struct pl_json *j)
{
	end(j, ']');
}

void pl_json_key_str(struct pl_json *j, struct pl_str key)
{
	assert(!j->after_key);
	before(j);
	pl_json_add_quoted(j->out, key);
	pl_buf_add_char(j->out, ':');
	j->after_key = true;
}

void pl_json_key(struct pl_json *j, const char *key)
{
	pl_json_key_str(j, pl_str_of(key));
}

void pl_json_str(struct pl_json *j, struct pl_str s)
{
	before(j);
	pl_json_add_quoted(j->out, s);
}

void pl_json_cstr(struct pl_json *j, const char *s)
{
	if (s == NULL)
		pl_json_null(j);
	else
		pl_json_str(j, pl_str_of(s));
}

void pl_json_i64(struct pl_json *j, int64_t v)
{
	before(j);
	pl_buf_add_i64(j->out, v);
}

void pl_json_u64(struct pl_json *j, uint64_t v)
{
	before(j);
	pl_buf_add_u64(j->out, v);
}

void pl_json_double(struct pl_json *j, double v)
{
	before(j);
	pl_json_add_double(j->out, v);
}

void pl_json_bool(struct pl_json *j, bool v)
{
	before(j);
	pl_buf_add_cstr(j->out, v ? "true" : "false");
}

void pl_json_null(struct pl_json *j)
{
	before(j);
	pl_buf_add_cstr(j->out, "null");
}

void pl_json_raw(struct pl_json *j, struct pl_str json)
{
	before(j);
	pl_buf_add_str(j->out, json);
}

/* The escape of a byte below 0x80; NULL when it stands for itself. */
static const char *escape_of(unsigned char c, char room[8])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		if (c >= 0x20 && c != '<' && c != '>' && c != '&')
			return NULL;
		snprintf(room, 8, "\\u%04x", c);
		return room;
	}
}

void pl_json_add_quoted(struct pl_buf *out, struct pl_str s)
{
	pl_buf_add_char(out, '"');
	size_t plain = 0; /* where the run begins that needs no escape */
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i];
		char room[8];
		const char *escape = NULL;
		size_t k = 1;
		if (c < 0x80) {
			escape = escape_of(c, room);
		} else {
			k = pl_utf8_length(s.p + i, s.n - i);
			if (k == 0) {
				escape = "\\ufffd";
				k = 1;
			} else if (k == 3 && memcmp(s.p + i, "\xE2\x80", 2) == 0 && ((unsigned char)s.p[i + 2] & 0xFE) == 0xA8) {
				/* U+2028 and U+2029 end a line in JavaScript before 2019 */
				escape = (unsigned char)s.p[i + 2] == 0xA8 ? "\\u2028" : "\\u2029";
			}
		}
		i += k;
		if (escape != NULL) {
			pl_buf_add(out, s.p + plain, i - k - plain);
			pl_buf_add_cstr(out, escape);
			plain = i;
		}
	}
	if (s.n > plain)
		pl_buf_add(out, s.p + plain, s.n - plain);
	pl_buf_add_char(out, '"');
}

/* The shortest digits of |v| (no trailing zeros) and the exponent of the first one. */
static size_t shortest_digits(double v, char digits[24], int *exponent)
{
	char text[40];
	/* Every decimal of 15 digits survives a normal double, so fewer need not be tried; a subnormal has less precision. */
	for (int precision = fabs(v) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
		snprintf(text, sizeof text, "%.*e", precision - 1, fabs(v));
		if (strtod(text, NULL) == fabs(v))
			break;
	}
	size_t n = 0;
	const char *p = text;
	for (; *p != 'e'; p++)
		if (*p != '.')
			digits[n++] = *p;
	*exponent = (int)strtol(p + 1, NULL, 10);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

static void add_zeros(struct pl_buf *out, int n)
{
	for (int i = 0; i < n; i++)
		pl_buf_add_char(out, '0');
}

static void add_mantissa(struct pl_buf *out, const char *digits, size_t n)
{
	pl_buf_add_char(out, digits[0]);
	if (n > 1) {
		pl_buf_add_char(out, '.');
		pl_buf_add(out, digits + 1, n - 1);
	}
}

/* Without an exponent. */
static void add_plain(struct pl_buf *out, const char *digits, size_t n, int exponent)
{
	if (exponent < 0) {
		pl_buf_add_cstr(out, "0.");
		add_zeros(out, -exponent - 1);
		pl_buf_add(out, digits, n);
	} else if (n <= (size_t)exponent + 1) {
		pl_buf_add(out, digits, n);
		add_zeros(out, exponent + 1 - (int)n);
	} else {
		pl_buf_add(out, digits, (size_t)exponent + 1);
		pl_buf_add_char(out, '.');
		pl_buf_add(out, digits + exponent + 1, n - (size_t)exponent - 1);
	}
}

void pl_json_add_double(struct pl_buf *out, double v)
{
	enum { EXACT_INTEGERS_BELOW = 1000000000 };
	if (!isfinite(v)) {
		pl_buf_add_cstr(out, "null");
		return;
	}
	if (v == (double)(int)fmax(fmin(v, EXACT_INTEGERS_BELOW), -EXACT_INTEGERS_BELOW) && !(v == 0 && signbit(v))) {
		pl_buf_add_i64(out, (int64_t)v);
		return;
	}
	char digits[24];
	int exponent;
	size_t n = shortest_digits(v, digits, &exponent);
	if (signbit(v))
		pl_buf_add_char(out, '-');
	if (v != 0 && (fabs(v) < 1e-6 || fabs(v) >= 1e21)) {
		add_mantissa(out, digits, n);
		pl_buf_addf(out, "e%+d", exponent);
	} else {
		add_plain(out, digits, n, exponent);
	}
}

void pl_add_double_g(struct pl_buf *out, double v)
{
	enum { LEAST_EXPONENT = -4, EXPONENT_BEYOND = 6 };
	if (!isfinite(v)) {
		pl_buf_add_cstr(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	char digits[24];
	int exponent;
	size_t n = shortest_digits(v, digits, &exponent);
	if (signbit(v))
		pl_buf_add_char(out, '-');
	if (v != 0 && (exponent < LEAST_EXPONENT || exponent >= EXPONENT_BEYOND)) {
		add_mantissa(out, digits, n);
		pl_buf_addf(out, "e%+03d", exponent);
	} else {
		add_plain(out, digits, n, exponent);
	}
}
