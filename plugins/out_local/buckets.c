#include "out_local/buckets.h"

#include "out_local/reduce.h"

struct buckets {
	struct pl_local_walk *l;
	int64_t width_ns, start_ns; /* of the bucket being filled */
	bool begun, overflowed;
	struct pl_local_reduce own, plain;
};

static void end_bucket(struct buckets *b)
{
	double value = 0;
	b->overflowed = b->overflowed || pl_local_reduce_overflowed(&b->own) || pl_local_reduce_overflowed(&b->plain);
	bool own = pl_local_reduce_result(&b->own, &value), has = own || pl_local_reduce_result(&b->plain, &value);
	if (has && b->l->q->n_rows < b->l->rows_most)
		pl_local_walk_add_row(b->l, b->start_ns, value)->weight = (double)(own ? b->own.n : b->plain.n);
	pl_local_reduce_clear(&b->own);
	pl_local_reduce_clear(&b->plain);
}

static bool into_bucket(void *data, int64_t time_ns, const struct pl_local_match *match, double value)
{
	struct buckets *b = data;
	int64_t start = time_ns - time_ns % b->width_ns;
	if (b->begun && start != b->start_ns) {
		end_bucket(b);
		if (b->l->q->n_rows == b->l->rows_most)
			return false;
	}
	b->begun = true;
	b->start_ns = start;
	pl_local_reduce_add(match->own ? &b->own : &b->plain, time_ns, value);
	return true;
}

enum pl_err pl_local_buckets_read(struct pl_local_walk *l, int64_t width_ns, int64_t after_ns, int64_t until_ns)
{
	struct buckets b = {.l = l, .width_ns = width_ns, .own = {.verb = l->q->verb}, .plain = {.verb = l->q->verb}};
	enum pl_err err = pl_local_walk_samples(l, after_ns, until_ns, into_bucket, &b);
	if (err == PL_OK && b.begun)
		end_bucket(&b);
	pl_local_reduce_finish(&b.own);
	pl_local_reduce_finish(&b.plain);
	return b.overflowed ? PL_ELIMIT : err;
}
