#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "format/regex.h"

enum { MAX_REPEAT = 1000 }; /* RE2's */

struct scan {
	struct pl_buf *out;
	struct pl_str s;
	size_t i; /* the next byte */
	char *reason;
	size_t reason_size;
};

static bool refuse(struct scan *c, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(struct scan *c, size_t at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(c->reason, c->reason_size, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < c->reason_size)
		snprintf(c->reason + n, c->reason_size - (size_t)n, " (at character %zu of the pattern)", at + 1);
	return false;
}

static char peek(const struct scan *c, size_t ahead)
{
	return c->i + ahead < c->s.n ? c->s.p[c->i + ahead] : '\0';
}

static bool at_word(const struct scan *c, const char *word)
{
	size_t n = strlen(word);
	return c->s.n - c->i >= n && memcmp(c->s.p + c->i, word, n) == 0;
}

static void copy(struct scan *c, size_t n)
{
	pl_buf_add(c->out, c->s.p + c->i, n);
	c->i += n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* \x7F or \x{10FFFF}; c->i is at the backslash. */
static bool scan_hex(struct scan *c)
{
	size_t n = 2;
	if (peek(c, 2) == '{') {
		for (n = 3; is_hex(peek(c, n)); n++)
			;
		if (n == 3 || peek(c, n) != '}')
			return refuse(c, c->i, "\\x{ wants hexadecimal digits and }");
		n++;
	} else {
		if (!is_hex(peek(c, 2)) || !is_hex(peek(c, 3)))
			return refuse(c, c->i, "\\x wants two hexadecimal digits, or braces");
		n = 4;
	}
	copy(c, n);
	return true;
}

/* \pL, \PL, \p{Greek}, \p{^Greek}. PCRE2 has more names than RE2; those of its own making begin with X. */
static bool scan_property(struct scan *c)
{
	size_t n = 3;
	if (peek(c, 2) == '{') {
		n += peek(c, 3) == '^';
		size_t begin = n;
		while (is_letter(peek(c, n)) || peek(c, n) == '_')
			n++;
		if (n == begin || peek(c, n) != '}' || peek(c, begin) == 'X')
			return refuse(c, c->i, "\\p wants the name of a category or a script, as in \\p{Lu} or \\p{Greek}");
		n++;
	} else if (strchr("CLMNPSZ", peek(c, 2)) == NULL || peek(c, 2) == '\0') {
		return refuse(c, c->i, "\\p wants one of C, L, M, N, P, S, Z or a name in braces");
	}
	copy(c, n);
	return true;
}

static const char *reason_of_escape(char e)
{
	switch (e) {
	case 'k':
	case 'g':
		return "back-references are not portable: RE2 has none";
	case 'K':
		return "\\K is not portable: RE2 does not have it";
	case 'C':
		return "\\C is not portable: a pattern takes characters, not bytes";
	case 'Z':
		return "\\Z is not portable: write \\z, or nothing, for the pattern is anchored anyway";
	case 'G':
		return "\\G is not portable: RE2 does not have it";
	case 'h':
		return "\\h is not portable: write [ \\t]";
	case 'R':
		return "\\R is not portable: write (?:\\r\\n|\\n|\\r)";
	default:
		return NULL;
	}
}

/* An escape sequence, in a class or not. *set: it stands for a set of characters. */
static bool scan_escape(struct scan *c, bool in_class, bool *set)
{
	static const char spaces[] = "\\t\\n\\f\\r\\x20", others[] = "\\x00-\\x08\\x0b\\x0e-\\x1f\\x21-\\x{10ffff}";
	size_t at = c->i;
	char e = peek(c, 1);
	*set = false;
	if (at + 1 >= c->s.n)
		return refuse(c, at, "a backslash at the end");
	switch (e) {
	case 's': /* PCRE2 counts the vertical tab among these */
	case 'S':
		*set = true;
		pl_buf_addf(c->out, in_class ? "%s" : "[%s]", e == 's' ? spaces : others);
		c->i += 2;
		return true;
	case 'v': /* PCRE2 takes it for any vertical space */
		pl_buf_add_cstr(c->out, "\\x0b");
		c->i += 2;
		return true;
	case 'd':
	case 'D':
	case 'w':
	case 'W':
		*set = true;
		copy(c, 2);
		return true;
	case 'a':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		copy(c, 2);
		return true;
	case 'p':
	case 'P':
		*set = true;
		return scan_property(c);
	case 'x':
		return scan_hex(c);
	case '0':
		copy(c, 2);
		for (int n = 0; n < 2 && peek(c, 0) >= '0' && peek(c, 0) <= '7'; n++)
			copy(c, 1);
		return true;
	case 'b':
	case 'B':
	case 'A':
	case 'z':
		if (in_class)
			return refuse(c, at, "\\%c cannot stand in a class", e);
		copy(c, 2);
		return true;
	default:
		break;
	}
	if (is_digit(e))
		return refuse(c, at, "back-references are not portable: RE2 has none");
	if (reason_of_escape(e) != NULL)
		return refuse(c, at, "%s", reason_of_escape(e));
	if (is_letter(e))
		return refuse(c, at, "\\%c means nothing to RE2", e);
	if ((unsigned char)e >= 0x80 || (unsigned char)e < 0x20)
		return refuse(c, at, "a backslash before a character that needs none");
	if (e == '_') {
		pl_buf_add_char(c->out, '_');
		c->i += 2;
	} else {
		copy(c, 2);
	}
	return true;
}

/* [:alpha:], [:^alpha:]; c->i is at the bracket. The length, 0: it is none; SIZE_MAX: a name that RE2 does not know. */
static size_t posix_length(const struct scan *c)
{
	static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
					    "lower", "print", "punct", "space", "upper", "word",  "xdigit"};
	size_t begin = 2 + (peek(c, 2) == '^'), n = begin;
	if (peek(c, 1) != ':')
		return 0;
	while (is_letter(peek(c, n)))
		n++;
	if (peek(c, n) != ':' || peek(c, n + 1) != ']')
		return 0;
	struct pl_str name = {c->s.p + c->i + begin, n - begin};
	for (size_t i = 0; i < PL_COUNT_OF(names); i++)
		if (pl_str_is(name, names[i]))
			return n + 2;
	return SIZE_MAX;
}

static bool scan_class(struct scan *c)
{
	size_t begin = c->i;
	copy(c, peek(c, 1) == '^' ? 2 : 1);
	if (peek(c, 0) == ']') {
		pl_buf_add_char(c->out, '\\');
		copy(c, 1);
	}
	bool set = false;
	while (c->i < c->s.n && c->s.p[c->i] != ']') {
		char ch = c->s.p[c->i];
		bool was_set = set;
		set = false;
		if (ch == '\\') {
			if (!scan_escape(c, true, &set))
				return false;
		} else if (ch == '[') {
			size_t n = posix_length(c);
			if (n == SIZE_MAX)
				return refuse(c, c->i, "there is no such class as between [: and :]");
			if (n > 0) {
				set = true;
				copy(c, n);
			} else {
				pl_buf_add_char(c->out, '\\');
				copy(c, 1);
			}
		} else if (ch == '-' && was_set) { /* [\w-.]: no range, and PCRE2 wants to be told */
			pl_buf_add_char(c->out, '\\');
			copy(c, 1);
		} else {
			copy(c, 1);
		}
	}
	if (c->i >= c->s.n)
		return refuse(c, begin, "a class that begins with [ lacks its ]");
	copy(c, 1);
	return true;
}

/* (?i), (?i-s:, (?: */
static bool scan_flags(struct scan *c)
{
	size_t n = 2, flags = 0;
	bool minus = false;
	for (;; n++) {
		char f = peek(c, n);
		if (f == '-' && !minus) {
			minus = true;
			flags = 0;
		} else if (f != '\0' && strchr("imsU", f) != NULL) {
			flags++;
		} else {
			break;
		}
	}
	if ((peek(c, n) != ':' && (peek(c, n) != ')' || n == 2)) || (minus && flags == 0))
		return refuse(c, c->i, "RE2 knows no group that begins like this; of flags there are i, m, s and U");
	copy(c, n + 1);
	return true;
}

static bool scan_group(struct scan *c)
{
	static const struct {
		const char *begins, *reason;
	} refused[] = {
	    {"(*", "verbs are not portable: RE2 has none"},
	    {"(?=", "look-ahead is not portable: RE2 has none"},
	    {"(?!", "look-ahead is not portable: RE2 has none"},
	    {"(?<=", "look-behind is not portable: RE2 has none"},
	    {"(?<!", "look-behind is not portable: RE2 has none"},
	    {"(?>", "atomic groups are not portable: RE2 has none"},
	    {"(?(", "conditionals are not portable: RE2 has none"},
	    {"(?C", "callouts are not portable: RE2 has none"},
	    {"(?#", "comments are not portable: RE2 has none"},
	    {"(?|", "groups that share numbers are not portable: RE2 has none"},
	    {"(?R", "recursion is not portable: RE2 has none"},
	    {"(?&", "recursion is not portable: RE2 has none"},
	    {"(?P>", "recursion is not portable: RE2 has none"},
	    {"(?+", "recursion is not portable: RE2 has none"},
	    {"(?P=", "back-references are not portable: RE2 has none"},
	    {"(?'", "write (?P<name>...) for a group with a name"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(refused); i++)
		if (at_word(c, refused[i].begins))
			return refuse(c, c->i, "%s", refused[i].reason);
	if (peek(c, 1) != '?') {
		copy(c, 1);
		return true;
	}
	if (is_digit(peek(c, 2)) || (peek(c, 2) == '-' && is_digit(peek(c, 3))))
		return refuse(c, c->i, "recursion is not portable: RE2 has none");
	size_t n = at_word(c, "(?P<") ? 4 : at_word(c, "(?<") ? 3 : 0;
	if (n == 0)
		return scan_flags(c);
	size_t begin = n;
	while (is_letter(peek(c, n)) || is_digit(peek(c, n)) || peek(c, n) == '_')
		n++;
	if (n == begin || peek(c, n) != '>')
		return refuse(c, c->i, "a group's name is of letters, digits and _, and ends with >");
	copy(c, n + 1);
	return true;
}

static bool scan_number(const struct scan *c, size_t *n, unsigned *value)
{
	size_t begin = *n;
	*value = 0;
	for (; is_digit(peek(c, *n)); (*n)++)
		*value = *value <= MAX_REPEAT ? *value * 10 + (unsigned)(peek(c, *n) - '0') : *value;
	return *n > begin && (*n == begin + 1 || peek(c, begin) != '0');
}

/* The length of {2}, {2,} or {2,5}; 0: the brace is a character like others. */
static size_t repeat_length(const struct scan *c, unsigned *low, unsigned *high)
{
	size_t n = 1;
	if (!scan_number(c, &n, low))
		return 0;
	*high = *low;
	if (peek(c, n) == ',') {
		n++;
		if (peek(c, n) != '}' && !scan_number(c, &n, high))
			return 0;
	}
	return peek(c, n) == '}' ? n + 1 : 0;
}

/* *, +, ?, {2,5} and a ? behind them. `repeats`: there was one just before. */
static bool scan_repeat(struct scan *c, bool repeats, bool *repeated)
{
	size_t n = 1;
	unsigned low, high;
	*repeated = true;
	if (peek(c, 0) == '{' && (n = repeat_length(c, &low, &high)) == 0) {
		*repeated = false;
		pl_buf_add_char(c->out, '\\');
		copy(c, 1);
		return true;
	}
	if (repeats)
		return refuse(c, c->i,
			      peek(c, 0) == '+' ? "possessive repetition is not portable: RE2 has none"
						: "a repetition of a repetition: put the inner one between (?: and )");
	if (peek(c, 0) == '{' && (low > MAX_REPEAT || high > MAX_REPEAT))
		return refuse(c, c->i, "RE2 repeats at most %d times", MAX_REPEAT);
	copy(c, n);
	if (peek(c, 0) == '?' && c->i < c->s.n)
		copy(c, 1);
	return true;
}

/* \Q...\E: what stands between is meant as it is. */
static void scan_quoted(struct scan *c)
{
	c->i += 2;
	while (c->i < c->s.n && !at_word(c, "\\E")) {
		char ch = c->s.p[c->i];
		if ((unsigned char)ch < 0x80 && !is_letter(ch) && !is_digit(ch) && ch != '_')
			pl_buf_add_char(c->out, '\\');
		copy(c, 1);
	}
	c->i += c->i < c->s.n ? 2 : 0;
}

static bool scan(struct scan *c)
{
	bool repeated = false, unused;
	while (c->i < c->s.n) {
		bool repeats = repeated;
		repeated = false;
		switch (c->s.p[c->i]) {
		case '\\':
			if (at_word(c, "\\Q"))
				scan_quoted(c);
			else if (!scan_escape(c, false, &unused))
				return false;
			break;
		case '[':
			if (!scan_class(c))
				return false;
			break;
		case '(':
			if (!scan_group(c))
				return false;
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			if (!scan_repeat(c, repeats, &repeated))
				return false;
			break;
		default:
			copy(c, 1);
			break;
		}
	}
	return true;
}

enum pl_err pl_regex_translate(struct pl_buf *out, struct pl_str pattern, char *reason, size_t reason_size)
{
	if (pattern.n > PL_REGEX_MAX_PATTERN) {
		snprintf(reason, reason_size, "it has %zu bytes, the limit is %d", pattern.n, PL_REGEX_MAX_PATTERN);
		return PL_EINVAL;
	}
	if (!pl_str_utf8(pattern)) {
		snprintf(reason, reason_size, "it is not UTF-8");
		return PL_EINVAL;
	}
	struct scan c = {.out = out, .s = pattern, .reason = reason, .reason_size = reason_size};
	return scan(&c) ? PL_OK : PL_EINVAL;
}
