/* One source of target groups (a file, a URL ...): what it said last, and the targets that came of it. */
#ifndef PL_TARGETS_SOURCE_H
#define PL_TARGETS_SOURCE_H

#include "base/arena.h"
#include "base/incident.h"
#include "base/log.h"
#include "pipeline/plugin.h"
#include "targets/manager.h"
#include "targets/target_builder.h"
#include "targets/target_set.h"

/* What all sources of a manager share. */
struct pl_source_env {
	struct pl_log *log;
	struct pl_target_set set;
	struct pl_target_builder builder;
	size_t max_targets;                /* of all sources together; those beyond are refused */
	uint64_t invalid, dropped;         /* refused, and dropped by relabeling, now, of all sources */
	size_t remembered, max_remembered; /* of the dropped ones, of all sources together */
};

struct pl_source {
	struct pl_source *next;
	struct pl_source_env *env;
	const char *mechanism; /* a plugin's name */
	struct pl_str name;
	struct pl_arena arena; /* of the groups */
	struct pl_target_group *groups;
	size_t n_groups;
	struct pl_target **targets; /* borrowed from the set, each named once */
	size_t n_targets, invalid, dropped;
	struct pl_arena memory; /* of the dropped targets that are remembered */
	struct pl_dropped_target *remembered;
	size_t n_remembered;
	char *trouble, *refusal; /* what the plugin says; what its targets were refused for. "" when well */
	struct pl_incident incident;
	int64_t updated_wall_ns;
};

struct pl_source *pl_source_create(struct pl_source_env *env, const char *mechanism, struct pl_str name);

/* Drops its targets and frees it. */
void pl_source_destroy(struct pl_source *s);

/* Copies the groups; the targets stay until the next settlement. */
void pl_source_set_groups(struct pl_source *s, const struct pl_target_group *groups, size_t n);

/* Makes the groups' targets anew for `job`: names the new ones in the set, then drops the old ones. */
void pl_source_settle(struct pl_source *s, struct pl_config *config, const struct pl_job *job);

/* "" ends the trouble. Logs the beginning and the end of a bad time. */
void pl_source_set_trouble(struct pl_source *s, const char *job, const char *reason);

void pl_source_status(const struct pl_source *s, const char *job, struct pl_discovery_status *out);

#endif
