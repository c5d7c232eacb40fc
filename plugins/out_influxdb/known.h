/* What servers refused lately, by a number: bounded in entries and bytes, and each entry for a limited time. No I/O; times are of
 * the monotonic clock. */
#ifndef PL_OUT_INFLUXDB_KNOWN_H
#define PL_OUT_INFLUXDB_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct pl_influx_known_entry {
	uint64_t key; /* 0: free */
	int64_t until_ns;
	char *reason;     /* NULL: none */
	const char *lent; /* a copy of it, to the borrower of that number */
	uint64_t lent_to;
};

/* Set `most` (entries) and `keep_ns`, the rest zero. */
struct pl_influx_known {
	size_t most;
	int64_t keep_ns;
	struct pl_influx_known_entry *slots;
	size_t n, cap; /* cap: 0 or a power of two */
	int64_t sweep_at_ns;
};

void pl_influx_known_finish(struct pl_influx_known *k);

/* Forgets what is too old. To be called now and then, so that there is room. */
void pl_influx_known_sweep(struct pl_influx_known *k, int64_t now_ns);

/* Adds the key or lets it live on. Copies `reason` (may be NULL; its first 255 bytes). Does nothing when there is no room. */
void pl_influx_known_add(struct pl_influx_known *k, uint64_t key, const char *reason, int64_t now_ns);

bool pl_influx_known_has(const struct pl_influx_known *k, uint64_t key, int64_t now_ns);
void pl_influx_known_forget(struct pl_influx_known *k, uint64_t key);

/* A copy of the reason in the arena, one for each `borrower` (not 0), however often asked. NULL: not known, or has none. */
const char *pl_influx_known_reason(struct pl_influx_known *k, uint64_t key, struct pl_arena *arena, uint64_t borrower);

#endif
