/* One value for each bucket of time, by the question's verb. */
#ifndef PL_OUT_LOCAL_BUCKETS_H
#define PL_OUT_LOCAL_BUCKETS_H

#include "out_local/walk.h"

/* Fills the question's rows, at most l->rows_most, newest first, with what lies after `after_ns` and up to `until_ns`.
 * PL_ELIMIT: too many values for a median. */
PL_MUST_CHECK enum pl_err pl_local_buckets_read(struct pl_local_walk *l, int64_t width_ns, int64_t after_ns, int64_t until_ns);

#endif
