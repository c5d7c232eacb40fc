/* The parts of the reconciler: the table of tasks (reconciler.c), the passes (reconciler_pass.c), what is done for one task
 * (reconciler_job.c). */
#ifndef PL_ALERTS_RECONCILER_PRIVATE_H
#define PL_ALERTS_RECONCILER_PRIVATE_H

#include <uthash.h>
#include <uv.h>

#include "alerts/reconciler.h"
#include "alerts/task_diff.h"
#include "base/incident.h"
#include "pipeline/backoff.h"

/* A script, shared by all tasks that have it. */
struct pl_task_script {
	UT_hash_handle hh;
	size_t users, n;
	char text[];
};

struct pl_task {
	UT_hash_handle hh;
	/* desired */
	struct pl_task_want want;
	struct pl_task_script *script; /* NULL: it is not wanted */
	struct pl_str vars, dbrps;     /* owned */
	struct pl_task_memory memory;
	bool dirty;   /* changed since a decision was made for it */
	bool kept;    /* while all that is desired is replaced */
	bool gone;    /* not wanted, and not there: freed at the end of the pass */
	bool queued;  /* in the pass' queue, or has a job */
	bool drifted; /* the decision that is being carried out undoes somebody else's change */
	/* the last look */
	uint64_t seen; /* the pass that saw it */
	enum pl_task_action action;
	/* back-off */
	unsigned attempts;    /* since it was last seen as desired */
	uint64_t retry_pass;  /* not before that one */
	struct pl_task *next; /* in the queue */
	/* status */
	enum pl_task_state state;
	bool executing, errors_known, errors_growing;
	uint64_t node_errors, told; /* told: a hash of what the owner was told last */
	int64_t since_wall_ns, checked_wall_ns;
	char *error; /* owned; NULL: none */
	char id[];
};

/* What is being done for a task: one request after the other. */
struct pl_task_job {
	struct pl_kapacitor_call call;
	struct pl_reconciler *r;
	struct pl_task *task; /* NULL: idle */
	enum pl_task_step {
		PL_STEP_LOOK,
		PL_STEP_CREATE,
		PL_STEP_STOP, /* with the new content or without */
		PL_STEP_START,
		PL_STEP_DELETE
	} step;
	struct pl_buf script, vars, dbrps; /* what is being sent: the task may change meanwhile */
	enum pl_task_action first, tried;  /* what this job set out to do, what it did last */
	bool enable;                       /* the task is to run at the end */
	bool drift;                        /* it undoes somebody else's change */
	bool wrote;                        /* some request of this job changed something */
	bool start_failed;
	unsigned rounds, looks;
	char error[PL_TASK_REASON_BYTES]; /* of the last write that was refused; empty: none */
	uv_timer_t timer;                 /* between two looks */
};

enum pl_pass_kind { PL_PASS_NONE, PL_PASS_WHOLE, PL_PASS_LOOK };

struct pl_reconciler {
	struct pl_reconciler_options options;
	size_t prefix_n;
	struct pl_task *tasks;          /* uthash by id */
	struct pl_task_script *scripts; /* uthash by text */
	size_t n_dirty;
	bool started, closing, retry_all;
	uv_timer_t timer;
	unsigned handles; /* that are open */
	void (*on_closed)(void *data);
	void *closed_data;
	/* the pass */
	enum pl_pass_kind pass_kind;
	struct pl_kapacitor_call list;
	uint64_t pass, offset, foreign, extra;
	unsigned limit;
	int64_t pass_began_ns, due_ns; /* of mono clock; due: the next whole one */
	struct pl_task_job jobs[PL_TASK_REQUESTS];
	unsigned active;
	struct pl_task *first, *last; /* waiting for a job */
	bool away;                    /* no more requests in this pass */
	unsigned said;                /* failures of tasks that were logged in this pass */
	struct pl_reconciler_info before;
	/* all of them */
	struct pl_incident incident;
	struct pl_backoff backoff;
	struct pl_reconciler_info info;
};

/* reconciler.c */
struct pl_task *pl_task_find(const struct pl_reconciler *r, struct pl_str id);
struct pl_task *pl_task_add(struct pl_reconciler *r, struct pl_str id);
void pl_task_free(struct pl_reconciler *r, struct pl_task *t);
void pl_task_clean(struct pl_reconciler *r, struct pl_task *t); /* it is dirty no more */
void pl_task_set_state(struct pl_task *t, enum pl_task_state state, const char *error /* NULL: none */);
void pl_task_tell(struct pl_reconciler *r, struct pl_task *t); /* the owner, if there is news; last in a function */

void pl_reconciler_call_ended(struct pl_reconciler *r); /* while it is being closed: instead of all else */

/* reconciler_pass.c */
void pl_pass_wake(struct pl_reconciler *r); /* something changed */
void pl_pass_init(struct pl_reconciler *r);
void pl_pass_on_timer(uv_timer_t *timer);
void pl_pass_away(struct pl_reconciler *r, const char *reason); /* Kapacitor does not answer: no more of this pass */
void pl_pass_job_done(struct pl_reconciler *r);                 /* a job ended */

/* reconciler_job.c */
void pl_job_init(struct pl_reconciler *r, struct pl_task_job *j);
void pl_job_begin(struct pl_task_job *j, struct pl_task *t, bool look); /* look: what is there is not known yet */
void pl_task_job_finish(struct pl_task_job *j);

/* Takes in what was seen (NULL: there is none), decides, and sets the task's state. `after_write`: by the job that changed it. */
void pl_task_observe(struct pl_reconciler *r, struct pl_task *t, const struct pl_kapacitor_task *is, bool after_write);

#endif
