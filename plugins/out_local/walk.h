/* The samples of all series of a stat that pass a question's filters, newest first. */
#ifndef PL_OUT_LOCAL_WALK_H
#define PL_OUT_LOCAL_WALK_H

#include "out_local/database.h"
#include "pipeline/plugin.h"

struct pl_local_match {
	uint64_t tags_hash;
	uint32_t id;
	bool own; /* the field has the measurement's name; else it is `value` */
};

/* Set db and q, zero the rest. */
struct pl_local_walk {
	struct pl_local_database *db;
	struct pl_query *q;
	struct pl_local_match *matches; /* by rising id */
	size_t n, cap;
	struct pl_buf scratch;
	size_t rows_most;
	bool both_fields;         /* there are matches of either kind */
	int64_t deadline_mono_ns; /* 0: none */
};

void pl_local_walk_finish(struct pl_local_walk *l);

/* Finds the series. PL_ELIMIT: there are too many. */
PL_MUST_CHECK enum pl_err pl_local_walk_find(struct pl_local_walk *l);

/* Returns false to end the walk. */
typedef bool (*pl_local_sample_fn)(void *data, int64_t time_ns, const struct pl_local_match *match, double value);

/* Calls fn with their samples after `after_ns` and up to `until_ns`. PL_ETIMEOUT: the deadline came before the end. */
PL_MUST_CHECK enum pl_err pl_local_walk_samples(struct pl_local_walk *l, int64_t after_ns, int64_t until_ns,
						pl_local_sample_fn fn, void *data);

/* Appends a row, which there must be room for, with the time in whole seconds. */
struct pl_query_row *pl_local_walk_add_row(struct pl_local_walk *l, int64_t time_ns, double value);

#endif
