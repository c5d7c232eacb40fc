/* What Kapacitor answers, read: tasks, as far as they are compared, and what went wrong in its words. */
#ifndef PL_ALERTS_KAPACITOR_ANSWER_H
#define PL_ALERTS_KAPACITOR_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "config/node.h"

/* A task as Kapacitor has it. Of script, vars and dbrps only the fingerprint is kept, see alerts/task_diff.h. */
struct pl_kapacitor_task {
	struct pl_str id;
	struct pl_str
	    error; /* of the last start or end; stays when the task was mended, so it only counts when it does not run */
	uint64_t fingerprint; /* not 0 */
	uint64_t created;     /* tells a task from a later one of the same id; 0: not known */
	uint64_t node_errors; /* of all nodes, since it was started */
	bool enabled, executing;
	bool marked; /* the script begins with PL_TICK_MARKER */
};

struct pl_kapacitor_page {
	struct pl_kapacitor_task *tasks;
	size_t n;
};

/* The answer to a list with the raw script. All lies in the arena. PL_EPARSE, PL_ELIMIT: `reason` says why, printable. */
PL_MUST_CHECK enum pl_err pl_kapacitor_page_read(struct pl_arena *arena, struct pl_str body, struct pl_kapacitor_page *out,
						 char *reason, size_t reason_size);

/* The answer to a get of one. */
PL_MUST_CHECK enum pl_err pl_kapacitor_task_read(struct pl_arena *arena, struct pl_str body, struct pl_kapacitor_task *out,
						 char *reason, size_t reason_size);

/* Writes what an answer with an error says: its member `error`, or its text if it is short and no HTML; printable, cut to fit at
 * a character's end. */
void pl_kapacitor_words(struct pl_str body, char *out, size_t size);

/* Writes `s` printable and cut to fit. */
void pl_kapacitor_say(struct pl_str s, char *out, size_t size);

#endif
