/* What the log says of a target's failures: the first one with its reason, whatever others follow, and the end of them with how
 * long it took, how many there were, and of which kinds. What fails at the moment is in /api/v1/targets. */
#ifndef PL_IN_SCRAPE_TROUBLE_H
#define PL_IN_SCRAPE_TROUBLE_H

#include "base/incident.h"
#include "pipeline/plugin.h"

/* Zero-initialise. */
struct pl_scrape_trouble {
	struct pl_incident incident;
	uint32_t kinds[PL_SCRAPE_RESULTS]; /* failures since it began */
};

/* A scrape failed. */
void pl_scrape_trouble_fail(struct pl_scrape_trouble *t, const struct pl_target *target, enum pl_scrape_result result,
			    const char *reason, struct pl_log *log);

/* A scrape worked. */
void pl_scrape_trouble_end(struct pl_scrape_trouble *t, const struct pl_target *target, struct pl_log *log);

#endif
