/* The anchors of a document: a name and the node that it names last. */
#ifndef PL_CONFIG_ANCHORS_H
#define PL_CONFIG_ANCHORS_H

#include "config/node.h"

struct pl_anchor {
	char *name; /* owned; NULL: a free place */
	struct pl_node *node;
};

/* Zero-initialise. Open addressing, at most half full. */
struct pl_anchors {
	struct pl_anchor *v;
	size_t n, cap;
};

void pl_anchors_finish(struct pl_anchors *a);
void pl_anchors_set(struct pl_anchors *a, const char *name, struct pl_node *node); /* a name may be given again */
struct pl_node *pl_anchors_get(const struct pl_anchors *a, const char *name);      /* NULL: not there */

#endif
