/* All targets by key. Several sources may name an equal one: it is there once, and goes with the last that names it. */
#ifndef PL_TARGETS_TARGET_SET_H
#define PL_TARGETS_TARGET_SET_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/target.h"
#include "targets/manager.h"

struct pl_target_entry {
	struct pl_target *target; /* shares; NULL: free */
	uint64_t names;           /* by how many it is named */
};

/* Zero-initialise, then set events and data. */
struct pl_target_set {
	struct pl_target_entry *slots; /* open addressing, linear probing */
	size_t cap;                    /* power of two or 0 */
	size_t n;
	uint64_t names; /* sum over the entries: names - n of them are duplicates */
	const struct pl_target_events *events;
	void *data;
};

void pl_target_set_finish(struct pl_target_set *s); /* asserts that it is empty */

/* Names a target: takes `t` and returns the equal one that is in the set (borrowed until it is dropped as often as it was named).
 * Tells events->add of a new one. */
struct pl_target *pl_target_set_name(struct pl_target_set *s, struct pl_target *t);

/* One name less. Tells events->remove with the last. */
void pl_target_set_drop(struct pl_target_set *s, struct pl_target *t);

#endif
