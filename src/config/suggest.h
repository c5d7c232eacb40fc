/* "Did you mean ...?" */
#ifndef PL_CONFIG_SUGGEST_H
#define PL_CONFIG_SUGGEST_H

#include <stddef.h>

#include "base/str.h"

/* Edits (insert, delete, replace, swap two neighbours) that turn `a` into `b`; more than `limit` counts as limit + 1. Either
 * longer than 64 bytes: limit + 1 unless equal. */
size_t pl_edit_distance(struct pl_str a, struct pl_str b, size_t limit);

/* Looks for the nearest of several names: start with the word, offer each name, read `best`. */
struct pl_suggest {
	struct pl_str word;
	const char *best; /* borrowed; NULL: nothing near enough */
	size_t distance;  /* of `best`; at first: one more than the word bears */
};

void pl_suggest_init(struct pl_suggest *s, struct pl_str word);
void pl_suggest_offer(struct pl_suggest *s, const char *name); /* the first of equally near ones stays */

#endif
