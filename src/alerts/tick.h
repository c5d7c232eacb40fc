/* From an alert to a Kapacitor task: a TICKscript out of the templates in tick/, and the vars that carry all text of users.
 *
 * The script depends on the alert's kind, aggregate, number of tags and group tags, and their names alone; values, thresholds,
 * names of measurements and fields, messages and URLs travel as vars (JSON). Nothing a user types can change the script's
 * structure. */
#ifndef PL_ALERTS_TICK_H
#define PL_ALERTS_TICK_H

#include "base/buf.h"
#include "config/alert.h"

/* The first line of every script of ours: what does not begin with it is somebody else's. */
#define PL_TICK_MARKER "// Pulseline alert"

/* What an alert lacks is taken from here. */
struct pl_alert_defaults {
	const char *database, *retention_policy;
	const char *field;          /* NULL: the metric's own name (pulse's layout) */
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
PL_MUST_CHECK enum pl_err pl_tick_render(const struct pl_alert *a, const struct pl_tick_options *options,
					 struct pl_tick_task *out, char *reason, size_t reason_size);

/* The tag that synthetic points alone carry; its value is the alert's id. Their values are the group tags', too. */
#define PL_TICK_PROOF_TAG "pulseline_proof"

/* The `id` of an event is ALERT/GROUP: the alert's id, and Kapacitor's name of the group ("host=a,...", "nil": none). */
bool pl_tick_split_id(struct pl_str task_id, struct pl_str *alert, struct pl_str *group);

/* What pulse's receivers know an alert's series by: "[v1|v2] METRIC" of the alert's tags in the order of their names, and what
 * else of its group tells the series from its neighbours: "[v1] METRIC (dc=b) (host=a)". */
void pl_tick_title(const struct pl_alert *a, struct pl_labels series, struct pl_buf *out);

/* Lines of line protocol (no newline behind the last; `lines` is cleared first) for the proof database, at about `wall_ns`: step
 * 0 makes the task fire for a series of its own, step 1 makes it recover; each `*wait_ns` after it at most the webhook has come.
 * False: there is no such step. A deadman has no step 1 (silence is its alarm; where it fired before, step 0 makes it recover
 * first), and there is no step 0 where no points can do it: a count below 1 or above 1,000, relative windows that overlap.
 *
 * Their times lie in the past, so that whole windows pass at once. Therefore the next proof of the same running task must not
 * begin before it has forgotten this one: duration + every (relative: + ago) later. A task that was stopped and started may be
 * asked at once. Behind `stats` (deadman) points of users have the proof tag, too, with an empty value. */
bool pl_tick_proof_step(const struct pl_alert *a, const struct pl_alert_defaults *defaults, unsigned step, int64_t wall_ns,
			struct pl_buf *lines, int64_t *wait_ns);

#endif
