/* A task as it should be against a task as it is: are they the same, and if not, what is to be done. */
#ifndef PL_ALERTS_TASK_DIFF_H
#define PL_ALERTS_TASK_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/kapacitor_answer.h"
#include "config/kapacitor.h"

/* A number that two tasks share when script, vars and dbrps are the same to Kapacitor: the script byte for byte; vars and dbrps
 * in any order, durations as text or nanoseconds, numbers however they are written, descriptions left out. `task` is an object
 * with the members script, vars and dbrps. Never 0. */
uint64_t pl_task_fingerprint(const struct pl_node *task);

/* The same of three texts: vars a JSON object, dbrps a JSON array of at least one {db, rp}. PL_EINVAL, `reason` says what is
 * wrong with them. */
PL_MUST_CHECK enum pl_err pl_task_fingerprint_of(struct pl_str script, struct pl_str vars, struct pl_str dbrps, uint64_t *out,
						 char *reason, size_t reason_size);

struct pl_task_want {
	bool wanted; /* false: it is to go */
	bool enabled;
	uint64_t fingerprint;
};

/* What is remembered of a task that was seen to be as we wanted it; zero: nothing. */
struct pl_task_memory {
	uint64_t fingerprint; /* 0: not known */
	uint64_t created;     /* 0: not known */
	bool enabled;
};

enum pl_task_action {
	PL_DO_LEAVE, /* all is well */
	PL_DO_CREATE,
	PL_DO_REWRITE, /* disable it with the new content, enable it if it should be */
	PL_DO_ENABLE,
	PL_DO_DISABLE,
	PL_DO_RESTART, /* enabled but not running: disable, enable */
	PL_DO_DELETE,
	PL_DO_NOT_TOUCH, /* somebody else's: hands off */
	PL_DO_REPORT,    /* changed by somebody else, and to be left so */
};

/* `is` is NULL when there is no such task. `*drift`: somebody else changed what was right. */
enum pl_task_action pl_task_decide(const struct pl_task_want *want, const struct pl_kapacitor_task *is,
				   const struct pl_task_memory *memory, int policy /* enum pl_drift_policy */, bool *drift);

#endif
