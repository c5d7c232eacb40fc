#include "config/env.h"

#include <stdarg.h>
#include <string.h>

enum { MAX_NAME = 128, MAX_EXPANDED = 1024 * 1024, MAX_WHY = 512 };

bool pl_env_mentioned(struct pl_str text)
{
	for (const char *p = text.p, *end = text.p + text.n; p != NULL && (size_t)(end - p) >= 2; p++) {
		p = memchr(p, '$', (size_t)(end - p) - 1);
		if (p == NULL)
			return false;
		if (p[1] == '{' || p[1] == '$')
			return true;
	}
	return false;
}

static bool is_name(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return s.n > 0 && s.n <= MAX_NAME;
}

static void __attribute__((format(printf, 3, 4))) complain(struct pl_buf *why, size_t before, const char *format, ...)
{
	if (why->n - before > MAX_WHY)
		return;
	if (why->n > before)
		pl_buf_add_cstr(why, "; ");
	va_list args;
	va_start(args, format);
	pl_buf_addv(why, format, args);
	va_end(args);
}

/* What stands between `${` and `}`. */
static enum pl_err expand_one(struct pl_str inner, const char *(*get)(void *, const char *), void *data, struct pl_str *value,
			      struct pl_buf *why, size_t before)
{
	char name[MAX_NAME + 1];
	const char *at = inner.n > 1 ? memmem(inner.p, inner.n, ":-", 2) : NULL;
	struct pl_str left = {inner.p, at != NULL ? (size_t)(at - inner.p) : inner.n};
	if (!is_name(left)) {
		complain(why, before, "${...} takes a variable's name of letters, digits and _ (write $$ for a dollar)");
		return PL_EPARSE;
	}
	memcpy(name, left.p, left.n);
	name[left.n] = '\0';
	*value = pl_str_of(get(data, name));
	if (at != NULL && value->n == 0)
		*value = (struct pl_str){at + 2, inner.n - left.n - 2};
	if (value->p != NULL)
		return PL_OK;
	complain(why, before, "the environment variable %s is not set (a default: ${%s:-value})", name, name);
	return PL_ENOENT;
}

enum pl_err pl_env_expand(struct pl_str text, const char *(*get)(void *data, const char *name), void *data, struct pl_buf *out,
			  struct pl_buf *why)
{
	enum pl_err err = PL_OK;
	size_t before = why->n, start = out->n;
	for (size_t i = 0; i < text.n;) {
		const char *dollar = memchr(text.p + i, '$', text.n - i);
		size_t upto = dollar != NULL ? (size_t)(dollar - text.p) : text.n;
		struct pl_str piece = {text.p + i, upto - i};
		i = upto;
		if (dollar != NULL && piece.n == 0) {
			char next = upto + 1 < text.n ? text.p[upto + 1] : '\0';
			const char *close = next == '{' ? memchr(dollar, '}', text.n - upto) : NULL;
			piece = (struct pl_str){dollar, 1};
			i = upto + (next == '$' ? 2 : 1);
			if (close != NULL) {
				struct pl_str inner = {dollar + 2, (size_t)(close - dollar) - 2};
				piece = (struct pl_str){NULL, 0};
				enum pl_err one = expand_one(inner, get, data, &piece, why, before);
				err = err == PL_OK ? one : err;
				i = (size_t)(close - text.p) + 1;
			} else if (next == '{') {
				complain(why, before, "${ without its } (write $$ for a dollar)");
				return PL_EPARSE;
			}
		}
		if (out->n - start + piece.n > MAX_EXPANDED) {
			complain(why, before, "longer than 1 MiB once the environment is expanded");
			return PL_ELIMIT;
		}
		pl_buf_add_str(out, piece);
	}
	return err;
}
