/* The last value of every set of tags, as long as it is young enough and there is room; in the order in which they came. */
#ifndef PL_LIVE_LAST_VALUES_H
#define PL_LIVE_LAST_VALUES_H

#include "pipeline/live_message.h"

struct pl_last_values;

struct pl_last_values_options {
	size_t max_values, max_bytes; /* beyond either the oldest goes */
	int64_t ttl_ns;               /* 0: without end */
};

struct pl_last_values *pl_last_values_create(const struct pl_last_values_options *options);
void pl_last_values_destroy(struct pl_last_values *l); /* when nobody walks */

/* Shares the message. */
void pl_last_values_put(struct pl_last_values *l, struct pl_live_message *m, int64_t wall_ns);

/* A walk from the oldest to the newest, which may pause while values come and go: one that is renewed meanwhile is met later,
 * once. The caller's memory. */
struct pl_last_values_walk {
	struct pl_last_values_walk *prev, *next;
	struct pl_last_value *at; /* comes next */
	bool begun;
};
void pl_last_values_walk_begin(struct pl_last_values *l, struct pl_last_values_walk *w, int64_t wall_ns);
struct pl_live_message *pl_last_values_walk_next(struct pl_last_values *l, struct pl_last_values_walk *w); /* NULL: the end */
void pl_last_values_walk_end(struct pl_last_values *l, struct pl_last_values_walk *w); /* harmless when not begun */

struct pl_last_values_stats {
	size_t values, bytes;
	uint64_t evicted; /* for want of room */
	uint64_t expired;
};
struct pl_last_values_stats pl_last_values_stats(const struct pl_last_values *l);

#endif
