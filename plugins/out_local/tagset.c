#include "out_local/tagset.h"

static void add_escaped(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' || s.p[i] == ',' || s.p[i] == '=')
			pl_buf_add_char(out, '\\');
		pl_buf_add_char(out, s.p[i]);
	}
}

void pl_local_tagset_write(struct pl_buf *out, struct pl_labels tags)
{
	for (size_t i = 0; i < tags.n; i++) {
		if (i > 0)
			pl_buf_add_char(out, ',');
		add_escaped(out, tags.v[i].name);
		pl_buf_add_char(out, '=');
		add_escaped(out, tags.v[i].value);
	}
}

/* Takes the text up to an unescaped `end` off *rest, and `end` too. Adds it resolved to `out`, unless that is NULL. True while it
 * equals `wanted`. */
static bool take_until(struct pl_str *rest, char end, struct pl_buf *out, struct pl_str wanted)
{
	size_t i = 0, n = 0;
	bool equal = true;
	for (; i < rest->n && rest->p[i] != end; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		if (out != NULL)
			pl_buf_add_char(out, rest->p[i]);
		equal = equal && n < wanted.n && wanted.p[n] == rest->p[i];
		n++;
	}
	i += i < rest->n;
	rest->p += i;
	rest->n -= i;
	return equal && n == wanted.n;
}

struct pl_str pl_local_tagset_get(struct pl_str set, struct pl_str key, struct pl_buf *scratch)
{
	pl_buf_clear(scratch);
	while (set.n > 0) {
		bool found = take_until(&set, '=', NULL, key);
		take_until(&set, ',', found ? scratch : NULL, PL_STR(""));
		if (found)
			break;
	}
	return pl_buf_str(scratch);
}
