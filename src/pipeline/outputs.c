#include "pipeline/outputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct pl_outputs *pl_outputs_create(struct pl_output *const *v, size_t n)
{
	struct pl_outputs *o = pl_alloc(sizeof *o + n * sizeof o->v[0]);
	atomic_init(&o->refs, 1);
	o->n = n;
	if (n > 0)
		memcpy(o->v, v, n * sizeof o->v[0]);
	return o;
}

struct pl_outputs *pl_outputs_share(struct pl_outputs *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void pl_outputs_release(struct pl_outputs *o)
{
	if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1)
		free(o);
}

void pl_outputs_put(const struct pl_outputs *o, struct pl_batch *b)
{
	for (size_t i = 0; i < o->n; i++)
		pl_output_put(o->v[i], b);
}
