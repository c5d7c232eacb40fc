/* One running discovery plugin of a job and the sources that it told of. */
#ifndef PL_TARGETS_DISCOVERY_H
#define PL_TARGETS_DISCOVERY_H

#include "config/config.h"
#include "pipeline/plugin.h"
#include "targets/source.h"

struct pl_discovery;

/* Its job, as the manager knows it. Outlives the instance up to pl_discovery_close. */
struct pl_discovery_owner {
	struct pl_config *config; /* the newest */
	const struct pl_job *job;
	/* Sources of an instance whose configuration was edited. They stay until the one in its place has spoken, so that what
	 * both name is never without a target. */
	struct pl_source *held;
	/* It has other targets now, perhaps. */
	void (*changed)(struct pl_discovery_owner *owner);
	/* One of its instances said something for the first time; it may be about to say more. */
	void (*spoke)(struct pl_discovery_owner *owner);
};

/* Makes the instance of `section` (of owner->config, which it shares). It does nothing yet. */
struct pl_discovery *pl_discovery_create(struct pl_discovery_owner *owner, struct pl_source_env *env, struct pl_loop *loop,
					 const struct pl_section *section);
/* Starts it. A failure is shown as a source in trouble; such an instance never speaks. */
void pl_discovery_open(struct pl_discovery *d);

bool pl_discovery_fits(const struct pl_discovery *d, const struct pl_section *section); /* runs, and with this configuration */
bool pl_discovery_spoke(const struct pl_discovery *d);
const char *pl_discovery_mechanism(const struct pl_discovery *d);
const struct pl_source *pl_discovery_sources(const struct pl_discovery *d); /* a list by `next` */
void pl_discovery_settle(struct pl_discovery *d);                           /* all sources anew, after owner->job changed */

/* Hands its sources to the front of `*sources` (taken by the caller), stops it, frees it; then `closed`. */
void pl_discovery_close(struct pl_discovery *d, struct pl_source **sources, void (*closed)(void *data), void *data);

#endif
