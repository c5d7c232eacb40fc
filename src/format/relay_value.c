#include "format/relay_value.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "format/json_out.h"

enum { PLAIN_MAX = 300, TEXT_MAX = 1100 }; /* PLAIN_MAX digits fit a double whatever they are */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* -?D+(.D+)? */
static bool is_plain(struct pl_str s)
{
	const char *p = s.p, *end = s.p + s.n;
	if (s.n == 0 || s.n > PLAIN_MAX)
		return false;
	p += *p == '-';
	const char *digits = p;
	while (p < end && is_digit(*p))
		p++;
	if (p == digits)
		return false;
	if (p == end)
		return true;
	digits = p + 1;
	if (*p++ != '.')
		return false;
	while (p < end && is_digit(*p))
		p++;
	return p == end && p > digits;
}

static bool is_word(struct pl_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool is_odd(struct pl_str s)
{
	struct pl_str unsigned_part = s;
	if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-'))
		unsigned_part = (struct pl_str){s.p + 1, s.n - 1};
	return is_word(s, "nan") || is_word(unsigned_part, "inf") || is_word(unsigned_part, "infinity");
}

struct shape {
	const char *p, *end;
	char *w;     /* the text without its `_` */
	char before; /* '0': a digit or 0x, '_', '!': anything else */
};

/* Takes digits and `_`, which must stand between digits (0x counts as one). How many digits, or -1. */
static int take_digits(struct shape *s, bool hex)
{
	int n = 0;
	for (; s->p < s->end; s->p++) {
		if (*s->p == '_') {
			if (s->before != '0')
				return -1;
			s->before = '_';
			continue;
		}
		if (!(hex ? is_hex(*s->p) : is_digit(*s->p)))
			break;
		s->before = '0';
		*s->w++ = *s->p;
		n++;
	}
	return s->before == '_' ? -1 : n;
}

static void take(struct shape *s)
{
	s->before = '!';
	*s->w++ = *s->p++;
}

static bool take_exponent(struct shape *s, bool hex)
{
	if (s->p == s->end || (*s->p | 0x20) != (hex ? 'p' : 'e'))
		return s->p == s->end && !hex; /* a hexadecimal number must have one */
	take(s);
	if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
		take(s);
	return take_digits(s, false) > 0 && s->p == s->end;
}

/* Is it of a number's shape? Copies it without `_`. */
static bool take_number(struct pl_str text, char *copy)
{
	struct shape s = {text.p, text.p + text.n, copy, '!'};
	if (s.p < s.end && (*s.p == '+' || *s.p == '-'))
		take(&s);
	bool hex = s.end - s.p >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
	if (hex) {
		take(&s);
		take(&s);
		s.before = '0';
	}
	int whole = take_digits(&s, hex), fraction = 0;
	if (whole < 0)
		return false;
	if (s.p < s.end && *s.p == '.') {
		take(&s);
		fraction = take_digits(&s, hex);
	}
	if (fraction < 0 || whole + fraction == 0 || !take_exponent(&s, hex))
		return false;
	*s.w = '\0';
	return true;
}

enum pl_relay_value pl_relay_value_add(struct pl_str text, struct pl_buf *out)
{
	char copy[TEXT_MAX + 1];
	if (is_plain(text)) {
		pl_buf_add_str(out, text);
		return PL_RELAY_VALUE_FINITE;
	}
	if (text.n == 0 || text.n > TEXT_MAX)
		return PL_RELAY_VALUE_BAD;
	if (is_odd(text))
		return PL_RELAY_VALUE_ODD;
	if (!take_number(text, copy))
		return PL_RELAY_VALUE_BAD;
	double v = strtod(copy, NULL);
	if (!isfinite(v))
		return PL_RELAY_VALUE_BAD;
	pl_json_add_double(out, v);
	return PL_RELAY_VALUE_FINITE;
}
