/* What an alert comes to when it is rendered: what it leaves out is filled in. Inside of alerts/tick*.c only. */
#ifndef PL_ALERTS_TICK_PARTS_H
#define PL_ALERTS_TICK_PARTS_H

#include "alerts/tick.h"

struct pl_tick_parts {
	const struct pl_alert *alert; /* borrowed */
	const char *database, *retention_policy, *field;
	bool all_tags;        /* grouped by every tag there is */
	struct pl_str *group; /* n tags, PL_TICK_PROOF_TAG apart, each once; owned */
	size_t groups;
	struct pl_alert_bound bounds[PL_ALERT_LEVELS];
	struct pl_buf value; /* the field that the alert node looks at: [A-Za-z0-9_] only */
};

/* PL_EINVAL with a reason, `p` needs no finish then. Borrows all. */
PL_MUST_CHECK enum pl_err pl_tick_parts_init(struct pl_tick_parts *p, const struct pl_alert *a,
					     const struct pl_alert_defaults *defaults, char *reason, size_t reason_size);
void pl_tick_parts_finish(struct pl_tick_parts *p);

/* Windows that are not full say nothing of a sum or a count. */
bool pl_tick_needs_full_window(const struct pl_alert *a);

/* Appends the Go template of the alert's message. */
void pl_tick_add_message(const struct pl_tick_parts *p, struct pl_buf *out);

#endif
