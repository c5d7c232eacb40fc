#include "base/printable.h"

void pl_buf_add_printable(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0, k; i < s.n; i += k) {
		unsigned char c = (unsigned char)s.p[i];
		size_t length = pl_utf8_length(s.p + i, s.n - i);
		bool c1 = length == 2 && c == 0xC2 && (unsigned char)s.p[i + 1] < 0xA0;
		k = length > 1 && !c1 ? length : 1;
		if (c == '\n')
			pl_buf_add_cstr(out, "\\n");
		else if (c == '\t')
			pl_buf_add_cstr(out, "\\t");
		else if (c < 0x20 || c == 0x7F || (c > 0x7F && k == 1))
			pl_buf_addf(out, "\\x%02x", c);
		else
			pl_buf_add(out, s.p + i, k);
	}
}
