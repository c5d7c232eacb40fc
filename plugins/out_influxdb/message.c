#include "out_influxdb/message.h"

#include <stdio.h>
#include <string.h>

/* Four hexadecimal digits. */
static unsigned hex4(const char *p)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20U) - 'a' + 10U;
		v = v << 4 | (digit & 15U);
	}
	return v;
}

static void add_utf8(struct pl_buf *out, unsigned code)
{
	if (code < 0x80) {
		pl_buf_add_char(out, (char)code);
	} else if (code < 0x800) {
		pl_buf_add_char(out, (char)(0xc0 | code >> 6));
		pl_buf_add_char(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		pl_buf_add_char(out, (char)(0xe0 | code >> 12));
		pl_buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
		pl_buf_add_char(out, (char)(0x80 | (code & 0x3f)));
	} else {
		pl_buf_add_char(out, (char)(0xf0 | code >> 18));
		pl_buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
		pl_buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
		pl_buf_add_char(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* `p` is behind a `\u`. Returns what follows the escape (two of them where they make a pair); NULL when it is not all there. */
static const char *add_escaped_code(struct pl_buf *out, const char *p, const char *end)
{
	if (end - p < 4)
		return NULL;
	unsigned code = hex4(p);
	p += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		unsigned low = hex4(p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			add_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
			return p + 6;
		}
	}
	add_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
	return p;
}

/* Up to the closing quote or the end of what there is. */
static void add_json_text(struct pl_buf *out, const char *p, const char *end)
{
	while (p < end && *p != '"') {
		const char *plain = p;
		while (p < end && *p != '"' && *p != '\\')
			p++;
		pl_buf_add(out, plain, (size_t)(p - plain));
		if (p == end || *p == '"')
			return;
		if (++p == end)
			return;
		char c = *p++;
		if (c == 'u') {
			p = add_escaped_code(out, p, end);
			if (p == NULL)
				return;
		} else {
			pl_buf_add_char(out, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
		}
	}
}

/* Looks for `"NAME" : "` and not for the whole grammar: quotes inside of strings are escaped, so nothing else looks like it. */
static bool add_member(struct pl_buf *out, struct pl_str body, const char *quoted_name)
{
	const char *end = body.p + body.n;
	const char *p = body.n > 0 ? memmem(body.p, body.n, quoted_name, strlen(quoted_name)) : NULL;
	if (p == NULL)
		return false;
	for (p += strlen(quoted_name); p < end && (*p == ' ' || *p == ':' || *p == '\t' || *p == '\n'); p++)
		;
	if (p == end || *p != '"')
		return false;
	add_json_text(out, p + 1, end);
	return true;
}

bool pl_influx_message(struct pl_str body, struct pl_buf *out)
{
	struct pl_str text = pl_str_trim(body);
	if (!pl_str_starts(text, PL_STR("{")))
		return false;
	return add_member(out, text, "\"error\"") || add_member(out, text, "\"message\"");
}

void pl_influx_reason(long status, struct pl_str message, char *out, size_t size)
{
	int n = snprintf(out, size, "InfluxDB answered %ld%s", status, message.n > 0 ? ": " : "");
	size_t at = n > 0 && (size_t)n < size ? (size_t)n : size - 1;
	for (size_t i = 0; i < message.n && at + 1 < size; i++)
		out[at++] = message.p[i] >= ' ' && message.p[i] < 0x7f ? message.p[i] : ' ';
	out[at] = '\0';
}
