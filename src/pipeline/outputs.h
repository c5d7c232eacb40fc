/* The set of outputs that every batch goes to; replaced as a whole when the configuration changes. */
#ifndef PL_PIPELINE_OUTPUTS_H
#define PL_PIPELINE_OUTPUTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "pipeline/output.h"

/* Immutable, refcounted. The outputs themselves belong to the daemon, which closes one only after every set that names it is
 * gone. */
struct pl_outputs {
	atomic_uint refs;
	size_t n;
	struct pl_output *v[];
};

struct pl_outputs *pl_outputs_create(struct pl_output *const *v, size_t n);
struct pl_outputs *pl_outputs_share(struct pl_outputs *o);
void pl_outputs_release(struct pl_outputs *o);
void pl_outputs_put(const struct pl_outputs *o, struct pl_batch *b); /* any thread; shares the batch once per output */

#endif
