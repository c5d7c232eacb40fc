#include "format/influxql.h"

static void add_quoted(struct pl_buf *out, struct pl_str s, char quote)
{
	pl_buf_add_char(out, quote);
	for (size_t i = 0; i < s.n;) {
		char c = s.p[i];
		size_t k = pl_utf8_length(s.p + i, s.n - i);
		if (c == quote || c == '\\') {
			pl_buf_add_char(out, '\\');
			pl_buf_add_char(out, c);
		} else if (c == '\n') {
			pl_buf_add_cstr(out, "\\n");
		} else if (k == 0 || c == '\0' || c == '\r') {
			pl_buf_add_cstr(out, "\xEF\xBF\xBD");
		} else {
			pl_buf_add(out, s.p + i, k);
		}
		i += k > 0 ? k : 1;
	}
	pl_buf_add_char(out, quote);
}

void pl_influxql_add_ident(struct pl_buf *out, struct pl_str name)
{
	add_quoted(out, name, '"');
}

void pl_influxql_add_string(struct pl_buf *out, struct pl_str value)
{
	add_quoted(out, value, '\'');
}
