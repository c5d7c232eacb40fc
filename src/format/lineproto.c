#include "format/lineproto.h"

#include <string.h>

#include "format/lp_put.h"

/* Would line protocol take a backslash before `next` for the beginning of an escape, or lose its way over it? */
static bool misleads(struct pl_str s, size_t next, enum pl_lp_part part)
{
	if (next == s.n || s.p[next] == ' ')
		return true;
	return part == PL_LP_MEASUREMENT && (s.p[next] == ',' || s.p[next] == '=' || s.p[next] == '"');
}

char *pl_lp_put_slowly(char *w, struct pl_str s, enum pl_lp_part part)
{
	char *start = w;
	for (size_t i = 0; i < s.n;) {
		char c = s.p[i];
		size_t k = pl_utf8_length(s.p + i, s.n - i);
		if (k > 1) {
			memcpy(w, s.p + i, k);
			w += k;
		} else if (k == 0 || (unsigned char)c < ' ' || c == 0x7F || (c == '\\' && misleads(s, i + 1, part))) {
			*w++ = '_';
		} else {
			if (c == ',' || c == ' ' || (c == '=' && part != PL_LP_MEASUREMENT))
				*w++ = '\\';
			*w++ = c;
		}
		i += k > 0 ? k : 1;
	}
	if (part == PL_LP_MEASUREMENT && w > start && *start == '#')
		*start = '_';
	if (part != PL_LP_TAG_VALUE && w == start)
		*w++ = '_';
	return w;
}

static void add(struct pl_buf *out, struct pl_str s, enum pl_lp_part part)
{
	char *w = pl_buf_reserve(out, PL_LP_WORST(s.n) + PL_LP_SLACK);
	out->n = (size_t)(pl_lp_put(w, s, part) - out->p);
}

void pl_lp_add_measurement(struct pl_buf *out, struct pl_str name)
{
	add(out, name, PL_LP_MEASUREMENT);
}

void pl_lp_add_key(struct pl_buf *out, struct pl_str name)
{
	add(out, name, PL_LP_KEY);
}

void pl_lp_add_tag_value(struct pl_buf *out, struct pl_str value)
{
	add(out, value, PL_LP_TAG_VALUE);
}

/* The set is sorted, so that `time_`, `time__` ... are found by looking up one after the other. */
static void add_time_key(struct pl_buf *out, struct pl_labels set)
{
	size_t start = out->n;
	const struct pl_str *taken;
	pl_buf_add_cstr(out, "time");
	do {
		pl_buf_add_char(out, '_');
		taken = pl_labels_get(set, (struct pl_str){out->p + start, out->n - start});
	} while (taken != NULL && taken->n > 0);
}

void pl_lp_add_tags(struct pl_buf *out, struct pl_labels set)
{
	for (size_t i = 0; i < set.n; i++) {
		if (set.v[i].value.n == 0)
			continue;
		pl_buf_add_char(out, ',');
		if (pl_str_is(set.v[i].name, "time"))
			add_time_key(out, set);
		else
			pl_lp_add_key(out, set.v[i].name);
		pl_buf_add_char(out, '=');
		pl_lp_add_tag_value(out, set.v[i].value);
	}
}

void pl_lp_unescape(struct pl_buf *out, struct pl_str escaped)
{
	char *w = pl_buf_reserve(out, escaped.n);
	for (size_t i = 0; i < escaped.n; i++) {
		char next = i + 1 < escaped.n ? escaped.p[i + 1] : '\0';
		if (escaped.p[i] == '\\' && (next == ',' || next == ' ' || next == '='))
			i++;
		*w++ = escaped.p[i];
	}
	out->n = (size_t)(w - out->p);
}
