/* The label set that Prometheus gives a sample: the page's labels and the target's, before metric relabeling. */
#ifndef PL_FORMAT_SAMPLE_LABELS_H
#define PL_FORMAT_SAMPLE_LABELS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "format/exposition.h"
#include "format/labels.h"

/* Zero-initialise; reused from sample to sample. */
struct pl_sample_labels {
	struct pl_labels_builder set; /* with `__name__`; borrows from the sample, the target, and what follows */
	struct pl_buf values;         /* without their escapes */
	struct pl_arena names;        /* exported_... */
};

void pl_sample_labels_finish(struct pl_sample_labels *s);

/* Fills `set`. A label that the target has too: with `honor_labels` the page's stays (an empty one keeps the target's away), else
 * it becomes exported_<name>, with more exported_ where that is taken; those with shorter names first, as in Prometheus. Labels
 * with an empty value are no labels. */
void pl_sample_labels_merge(struct pl_sample_labels *s, const struct pl_sample *sample, struct pl_labels target,
			    bool honor_labels);

#endif
