/* Many values into one, as InfluxQL's functions do it. */
#ifndef PL_OUT_LOCAL_REDUCE_H
#define PL_OUT_LOCAL_REDUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/plugin.h"

enum { PL_LOCAL_REDUCE_MEDIAN_MOST = 262144 };

/* Zero-initialise and set `verb`; pl_local_reduce_finish when done. */
struct pl_local_reduce {
	enum pl_verb verb; /* not PL_VERB_NONE */
	uint64_t n;
	double sum, min, max, mean, squares; /* squares: sum of squared distances from the mean */
	double edge;                         /* first, last */
	int64_t edge_time;
	double *values; /* median only, owned */
	size_t cap;
};

void pl_local_reduce_finish(struct pl_local_reduce *r);
void pl_local_reduce_clear(struct pl_local_reduce *r); /* keeps verb and memory */
void pl_local_reduce_add(struct pl_local_reduce *r, int64_t time_ns, double value);

/* False when there is no result: no value at all, only one for stddev, or more than PL_LOCAL_REDUCE_MEDIAN_MOST for median. */
bool pl_local_reduce_result(struct pl_local_reduce *r, double *out);
bool pl_local_reduce_overflowed(const struct pl_local_reduce *r);

#endif
