#include "format/selector.h"

#include <stdio.h>

#include "base/buf.h"

struct reader {
	struct pl_str text;
	size_t at;
	struct pl_buf value;
	char *reason;
	size_t reason_size;
};

static enum pl_err fail(const struct reader *r, enum pl_err err, const char *what)
{
	snprintf(r->reason, r->reason_size, "column %zu: %s", r->at + 1, what);
	return err;
}

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->text.n || r->text.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->text.n && strchr(" \t\r\n", r->text.p[r->at]) != NULL && r->text.p[r->at] != '\0')
		r->at++;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static enum pl_err read_name(struct reader *r, struct pl_str *out)
{
	size_t start = r->at;
	while (is_name_byte(peek(r)))
		r->at++;
	*out = (struct pl_str){r->text.p + start, r->at - start};
	if (pl_label_name_valid(*out))
		return PL_OK;
	r->at = start;
	return fail(r, PL_EPARSE, "expected the name of a label, as in {job=\"node\"}");
}

/* `=`, `!=`, `=~` or `!~`. */
static enum pl_err read_operator(struct reader *r, bool *differs, bool *matches)
{
	size_t start = r->at;
	*differs = take(r, '!');
	bool equal = take(r, '=');
	*matches = (equal != *differs) && take(r, '~');
	if (equal || *matches)
		return PL_OK;
	r->at = start + *differs;
	return fail(r, PL_EPARSE, "expected =, !=, =~ or !~");
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* `digits` digits of `base` as one byte. */
static bool take_byte(struct reader *r, int digits, int base)
{
	int v = 0;
	for (; digits > 0; digits--) {
		int d = digit_of(peek(r));
		if (d >= base)
			return false;
		v = v * base + d;
		r->at++;
	}
	if (v > 0xff)
		return false;
	pl_buf_add_char(&r->value, (char)v);
	return true;
}

static bool take_escape(struct reader *r)
{
	static const char names[] = "abfnrtv\\\"'", bytes[] = "\a\b\f\n\r\t\v\\\"'";
	char c = peek(r);
	if (c >= '0' && c <= '7')
		return take_byte(r, 3, 8);
	if (take(r, 'x'))
		return take_byte(r, 2, 16);
	const char *found = c != '\0' ? strchr(names, c) : NULL;
	if (found == NULL)
		return false;
	r->at++;
	pl_buf_add_char(&r->value, bytes[found - names]);
	return true;
}

static enum pl_err read_value(struct reader *r)
{
	char quote = peek(r);
	pl_buf_clear(&r->value);
	if (quote != '"' && quote != '\'' && quote != '`')
		return fail(r, PL_EPARSE, "expected a value in quotes, as in {job=\"node\"}");
	r->at++;
	while (r->at < r->text.n && r->text.p[r->at] != quote) {
		char c = r->text.p[r->at++];
		if (c != '\\' || quote == '`')
			pl_buf_add_char(&r->value, c);
		else if (!take_escape(r))
			return fail(r, PL_EPARSE, "not an escape; \\\\ is a backslash");
	}
	return take(r, quote) ? PL_OK : fail(r, PL_EPARSE, "the quotes do not close");
}

static enum pl_err compile(struct reader *r, struct pl_selector_term *term, size_t value_at)
{
	char why[128], text[192];
	if (pl_regex_create(&term->regex, pl_buf_str(&r->value), why, sizeof why) == PL_OK)
		return PL_OK;
	r->at = value_at;
	snprintf(text, sizeof text, "this pattern is wrong: %s", why);
	return fail(r, PL_EPARSE, text);
}

static enum pl_err read_term(struct reader *r, struct pl_selector_term *term)
{
	bool matches = false;
	enum pl_err err = read_name(r, &term->name);
	skip_blanks(r);
	if (err == PL_OK)
		err = read_operator(r, &term->differs, &matches);
	skip_blanks(r);
	size_t value_at = r->at;
	if (err == PL_OK)
		err = read_value(r);
	if (err == PL_OK && matches)
		err = compile(r, term, value_at);
	skip_blanks(r);
	return err;
}

static enum pl_err read_all(struct reader *r, struct pl_selector *out, struct pl_arena *arena)
{
	skip_blanks(r);
	bool braces = take(r, '{');
	skip_blanks(r);
	while (r->at < r->text.n && peek(r) != '}') {
		if (out->n == PL_SELECTOR_MOST)
			return fail(r, PL_ELIMIT, "too many pairs, the limit is 32");
		struct pl_selector_term *term = &out->v[out->n];
		*term = (struct pl_selector_term){0};
		enum pl_err err = read_term(r, term);
		if (err != PL_OK)
			return err;
		term->name = pl_arena_str(arena, term->name);
		term->value = pl_arena_str(arena, pl_buf_str(&r->value));
		out->n++;
		if (!take(r, ','))
			break;
		skip_blanks(r);
	}
	if (braces && !take(r, '}'))
		return fail(r, PL_EPARSE, "expected , or }");
	skip_blanks(r);
	return r->at == r->text.n ? PL_OK : fail(r, PL_EPARSE, braces ? "nothing may follow the }" : "expected , or the end");
}

enum pl_err pl_selector_parse(struct pl_selector *out, struct pl_arena *arena, struct pl_str text, char *reason,
			      size_t reason_size)
{
	struct reader r = {.text = text, .reason = reason, .reason_size = reason_size};
	out->n = 0;
	out->scratch = (struct pl_regex_scratch){0};
	enum pl_err err = read_all(&r, out, arena);
	pl_buf_finish(&r.value);
	return err;
}

static bool term_fits(const struct pl_selector_term *t, struct pl_regex_scratch *scratch, struct pl_str value)
{
	if (t->regex == NULL)
		return pl_str_eq(value, t->value) != t->differs;
	enum pl_regex_verdict verdict = pl_regex_match(t->regex, scratch, value);
	return verdict == (t->differs ? PL_REGEX_NO : PL_REGEX_YES);
}

bool pl_selector_fits(struct pl_selector *s, struct pl_labels labels)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct pl_str *found = pl_labels_get(labels, s->v[i].name);
		if (!term_fits(&s->v[i], &s->scratch, found != NULL ? *found : PL_STR("")))
			return false;
	}
	return true;
}

void pl_selector_finish(struct pl_selector *s)
{
	for (size_t i = 0; i < s->n; i++)
		pl_regex_destroy(s->v[i].regex);
	pl_regex_scratch_finish(&s->scratch);
	s->n = 0;
}
