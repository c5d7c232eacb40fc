/* From a verdict to what became of each batch of a delivery: refused lines go to the quarantine, lines to be held are put
 * together, the rest is out. */
#ifndef PL_PIPELINE_SETTLEMENT_H
#define PL_PIPELINE_SETTLEMENT_H

#include "pipeline/lane.h"
#include "pipeline/plugin.h"
#include "pipeline/quarantine.h"
#include "pipeline/spool.h"

struct pl_settlement_env {
	const char *output;
	struct pl_quarantine *quarantine; /* NULL: refused points are dropped by reason */
	struct pl_log *log;
	bool (*hold)(void *data, const struct pl_batch *b); /* keeps lines of batches on disk there; false: it cannot */
	void *data;
};

struct pl_settlement {
	struct pl_spool_outcome *outcomes; /* of each item, room given by the caller */
	struct pl_batch *held;             /* lines to be held of items that are on no disk (counted as moved); NULL: none */
	uint64_t quarantined, dropped, held_points;
};

/* Of DONE and REFUSED. `s` comes with `outcomes` only. */
void pl_settlement_make(struct pl_settlement *s, const struct pl_settlement_env *env, const struct pl_lane_item *items, size_t n,
			const struct pl_verdict *v);

#endif
