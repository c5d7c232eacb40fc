#include "live/wish.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void pl_live_wish_finish(struct pl_live_wish *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->sets[i].tags);
	w->n = 0;
}

/* Takes the next tag off *rest, its backslashes undone, into `out`, which has room. */
static bool next_tag(struct pl_str *rest, char *out, struct pl_str *tag)
{
	size_t n = 0, i = 0;
	for (; i < rest->n && rest->p[i] != ','; i++) {
		if (rest->p[i] == '\\') {
			i++;
			if (i == rest->n || (rest->p[i] != ',' && rest->p[i] != '\\'))
				return false;
		}
		out[n++] = rest->p[i];
	}
	*tag = (struct pl_str){out, n};
	bool more = i < rest->n;
	*rest = more ? (struct pl_str){rest->p + i + 1, rest->n - i - 1} : (struct pl_str){NULL, 0};
	return true;
}

/* A set lies in one block: the views, then their text. */
enum pl_err pl_live_wish_add(struct pl_live_wish *w, struct pl_str match)
{
	if (w->n == PL_LIVE_MAX_SETS)
		return PL_ELIMIT;
	struct pl_str *tags = pl_alloc(PL_LIVE_MAX_WANTED * sizeof *tags + match.n), rest = match;
	char *text = (char *)(tags + PL_LIVE_MAX_WANTED);
	size_t n = 0;
	while (rest.n > 0) {
		struct pl_str tag;
		enum pl_err err = !next_tag(&rest, text, &tag)           ? PL_EPARSE
				  : tag.n > 0 && n == PL_LIVE_MAX_WANTED ? PL_ELIMIT
									 : PL_OK;
		if (err != PL_OK) {
			free(tags);
			return err;
		}
		if (tag.n > 0)
			tags[n++] = tag;
		text += tag.n;
	}
	w->sets[w->n++] = (struct pl_live_set){pl_live_sort_distinct(tags, n), tags};
	return PL_OK;
}

bool pl_live_set_fits(const struct pl_live_set *s, const struct pl_live_message *m)
{
	size_t k = 0;
	for (size_t i = 0; i < s->n; i++, k++) {
		int order = 1;
		while (k < m->n_tags && (order = pl_str_cmp(m->tags[k], s->tags[i])) < 0)
			k++;
		if (k == m->n_tags || order != 0)
			return false;
	}
	return true;
}

bool pl_live_wish_fits(const struct pl_live_wish *w, const struct pl_live_message *m)
{
	for (size_t i = 0; i < w->n; i++)
		if (pl_live_set_fits(&w->sets[i], m))
			return true;
	return w->n == 0;
}
