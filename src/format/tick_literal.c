#include "format/tick_literal.h"

const char *pl_tick_literal_refusal(struct pl_str s)
{
	if (s.n == 0)
		return "it is empty";
	if (!pl_str_utf8(s))
		return "it is not UTF-8";
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return "it holds a control character";
	return s.p[s.n - 1] == '\\' ? "it ends in a backslash" : NULL;
}

static void add_quoted(struct pl_buf *out, struct pl_str s, char quote)
{
	pl_buf_add_char(out, quote);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == quote)
			pl_buf_add_char(out, '\\');
		pl_buf_add_char(out, s.p[i]);
	}
	pl_buf_add_char(out, quote);
}

enum pl_err pl_tick_add_string(struct pl_buf *out, struct pl_str s)
{
	if (s.n > 0 && pl_tick_literal_refusal(s) != NULL)
		return PL_EINVAL;
	add_quoted(out, s, '\'');
	return PL_OK;
}

enum pl_err pl_tick_add_reference(struct pl_buf *out, struct pl_str name)
{
	if (pl_tick_literal_refusal(name) != NULL)
		return PL_EINVAL;
	add_quoted(out, name, '"');
	return PL_OK;
}

void pl_tick_add_template_text(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		/* Even a single one: together with the {{ of what follows it would be read as a longer opening. */
		if (s.p[i] == '{')
			pl_buf_add_cstr(out, "{{\"{\"}}");
		else
			pl_buf_add_char(out, s.p[i]);
	}
}

void pl_tick_add_template_string(struct pl_buf *out, struct pl_str s)
{
	pl_buf_add_char(out, '"');
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t k = pl_utf8_length(s.p + i, s.n - i);
		if (k == 0 || c < 0x20 || c == 0x7f)
			pl_buf_addf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			pl_buf_addf(out, "\\%c", c);
		else
			pl_buf_add(out, s.p + i, k);
		i += k > 0 ? k : 1;
	}
	pl_buf_add_char(out, '"');
}
