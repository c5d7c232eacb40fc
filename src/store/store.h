/* What can be read back: hands questions to the first output of the configuration that can answer them. On the control thread. */
#ifndef PL_STORE_STORE_H
#define PL_STORE_STORE_H

#include "net/loop.h"
#include "pipeline/outputs.h"

struct pl_store {
	struct pl_loop *loop; /* borrowed; where answers arrive */
	unsigned max_open;    /* questions under way at once */
	unsigned n_open;
	uint64_t asked, refused;
};

void pl_store_init(struct pl_store *s, struct pl_loop *loop, unsigned max_open);

/* Takes q, whose kind, stat ... and done and data are set: `done` comes from the loop, with q->err, and q is the asker's again.
 * The store must live until then. When it cannot be asked q stays the caller's and `*why` says why (static text):
 * PL_EUNSUPPORTED: no output can be read back; PL_ELIMIT: too many questions are open; PL_ECANCELED: the output is closing. */
PL_MUST_CHECK enum pl_err pl_store_ask(struct pl_store *s, const struct pl_outputs *outputs, struct pl_query *q,
				       const char **why);

#endif
