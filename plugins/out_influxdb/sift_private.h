/* What the parts of sift share. */
#ifndef PL_OUT_INFLUXDB_SIFT_PRIVATE_H
#define PL_OUT_INFLUXDB_SIFT_PRIVATE_H

#include "out_influxdb/sift.h"

enum pl_influx_task_flags {
	PL_INFLUX_SUSPECT = 1,  /* all have a field type that was refused */
	PL_INFLUX_PARSES = 2,   /* we can read all of them ourselves */
	PL_INFLUX_LOOKS_BAD = 4 /* none */
};

struct pl_influx_task {
	size_t from, to; /* of the lines */
	unsigned flags;
	unsigned conflicts, clashes; /* so far */
	uint64_t learnt;             /* what of the memory was seen to */
};

struct pl_influx_suspect {
	struct pl_influx_line line;
	uint64_t key;
	int64_t time_ns;
};

/* Refuses the lines of the task that the answer quotes, and all that are equal to them. Returns how many the answer quotes, and
 * how many of these are lines of the task. */
size_t pl_influx_sift_quoted(struct pl_influx_sift *s, struct pl_influx_task *t, const struct pl_influx_judgement *j,
			     size_t *known);

#endif
