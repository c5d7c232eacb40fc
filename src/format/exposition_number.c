#include "format/exposition_number.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"

/* With fewer digits before the point, and at most two in the exponent, a number cannot exceed 1.8e308. */
enum { SAFE_DIGITS = 200 };

enum { NS_DIGITS = 9 };

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static bool is_end(char c)
{
	return c == '\n' || c == ' ' || c == '\t';
}

static const char *skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

static const char *token_end(const char *p)
{
	while (!is_end(*p))
		p++;
	return p;
}

static bool word_is(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

/* `Inf`, `Infinity` and `NaN`. */
static bool word_class(struct pl_str s, enum pl_value_class *value_class)
{
	if (word_is(s.p, s.n, "nan")) {
		*value_class = PL_VALUE_NAN;
		return true;
	}
	bool sign = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
	const char *p = s.p + sign;
	if (!word_is(p, s.n - sign, "inf") && !word_is(p, s.n - sign, "infinity"))
		return false;
	*value_class = sign && s.p[0] == '-' ? PL_VALUE_NEG_INF : PL_VALUE_INF;
	return true;
}

/* True when the text is a decimal number; `*plain` when it has the shape [-]digits[.digits][e[+-]digits]. */
static bool decimal_shape(struct pl_str s, bool *plain)
{
	const char *p = s.p, *end = s.p + s.n;
	*plain = *p != '+';
	if (*p == '+' || *p == '-')
		p++;
	const char *start = p;
	p = skip_digits(p);
	size_t before = (size_t)(p - start), after = 0;
	if (*p == '.') {
		start = ++p;
		p = skip_digits(p);
		after = (size_t)(p - start);
		*plain = *plain && after > 0;
	}
	if (before + after == 0)
		return false;
	*plain = *plain && before > 0;
	if (*p == 'e' || *p == 'E') {
		*plain = *plain && *p == 'e';
		p++;
		if (*p == '+' || *p == '-')
			p++;
		start = p;
		p = skip_digits(p);
		if (p == start)
			return false;
	}
	return p == end;
}

/* strtod reads its own kinds of numbers and needs a NUL: only for text of decimal_shape. */
static double decimal_value(struct pl_str s)
{
	char copy[PL_EXPOSITION_NUMBER_MAX + 1];
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return strtod(copy, NULL);
}

static const char *scan_rare(const char *p, enum pl_value_class *value_class, double *number)
{
	struct pl_str s = {p, (size_t)(token_end(p) - p)};
	if (s.n == 0 || s.n > PL_EXPOSITION_NUMBER_MAX)
		return NULL;
	if (word_class(s, value_class))
		return s.p + s.n;
	bool plain;
	if (!decimal_shape(s, &plain))
		return NULL;
	double v = decimal_value(s);
	if (isinf(v)) {
		*value_class = v < 0 ? PL_VALUE_NEG_INF : PL_VALUE_INF;
	} else {
		*value_class = plain ? PL_VALUE_PLAIN : PL_VALUE_ODD;
		*number = v;
	}
	return s.p + s.n;
}

const char *pl_exposition_number_scan(const char *p, enum pl_value_class *value_class, double *number)
{
	const char *start = p + (*p == '-');
	const char *at = skip_digits(start);
	if (at == start || at - start > SAFE_DIGITS)
		return scan_rare(p, value_class, number);
	if (*at == '.') {
		const char *fraction = ++at;
		at = skip_digits(at);
		if (at == fraction)
			return scan_rare(p, value_class, number);
	}
	if (*at == 'e') {
		at++;
		at += *at == '+' || *at == '-';
		const char *exponent = at;
		at = skip_digits(at);
		if (at == exponent || at - exponent > 2)
			return scan_rare(p, value_class, number);
	}
	if (!is_end(*at) || at - p > PL_EXPOSITION_NUMBER_MAX)
		return scan_rare(p, value_class, number);
	*value_class = PL_VALUE_PLAIN;
	return at;
}

bool pl_exposition_number_of(struct pl_str text, double *number)
{
	char copy[PL_EXPOSITION_NUMBER_MAX + 1];
	if (text.n == 0 || text.n > PL_EXPOSITION_NUMBER_MAX)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\n';
	enum pl_value_class value_class;
	if (pl_exposition_number_scan(copy, &value_class, number) != copy + text.n)
		return false;
	switch (value_class) {
	case PL_VALUE_PLAIN:
		*number = decimal_value(text);
		break;
	case PL_VALUE_ODD:
		break;
	case PL_VALUE_NAN:
		*number = NAN;
		break;
	case PL_VALUE_INF:
		*number = INFINITY;
		break;
	case PL_VALUE_NEG_INF:
		*number = -INFINITY;
		break;
	}
	return true;
}

static int64_t saturated(bool negative, bool fits, uint64_t magnitude)
{
	if (!fits || magnitude > (uint64_t)INT64_MAX)
		return negative ? INT64_MIN : INT64_MAX;
	return negative ? -(int64_t)magnitude : (int64_t)magnitude;
}

const char *pl_exposition_time_ms(const char *p, int64_t *ns)
{
	bool sign = *p == '+' || *p == '-';
	const char *start = p + sign, *end = skip_digits(start);
	int64_t ms;
	if (end == start || !is_end(*end))
		return NULL;
	const char *from = *p == '+' ? start : p;
	if (!pl_str_i64((struct pl_str){from, (size_t)(end - from)}, &ms))
		return NULL;
	if (__builtin_mul_overflow(ms, PL_NS_PER_MS, ns))
		*ns = ms < 0 ? INT64_MIN : INT64_MAX;
	return end;
}

/* The exponent at `p`; far beyond what can matter it stops growing. */
static const char *scan_exponent(const char *p, int64_t *exponent)
{
	enum { ENOUGH = 1000000000 };
	bool negative = *p == '-';
	p += *p == '-' || *p == '+';
	const char *start = p;
	int64_t v = 0;
	for (; is_digit(*p); p++)
		if (v < ENOUGH)
			v = v * 10 + (*p - '0');
	*exponent = negative ? -v : v;
	return p == start ? NULL : p;
}

const char *pl_exposition_time_seconds(const char *p, int64_t *ns)
{
	bool negative = *p == '-';
	const char *start = p + (*p == '-' || *p == '+');
	const char *point = skip_digits(start), *digits_end = point;
	if (*point == '.')
		digits_end = skip_digits(point + 1);
	const char *end = digits_end;
	int64_t exponent = 0;
	if (digits_end - start - (*point == '.') == 0)
		return NULL;
	if (*end == 'e' || *end == 'E')
		end = scan_exponent(end + 1, &exponent);
	if (end == NULL || !is_end(*end))
		return NULL;

	/* Digits before `wanted` are whole nanoseconds; the rest is cut off. */
	int64_t wanted = (int64_t)(point - start) + exponent + NS_DIGITS, seen = 0;
	uint64_t v = 0;
	bool fits = true;
	for (const char *d = start; d < digits_end && seen < wanted; d++) {
		if (d == point)
			continue;
		seen++;
		fits = fits && !__builtin_mul_overflow(v, 10U, &v) && !__builtin_add_overflow(v, (uint64_t)(*d - '0'), &v);
	}
	for (; v > 0 && fits && seen < wanted; seen++)
		fits = !__builtin_mul_overflow(v, 10U, &v);
	*ns = saturated(negative, fits, v);
	return end;
}
