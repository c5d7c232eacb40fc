#include "net/http_server_private.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that the three bytes at p stand for, or -1. */
static int percent(const char *p, size_t n)
{
	if (n < 3 || hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0)
		return -1;
	return hex_digit(p[1]) << 4 | hex_digit(p[2]);
}

bool pl_http_decode_path(struct pl_str in, struct pl_buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int byte = (unsigned char)in.p[i];
		if (byte == '%') {
			byte = percent(in.p + i, in.n - i);
			if (byte < 0)
				return false;
			i += 2;
		}
		pl_buf_add_char(out, (char)byte);
	}
	return true;
}

/* As forms do it: `+` is a space, and a `%` that encodes nothing stands for itself. */
static void decode_form(struct pl_str in, struct pl_buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int byte = in.p[i] == '%' ? percent(in.p + i, in.n - i) : -1;
		if (byte >= 0)
			i += 2;
		else
			byte = in.p[i] == '+' ? ' ' : in.p[i];
		pl_buf_add_char(out, (char)byte);
	}
}

bool pl_http_query_next(struct pl_str *rest, struct pl_buf *scratch, struct pl_str *key, struct pl_str *value)
{
	while (rest->p != NULL && rest->n > 0) {
		struct pl_str pair = pl_str_cut(rest, '&');
		if (pair.n == 0)
			continue;
		pl_buf_reserve(scratch, pair.n + 1); /* also where both are empty there is something to point at */
		struct pl_str raw_key = pl_str_cut(&pair, '=');
		size_t key_at = scratch->n;
		decode_form(raw_key, scratch);
		size_t value_at = scratch->n;
		decode_form(pair, scratch);
		/* The buffer may have moved meanwhile: views only now. */
		*key = (struct pl_str){scratch->p + key_at, value_at - key_at};
		*value = (struct pl_str){scratch->p + value_at, scratch->n - value_at};
		return true;
	}
	return false;
}
