/* Keeps Kapacitor's tasks as they should be: what is desired against what is there, every interval and at once on change.
 *
 * A task is ours when its id begins with the prefix and its script with PL_TICK_MARKER; no other is ever written to. The prefix
 * must belong to one Pulseline alone: what carries both and is not desired is deleted. A pass lists once and compares page by
 * page by a fingerprint; where nothing differs nothing is written.
 *
 * On one loop and its thread. Memory: what is desired (equal scripts once) and some hundred bytes a task. */
#ifndef PL_ALERTS_RECONCILER_H
#define PL_ALERTS_RECONCILER_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/kapacitor.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "config/kapacitor.h"
#include "net/loop.h"

struct pl_reconciler;

enum {
	PL_TASK_REQUESTS = PL_KAPACITOR_CALLS, /* at once, at most */
	PL_TASK_ID_BYTES = 160,                /* the most of a task's id, prefix included */
	PL_TASK_REASON_BYTES = 512,
};

struct pl_reconciler_options {
	struct pl_loop *loop;
	struct pl_log *log;             /* NULL: none */
	struct pl_kapacitor *kapacitor; /* borrowed; must be closed after this */
	const char *prefix;             /* [A-Za-z0-9._-]+; borrowed */
	int64_t interval_ns;            /* between the starts of two whole passes; > 0 */
	int drift;                      /* enum pl_drift_policy */
	/* State, executing, error or growing of a task differ from what was told last. From the loop, or from within set and
	 * remove. May call set, remove, status. May be NULL. */
	void (*on_status_changed)(void *data, const char *id);
	void *data;
};

/* Does nothing before pl_reconciler_start: until then the owner says all that is desired, for whatever is not will be deleted. */
struct pl_reconciler *pl_reconciler_create(const struct pl_reconciler_options *options);
void pl_reconciler_start(struct pl_reconciler *r);

/* Ends its requests, then frees and calls on_closed (from the loop). No other call after this. */
void pl_reconciler_close(struct pl_reconciler *r, void (*on_closed)(void *data), void *data);

/* All borrowed for the call. */
struct pl_reconciler_task {
	struct pl_str script; /* UTF-8, begins with PL_TICK_MARKER */
	struct pl_str vars;   /* JSON object as POST /tasks takes it; {}: none */
	struct pl_str dbrps;  /* JSON array, not empty */
	bool enabled;
	/* What pl_task_status said before a restart, so that drift is told from a change of our own; 0: not known. */
	uint64_t known_fingerprint, known_created;
};

/* The task `id` (prefix included, [A-Za-z0-9._-]) is to be there as given. Cheap when that is what was desired already.
 * PL_EINVAL: `reason` says why Kapacitor could not take it; what was desired before stays. */
PL_MUST_CHECK enum pl_err pl_reconciler_set(struct pl_reconciler *r, const char *id, const struct pl_reconciler_task *task,
					    char *reason, size_t reason_size);

/* It is not to be there. Harmless when it was not desired. */
void pl_reconciler_remove(struct pl_reconciler *r, const char *id);

/* A change of all that is desired: between the two calls every task that is to stay is set; the others are removed. */
void pl_reconciler_replace_begin(struct pl_reconciler *r);
void pl_reconciler_replace_end(struct pl_reconciler *r);

/* Looks at everything again, soon. `retry`: also what failed and waits for a later pass. */
void pl_reconciler_poke(struct pl_reconciler *r, bool retry);

enum pl_task_state {
	PL_TASK_PENDING,  /* not brought to Kapacitor yet, or not as it is desired now */
	PL_TASK_OK,       /* as desired, and running */
	PL_TASK_DISABLED, /* as desired, which is not running */
	PL_TASK_DRIFTED,  /* somebody else changed it: to be repaired, or left so by policy */
	PL_TASK_FAILED,   /* `error` says why; tried again on change and at every so many passes */
	PL_TASK_FOREIGN,  /* the id is that of somebody else's task */
	PL_TASK_DELETING,
	PL_TASK_STATES,
};
/* "pending", "ok", "disabled", "drifted", "failed", "foreign", "deleting" */
const char *pl_task_state_text(enum pl_task_state state);

struct pl_task_status {
	enum pl_task_state state;
	bool executing;
	const char *error;                         /* printable; "": none; valid until the next call of the loop */
	int64_t since_wall_ns;                     /* of the state */
	int64_t checked_wall_ns;                   /* when Kapacitor was last seen to have it, or not; 0: never */
	uint64_t node_errors;                      /* points that the running task could not evaluate, since it was started */
	bool errors_growing;                       /* there were more at the last look than at the one before */
	uint64_t known_fingerprint, known_created; /* for pl_reconciler_task; 0: it was never seen as desired */
};

/* False when nothing is known of that id. */
bool pl_reconciler_status(const struct pl_reconciler *r, const char *id, struct pl_task_status *out);

struct pl_reconciler_info {
	uint64_t gets, posts, patches, deletes; /* requests; all but gets are writes */
	uint64_t passes;                        /* whole ones, good or not */
	uint64_t looks;                         /* at changed tasks alone, between the passes */
	uint64_t failures;                      /* of either: Kapacitor was away */
	uint64_t created, changed, deleted;     /* tasks, as desired */
	uint64_t repaired;                      /* tasks: drift undone, started again */
	uint64_t tasks[PL_TASK_STATES];         /* now */
	uint64_t foreign;                       /* tasks with our prefix, but not ours, at the last whole pass */
	bool busy;                              /* a pass or look is going on, or one is due for a change */
	bool reached;                           /* the last pass or look was good */
	int64_t last_pass_wall_ns;              /* end of the last good whole one; 0: none yet */
	int64_t last_pass_ns;                   /* how long it took */
	int64_t failing_since_wall_ns;          /* 0: it is not */
	char reason[PL_TASK_REASON_BYTES];      /* of that; empty: none */
};
void pl_reconciler_info(const struct pl_reconciler *r, struct pl_reconciler_info *out);

#endif
