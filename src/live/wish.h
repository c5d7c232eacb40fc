/* What a subscriber wants: sets of tags, of which one must be contained in a value's tags. */
#ifndef PL_LIVE_WISH_H
#define PL_LIVE_WISH_H

#include "base/err.h"
#include "pipeline/live_message.h"

enum { PL_LIVE_MAX_SETS = 64, PL_LIVE_MAX_WANTED = 64 };

struct pl_live_set {
	size_t n;
	struct pl_str *tags; /* sorted, each once; none: everything fits */
};

/* Zero-initialise. No set: everything. */
struct pl_live_wish {
	size_t n;
	struct pl_live_set sets[PL_LIVE_MAX_SETS];
};

void pl_live_wish_finish(struct pl_live_wish *w);

/* Adds the set that a `match` parameter names: tags between commas; `\,` is a comma of a tag, `\\` a backslash; empty ones are
 * left out. Copies. PL_ELIMIT: too many sets, or tags in it; PL_EPARSE: a backslash before something else. */
PL_MUST_CHECK enum pl_err pl_live_wish_add(struct pl_live_wish *w, struct pl_str match);

/* Are all tags of the set among the message's? */
bool pl_live_set_fits(const struct pl_live_set *s, const struct pl_live_message *m);
bool pl_live_wish_fits(const struct pl_live_wish *w, const struct pl_live_message *m);

#endif
