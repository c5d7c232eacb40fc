/* One output of the configuration: its thread, its queue, its plugin's instance, and the engine that delivers from one to the
 * other. */
#ifndef PL_PIPELINE_OUTPUT_H
#define PL_PIPELINE_OUTPUT_H

#include "pipeline/plugin.h"
#include "pipeline/queue.h"

struct pl_output;

struct pl_output_options {
	const char *name;                 /* copied */
	const struct pl_section *section; /* plugin and config; borrowed through `config` */
	struct pl_config *config;         /* shares, for as long as the output lives */
	uint64_t memory_bytes;
	enum pl_drop_policy policy;
	struct pl_log *log; /* borrowed */
};

/* Starts the thread and opens the instance there; waits for that. On failure `reason` says why. */
PL_MUST_CHECK enum pl_err pl_output_create(struct pl_output **out, const struct pl_output_options *options, char *reason,
					   size_t reason_size);

/* Any thread; shares the batch. Never blocks; a full queue drops by its policy and counts. */
void pl_output_put(struct pl_output *o, struct pl_batch *b);

/* Any thread. False when this output cannot be read back (or is closing): q stays the caller's. */
bool pl_output_query(struct pl_output *o, struct pl_query *q);
bool pl_output_readable(const struct pl_output *o);

const char *pl_output_name(const struct pl_output *o);
const struct pl_section *pl_output_section(const struct pl_output *o);

enum pl_output_state { PL_OUTPUT_IDLE, PL_OUTPUT_DELIVERING, PL_OUTPUT_RETRYING, PL_OUTPUT_HOLDING };

struct pl_output_status {
	struct pl_queue_account account;
	enum pl_output_state state;
	uint64_t deliveries, retries, splits;
	int64_t failing_since_wall_ns; /* 0: well */
	char last_reason[256];         /* of the last failure; "" when well */
	long last_status;
};
void pl_output_status(const struct pl_output *o, struct pl_output_status *out); /* any thread */

/* What the instance counts for itself, by its own labels; any thread. NULL behind the last. */
const char *pl_output_counter(const struct pl_output *o, size_t i, uint64_t *value);

/* Goes on delivering until the queue is empty or grace_ms are over, then closes the instance and its thread, and frees. What is
 * still undelivered then goes to the queue of `heir` (which must outlive this), or is dropped and counted when that is NULL.
 * `closed` runs on `loop` with the number of points that had to be given up. */
void pl_output_close(struct pl_output *o, unsigned grace_ms, struct pl_output *heir, struct pl_loop *loop,
		     void (*closed)(void *data, uint64_t points_lost), void *data);

#endif
