/* From discovery to targets: runs every job's discovery plugins, merges their groups, settles labels, and tells what to scrape
 * and what no longer. On the control thread. */
#ifndef PL_TARGETS_MANAGER_H
#define PL_TARGETS_MANAGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "config/config.h"
#include "net/loop.h"
#include "pipeline/plugin.h"

struct pl_target_manager;

struct pl_target_events {
	void (*add)(void *data, struct pl_target *t);    /* shares if it keeps it */
	void (*remove)(void *data, struct pl_target *t); /* borrowed; equal key to one that was added */
};

struct pl_target_manager *pl_target_manager_create(struct pl_loop *loop, struct pl_log *log,
						   const struct pl_target_events *events, void *data);

/* Makes it so: keeps the discovery instances whose configuration did not change (their groups stay, nothing is read anew), opens
 * and closes the others; targets whose key stays are not touched. Shares the snapshot. */
void pl_target_manager_apply(struct pl_target_manager *m, struct pl_config *config);

/* Tells remove for every target, closes all discovery, frees; then `closed`. */
void pl_target_manager_close(struct pl_target_manager *m, void (*closed)(void *data), void *data);

/* A source of groups as it is now, for /metrics and the API. */
struct pl_discovery_status {
	const char *job, *mechanism;     /* "node", "file_sd_configs" */
	struct pl_str source;            /* a file's path ... */
	const char *trouble;             /* "" when well */
	size_t groups, targets, dropped; /* dropped: by relabeling */
	int64_t updated_wall_ns;
	int64_t trouble_since_wall_ns; /* 0: well */
};
/* Calls fn for every source; views valid during the call. */
void pl_target_manager_sources(const struct pl_target_manager *m, void (*fn)(void *data, const struct pl_discovery_status *s),
			       void *data);

/* Calls fn for every target that is scraped, in no order; it may share them. */
void pl_target_manager_targets(const struct pl_target_manager *m, void (*fn)(void *data, struct pl_target *t), void *data);

/* A target that relabeling dropped. */
struct pl_dropped_target {
	const char *job;
	struct pl_labels discovered;
	size_t rule; /* of the job's relabel_configs, from 0 */
};
/* Calls fn for those that are remembered: of each job at most keep_dropped_targets. Views valid during the call. */
void pl_target_manager_dropped(const struct pl_target_manager *m, void (*fn)(void *data, const struct pl_dropped_target *t),
			       void *data);

/* Calls fn for every source of every job; it says false to end it. For this room. */
struct pl_source;
void pl_target_manager_walk(const struct pl_target_manager *m,
			    bool (*fn)(void *data, struct pl_config *config, const struct pl_job *job, const struct pl_source *s),
			    void *data);

/* Calls fn for every job that has more targets than its target_limit. */
void pl_target_manager_over_limit(const struct pl_target_manager *m,
				  void (*fn)(void *data, const struct pl_job *job, size_t targets), void *data);

struct pl_target_counts {
	uint64_t active, invalid, duplicates; /* now: scraped, refused (bad address ...), equal to another one */
	uint64_t dropped;                     /* now: dropped by relabeling */
	uint64_t over_limit;       /* now: of the active ones, not scraped because their job has more than its target_limit */
	uint64_t limit_exceeded;   /* ever: how often a job was found to have too many, after each change of its targets */
	uint64_t matches_given_up; /* ever, in relabeling: patterns that would have taken too long */
};
struct pl_target_counts pl_target_manager_counts(const struct pl_target_manager *m);

#endif
