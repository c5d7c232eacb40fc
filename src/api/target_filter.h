/* Which targets a request to /api/v1/targets asks for, by its query string. */
#ifndef PL_API_TARGET_FILTER_H
#define PL_API_TARGET_FILTER_H

#include <stdbool.h>

#include "base/arena.h"
#include "format/selector.h"
#include "pipeline/target.h"

enum { PL_TARGET_FILTER_POOLS = 32 };

/* Zero-initialise; pl_target_filter_finish frees. */
struct pl_target_filter {
	struct pl_arena arena;
	bool active, dropped;
	struct pl_str pools[PL_TARGET_FILTER_POOLS];
	size_t n_pools; /* 0: all */
	struct pl_selector selector;
	bool by_health;
	enum pl_target_health health;
	uint64_t offset, limit; /* limit: UINT64_MAX when not given */
	size_t outcomes;        /* how many of the last ones to show */
};

/* Parameters: state, scrapePool (several), match, health, offset, limit, outcomes; others are left to others. PL_EINVAL: `reason`
 * says which one is wrong and what would be right. */
PL_MUST_CHECK enum pl_err pl_target_filter_parse(struct pl_target_filter *f, struct pl_str query_string, char *reason,
						 size_t reason_size);
void pl_target_filter_finish(struct pl_target_filter *f);

bool pl_target_filter_pool(const struct pl_target_filter *f, const char *pool);
bool pl_target_filter_fits(struct pl_target_filter *f, const struct pl_target *t); /* all but health, offset and limit */

const char *pl_target_health_word(enum pl_target_health h);

#endif
