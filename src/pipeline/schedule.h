/* What is due when: a heap of entries, each with a period and a phase that does not drift. */
#ifndef PL_PIPELINE_SCHEDULE_H
#define PL_PIPELINE_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in the thing that is due; zero-initialise. All times are wall-clock nanoseconds mapped to the monotonic clock by the
 * caller. */
struct pl_schedule_entry {
	int64_t due_ns, period_ns;
	int64_t offset_ns; /* phase: due_ns mod period_ns */
	size_t at;         /* index in the heap + 1; 0: not scheduled */
};

/* Zero-initialise. Not for concurrent use. */
struct pl_schedule {
	struct pl_schedule_entry **heap; /* owned array; the entries are borrowed */
	size_t n, cap;
};

void pl_schedule_finish(struct pl_schedule *s);

/* Due first at the earliest moment >= now_ns that lies `hash mod period` behind a multiple of the period. */
void pl_schedule_add(struct pl_schedule *s, struct pl_schedule_entry *e, int64_t period_ns, uint64_t hash, int64_t now_ns);
void pl_schedule_remove(struct pl_schedule *s, struct pl_schedule_entry *e); /* nothing if not scheduled */

/* The entry that is due at or before now_ns and longest, moved on to its next moment after now_ns, or NULL. `*due_ns` is the
 * moment it was due;
 * `*skipped` the moments that went by unserved. */
struct pl_schedule_entry *pl_schedule_next(struct pl_schedule *s, int64_t now_ns, int64_t *due_ns, uint64_t *skipped);

/* The next due moment, or INT64_MAX. */
int64_t pl_schedule_due(const struct pl_schedule *s);

/* The clock jumped: every entry's next moment is computed anew from now_ns. */
void pl_schedule_realign(struct pl_schedule *s, int64_t now_ns);

#endif
