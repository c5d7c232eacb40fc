#include "format/percent.h"

#include <stdbool.h>

void pl_percent_add(struct pl_buf *out, struct pl_str s)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
			     c == '.' || c == '~';
		if (plain) {
			pl_buf_add_char(out, (char)c);
			continue;
		}
		pl_buf_add_char(out, '%');
		pl_buf_add_char(out, digits[c >> 4]);
		pl_buf_add_char(out, digits[c & 15]);
	}
}
