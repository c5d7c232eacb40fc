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

static inline struct pl_str pl_influx_sift_text(const struct pl_influx_sift *s, size_t i)
{
	return pl_influx_line_text(s->delivery, s->lines[i]);
}

/* Makes lines of the delivery, and one task of them. */
void pl_influx_sift_index(struct pl_influx_sift *s);

/* It is next, unless it is empty. */
void pl_influx_sift_push(struct pl_influx_sift *s, struct pl_influx_task t);

/* Sets *key to that of a field whose type was refused: `only`, or when that is 0 any that is remembered. False: there is none. */
bool pl_influx_sift_type_refused(struct pl_influx_sift *s, struct pl_str line, uint64_t only, uint64_t *key, int64_t *time_ns);

/* Moves the lines with such a field from the task to the suspects. How many? */
size_t pl_influx_sift_move_suspects(struct pl_influx_sift *s, struct pl_influx_task *t, uint64_t only);

/* When no task is left: makes one of the suspects, if there are any. Those of one field stand together, and among them those of
 * one shard, so that few halves are of both kinds. */
void pl_influx_sift_ask_suspects(struct pl_influx_sift *s);

/* Refuses the lines of the task that the answer quotes, and all that are equal to them. Returns how many the answer quotes, and
 * how many of these are lines of the task. */
size_t pl_influx_sift_quoted(struct pl_influx_sift *s, struct pl_influx_task *t, const struct pl_influx_judgement *j,
			     size_t *known);

#endif
