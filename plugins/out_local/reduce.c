#include "out_local/reduce.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void pl_local_reduce_finish(struct pl_local_reduce *r)
{
	free(r->values);
	*r = (struct pl_local_reduce){.verb = r->verb};
}

void pl_local_reduce_clear(struct pl_local_reduce *r)
{
	*r = (struct pl_local_reduce){.verb = r->verb, .values = r->values, .cap = r->cap};
}

static void keep(struct pl_local_reduce *r, double value)
{
	if (r->n > PL_LOCAL_REDUCE_MEDIAN_MOST)
		return;
	if (r->n > r->cap) {
		r->cap = r->cap == 0 ? 64 : 2 * r->cap;
		r->values = pl_realloc(r->values, r->cap * sizeof *r->values);
	}
	r->values[r->n - 1] = value;
}

/* Of several values at the first or last moment InfluxDB takes the greatest. */
static void note_edge(struct pl_local_reduce *r, int64_t time_ns, double value)
{
	bool beyond = r->verb == PL_VERB_FIRST ? time_ns < r->edge_time : time_ns > r->edge_time;
	if (r->n == 1 || beyond || (time_ns == r->edge_time && value > r->edge)) {
		r->edge_time = time_ns;
		r->edge = value;
	}
}

void pl_local_reduce_add(struct pl_local_reduce *r, int64_t time_ns, double value)
{
	r->n++;
	r->sum += value;
	r->min = r->n == 1 || value < r->min ? value : r->min;
	r->max = r->n == 1 || value > r->max ? value : r->max;
	double distance = value - r->mean;
	r->mean += distance / (double)r->n;
	r->squares += distance * (value - r->mean);
	if (r->verb == PL_VERB_FIRST || r->verb == PL_VERB_LAST)
		note_edge(r, time_ns, value);
	if (r->verb == PL_VERB_MEDIAN)
		keep(r, value);
}

bool pl_local_reduce_overflowed(const struct pl_local_reduce *r)
{
	return r->verb == PL_VERB_MEDIAN && r->n > PL_LOCAL_REDUCE_MEDIAN_MOST;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(struct pl_local_reduce *r)
{
	size_t half = r->n / 2;
	qsort(r->values, r->n, sizeof *r->values, by_value);
	return r->n % 2 == 1 ? r->values[half] : r->values[half - 1] + (r->values[half] - r->values[half - 1]) / 2;
}

bool pl_local_reduce_result(struct pl_local_reduce *r, double *out)
{
	if (r->n == 0 || pl_local_reduce_overflowed(r))
		return false;
	switch (r->verb) {
	case PL_VERB_MAX:
		*out = r->max;
		break;
	case PL_VERB_MIN:
		*out = r->min;
		break;
	case PL_VERB_SUM:
		*out = r->sum;
		break;
	case PL_VERB_COUNT:
		*out = (double)r->n;
		break;
	case PL_VERB_FIRST:
	case PL_VERB_LAST:
		*out = r->edge;
		break;
	case PL_VERB_MEDIAN:
		*out = median(r);
		break;
	case PL_VERB_SPREAD:
		*out = r->max - r->min;
		break;
	case PL_VERB_STDDEV:
		if (r->n < 2)
			return false;
		*out = sqrt(r->squares / (double)(r->n - 1));
		break;
	case PL_VERB_NONE:
	case PL_VERB_MEAN:
		*out = r->sum / (double)r->n;
		break;
	}
	return isfinite(*out);
}
