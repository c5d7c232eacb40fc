#include "api/metric_out.h"
#include "api/private.h"
#include "base/clock.h"
#include "base/mem.h"

void pl_api_add_quarantine_metrics(struct pl_metric_out *e, const struct pl_api *a)
{
	if (a->env.quarantine == NULL)
		return;
	const struct pl_quarantine_stats s = pl_quarantine_stats(a->env.quarantine);
	const struct {
		const char *name, *help;
		enum pl_family_type type;
		uint64_t value;
	} rows[] = {
	    {"pulseline_quarantine_lines", "Lines in the quarantine.", PL_FAMILY_GAUGE, s.lines},
	    {"pulseline_quarantine_bytes", "Bytes in the quarantine.", PL_FAMILY_GAUGE, s.bytes},
	    {"pulseline_quarantine_limit_bytes", "How many bytes the quarantine holds.", PL_FAMILY_GAUGE, s.max_bytes},
	    {"pulseline_quarantine_added", "Lines that came into the quarantine.", PL_FAMILY_COUNTER, s.added},
	    {"pulseline_quarantine_replayed", "Lines that were sent again.", PL_FAMILY_COUNTER, s.replayed},
	    {"pulseline_quarantine_deleted", "Lines that were deleted on request.", PL_FAMILY_COUNTER, s.deleted},
	    {"pulseline_quarantine_gone_full", "Lines that went to make room for newer ones.", PL_FAMILY_COUNTER, s.gone_full},
	    {"pulseline_quarantine_failed", "Lines that could not be written into the quarantine.", PL_FAMILY_COUNTER, s.failed},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		pl_metric_family(e, rows[i].name, rows[i].type, rows[i].help);
		pl_metric_sample(e);
		pl_metric_u64(e, rows[i].value);
	}
	int64_t age = s.oldest_wall_ns != 0 ? pl_clock_wall_ns() - s.oldest_wall_ns : 0;
	pl_metric_family(e, "pulseline_quarantine_oldest_age_seconds", PL_FAMILY_GAUGE,
			 "How long ago the oldest line of the quarantine was refused.");
	pl_metric_sample(e);
	pl_metric_seconds(e, age > 0 ? age : 0);
}
