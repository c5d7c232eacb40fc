#include "alerts/tick_template.h"

static void fill_line(struct pl_str line, size_t i, const struct pl_tick_filler *filler, struct pl_buf *out)
{
	while (line.p != NULL) {
		pl_buf_add_str(out, pl_str_cut(&line, '@'));
		if (line.p != NULL)
			filler->put(filler->data, pl_str_cut(&line, '@'), i, out);
	}
	pl_buf_add_char(out, '\n');
}

void pl_tick_template_fill(struct pl_str text, const struct pl_tick_filler *filler, struct pl_buf *out)
{
	while (text.p != NULL) {
		struct pl_str line = pl_str_cut(&text, '\n');
		if (line.n == 0 || pl_str_starts(line, PL_STR("//")))
			continue;
		if (line.p[0] != '[') {
			fill_line(line, 0, filler, out);
			continue;
		}
		line.p++, line.n--;
		struct pl_str word = pl_str_cut(&line, ']');
		for (size_t i = 0; filler->keep(filler->data, word, i); i++)
			fill_line(line, i, filler, out);
	}
}
