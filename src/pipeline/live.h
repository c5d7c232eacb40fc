/* Where inputs leave values that are to go live (Redis, browsers), beside the points that go to the outputs. */
#ifndef PL_PIPELINE_LIVE_H
#define PL_PIPELINE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* One value as a subscriber of mist would get it: `data` is the text as it came, the tags stand for themselves ("metrics",
 * "host:web1", "cpu_used"). Tags may repeat and be empty; their order is the publisher's. */
struct pl_live_value {
	const struct pl_str *tags;
	size_t n_tags;
	struct pl_str data;
	int64_t wall_ns;
};

struct pl_live_tap {
	/* Any thread: does anybody listen? One relaxed load. */
	bool (*wanted)(const struct pl_live_tap *tap);
	/* Any thread; copies, never blocks, drops the oldest and counts when it must. The values of one call stay in their order,
	 * and so do the calls of one thread. */
	void (*publish)(struct pl_live_tap *tap, const struct pl_live_value *v, size_t n);
};

#endif
