/* Where inputs leave values that are to go live (Redis, browsers), beside the points that go to the outputs; and where those who
 * pass them on find them again. */
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

struct pl_live_message;

/* One who reads along. Zero-initialised, but for `wake`. */
struct pl_live_listener {
	/* Any thread, to be brief, not to call the feed: there is something to read, for the first time since a read found
	 * nothing. */
	void (*wake)(struct pl_live_listener *l);
	/* The feed's. */
	struct pl_live_listener *prev, *next;
	uint64_t at;
	bool asleep;
};

/* All that the taps take in, as numbered messages in one order, bounded: who reads too late misses the oldest. Any thread, each
 * listener by one at a time. */
struct pl_live_feed {
	void (*join)(struct pl_live_feed *feed, struct pl_live_listener *l);  /* hears what is published from now on */
	void (*leave)(struct pl_live_feed *feed, struct pl_live_listener *l); /* no wake after it */
	/* Shares up to `room` messages, to be released; adds to *missed how many were gone before. 0: nothing now, there will be
	 * a wake. */
	size_t (*read)(struct pl_live_feed *feed, struct pl_live_listener *l, struct pl_live_message **out, size_t room,
		       uint64_t *missed);
};

#endif
