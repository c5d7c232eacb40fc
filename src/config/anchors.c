#include "config/anchors.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 16 };

static struct pl_anchor *find(const struct pl_anchors *a, const char *name)
{
	size_t mask = a->cap - 1;
	for (size_t i = (size_t)pl_str_hash(pl_str_of(name), 0) & mask;; i = (i + 1) & mask)
		if (a->v[i].name == NULL || strcmp(a->v[i].name, name) == 0)
			return &a->v[i];
}

static void grow(struct pl_anchors *a)
{
	struct pl_anchors larger = {.n = a->n, .cap = a->cap > 0 ? a->cap * 2 : FIRST_CAPACITY};
	larger.v = pl_calloc(larger.cap, sizeof *larger.v);
	for (size_t i = 0; i < a->cap; i++)
		if (a->v[i].name != NULL)
			*find(&larger, a->v[i].name) = a->v[i];
	free(a->v);
	*a = larger;
}

void pl_anchors_finish(struct pl_anchors *a)
{
	for (size_t i = 0; i < a->cap; i++)
		free(a->v[i].name);
	free(a->v);
	*a = (struct pl_anchors){0};
}

void pl_anchors_set(struct pl_anchors *a, const char *name, struct pl_node *node)
{
	if (a->n >= a->cap / 2)
		grow(a);
	struct pl_anchor *place = find(a, name);
	if (place->name == NULL) {
		place->name = pl_strdup(name);
		a->n++;
	}
	place->node = node;
}

struct pl_node *pl_anchors_get(const struct pl_anchors *a, const char *name)
{
	return a->cap > 0 ? find(a, name)->node : NULL;
}
