/* From an alert to a Kapacitor task: a TICKscript out of the templates in tick/, and the vars that carry all text of users.
 *
 * The script depends on the alert's kind, aggregate, number of tags and group tags, and their names alone; values, thresholds, names of
 * measurements and fields, messages and URLs travel as vars (JSON). Nothing a user types can change the script's structure. */
#ifndef PL_ALERTS_TICK_H
#define PL_ALERTS_TICK_H

#include "base/buf.h"
#include "config/alert.h"

/* What the script of every task of ours begins with; the rest of that line says which template it came from. */
#define PL_TICK_MARKER "// Pulseline alert"

/* What an alert lacks is taken from here. */
struct pl_alert_defaults {
	const char *database, *retention_policy;
	const char *field; /* NULL: the metric's own name (pulse's layout) */
	const char *proof_database; /* also fed to the task; NULL: no proofs */
};

struct pl_tick_options {
	struct pl_alert_defaults defaults;
	const char *webhook; /* URL that the task posts to */
	const char *token;   /* sent along as header X-Pulseline-Token */
};

/* Zero-initialise. All owned. */
struct pl_tick_task {
	struct pl_buf script;
	struct pl_buf vars;  /* a JSON object as POST /tasks takes it, keys sorted */
	struct pl_buf dbrps; /* a JSON array, likewise */
};
void pl_tick_task_finish(struct pl_tick_task *t);

/* PL_EINVAL: `reason` says which part of the alert no TICKscript can carry (a tag's name with a backslash at its end ...). */
PL_MUST_CHECK enum pl_err pl_tick_render(const struct pl_alert *a, const struct pl_tick_options *options, struct pl_tick_task *out,
					 char *reason, size_t reason_size);

/* The tag that synthetic points alone carry; its value is the alert's id. Their values are the group tags', too. */
#define PL_TICK_PROOF_TAG "pulseline_proof"

/* The `id` of an event is ALERT/GROUP: the alert's id, and Kapacitor's name of the group ("host=a,...", "nil": none). */
bool pl_tick_split_id(struct pl_str task_id, struct pl_str *alert, struct pl_str *group);

/* What pulse's receivers know an alert's series by: "[v1|v2] METRIC" of the alert's tags in the order of their names, and what else
 * tells the series from its neighbours: "[v1] METRIC (host=a)". */
void pl_tick_title(const struct pl_alert *a, struct pl_labels series, struct pl_buf *out);

/* Lines of line protocol (no newline behind the last) that make the task fire when they arrive at `wall_ns`, and how long that may
 * take at most. `step` counts from 0; false: there is no further step. For windows several steps are needed. */
bool pl_tick_proof_step(const struct pl_alert *a, const struct pl_alert_defaults *defaults, unsigned step, int64_t wall_ns,
			struct pl_buf *lines, int64_t *wait_ns);

#endif
