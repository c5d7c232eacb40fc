/* One thing to scrape: immutable and refcounted, made by targets/ on the control thread, owned by one worker. */
#ifndef PL_PIPELINE_TARGET_H
#define PL_PIPELINE_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "config/config.h"
#include "format/labels.h"

struct pl_target {
	atomic_uint refs;
	struct pl_arena arena;
	struct pl_config *config; /* shares: keeps `job` alive */
	const struct pl_job *job;
	uint64_t key;   /* what it is: equal keys scrape the same thing in the same way */
	uint64_t phase; /* where in its interval it is scraped: hash of URL and labels, stable over restarts and reloads */
	const char *url;
	struct pl_labels labels;     /* what its samples get; no `__` names */
	struct pl_labels discovered; /* before they were settled: __address__, __meta_* ... */
	int64_t interval_ns, timeout_ns;
};

struct pl_target *pl_target_share(struct pl_target *t); /* any thread */
void pl_target_release(struct pl_target *t);            /* any thread; the last one frees */

/* The metrics that made the most new series after a target had reached its series_limit. */
enum { PL_TARGET_OFFENDERS = 8 };
struct pl_target_offenders {
	struct pl_target_offender {
		char metric[64]; /* longer names are cut */
		uint64_t dropped;
	} v[PL_TARGET_OFFENDERS]; /* most first */
	size_t n;
};

enum pl_target_health { PL_TARGET_UNKNOWN, PL_TARGET_UP, PL_TARGET_DOWN };

/* How it went, copied out by its worker on request. */
struct pl_target_status {
	struct pl_target *target; /* shares */
	enum pl_target_health health;
	char last_error[256];        /* "" when the last scrape went well */
	int64_t last_scrape_wall_ns; /* 0: never */
	int64_t last_duration_ns;
	uint64_t last_samples, last_dropped, last_bytes;
	uint64_t last_kept;         /* samples after metric relabeling */
	uint64_t last_series_added; /* 0 where series are not remembered */
	uint64_t known_series;      /* those that series_limit bounds; 0 without one */
	int64_t down_since_wall_ns; /* 0: not down */
	uint64_t scrapes, failures; /* since it was taken on */
	uint64_t failures_in_row;
	struct pl_target_offenders *offenders; /* of the last good page; owned, NULL: none */
};

#endif
