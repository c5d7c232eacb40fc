#include "config/text.h"

enum { MAX_DIRECTIVES = 16 };

/* Of a well-formed sequence of 1..4 bytes. */
static uint32_t code_point(const unsigned char *p, size_t n)
{
	static const unsigned char first_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t c = p[0] & first_mask[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3F);
	return c;
}

static const char *flaw_of(uint32_t c)
{
	if (c == 0)
		return "a NUL byte";
	if (c == 0xFEFF)
		return "a byte order mark in the middle of the text";
	if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F || (c >= 0x80 && c < 0xA0 && c != 0x85) ||
	    c == 0xFFFE || c == 0xFFFF)
		return "a control character";
	return NULL;
}

struct pl_text_flaw pl_text_check(struct pl_str *text)
{
	if (pl_str_starts(*text, PL_STR("\xEF\xBB\xBF")))
		*text = (struct pl_str){text->p + 3, text->n - 3};
	if (pl_str_starts(*text, PL_STR("\xFF\xFE")) || pl_str_starts(*text, PL_STR("\xFE\xFF")))
		return (struct pl_text_flaw){"UTF-16; save the file as UTF-8", 1, 1};
	const unsigned char *p = (const unsigned char *)text->p;
	struct pl_text_flaw at = {NULL, 1, 1};
	unsigned directives = 0;
	for (size_t i = 0, n; i < text->n; i += n) {
		n = p[i] < 0x80 ? 1 : p[i] < 0xE0 ? 2 : p[i] < 0xF0 ? 3 : 4;
		if (n > 1 && (n > text->n - i || !pl_str_utf8((struct pl_str){text->p + i, n}))) {
			at.reason = "a byte that is not UTF-8";
			return at;
		}
		uint32_t c = code_point(p + i, n);
		at.reason = flaw_of(c);
		if (at.column == 1 && c == '%' && ++directives > MAX_DIRECTIVES)
			at.reason = "too many % directives";
		if (at.reason != NULL)
			return at;
		at.column++;
		if (c == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return at;
}
