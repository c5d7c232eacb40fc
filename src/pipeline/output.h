/* One output of the configuration: its thread, its queue in memory and on disk, its plugin's instance, and the engine that
 * delivers from one to the other. */
#ifndef PL_PIPELINE_OUTPUT_H
#define PL_PIPELINE_OUTPUT_H

#include "pipeline/deliverer.h"
#include "pipeline/journal.h"
#include "pipeline/plugin.h"
#include "pipeline/quarantine.h"
#include "pipeline/queue.h"

struct pl_output;

struct pl_output_options {
	const char *name;                 /* copied */
	const struct pl_section *section; /* plugin and config; borrowed through `config` */
	struct pl_config *config;         /* shares, for as long as the output lives */
	uint64_t memory_bytes;
	enum pl_drop_policy policy;
	struct pl_log *log; /* borrowed */
	/* The disk part, for a durable plugin. */
	const char *queue_dir;       /* of all outputs: this one's has its name; NULL: memory only */
	struct pl_spool_limits disk; /* max_age_ns holds for memory too */
	enum pl_sync sync;
	struct pl_quarantine *quarantine; /* borrowed; NULL: what is refused is dropped, counted */
	struct pl_output *heir_of; /* will inherit from this one, its disk part too, and delivers nothing before; NULL: nobody */
	struct pl_live_feed *live; /* borrowed; NULL: nothing goes live */
};

/* Starts the thread and opens the instance there; waits for that. On failure `reason` says why. */
PL_MUST_CHECK enum pl_err pl_output_create(struct pl_output **out, const struct pl_output_options *options, char *reason,
					   size_t reason_size);

/* Any thread; shares the batch. Never blocks; a full queue drops by its policy and counts. */
void pl_output_put(struct pl_output *o, struct pl_batch *b);

/* Any thread. False when this output cannot be read back (or is closing): q stays the caller's. */
bool pl_output_query(struct pl_output *o, struct pl_query *q);
bool pl_output_readable(const struct pl_output *o);
bool pl_output_is_live(const struct pl_output *o); /* takes live values, and no batches */

const char *pl_output_name(const struct pl_output *o);
const struct pl_section *pl_output_section(const struct pl_output *o);

struct pl_output_status {
	struct pl_queue_account account;
	struct pl_deliverer_status delivery;
	int64_t oldest_age_ns; /* of what waits; 0: nothing does */
	int64_t lag_ns;        /* since when points have come that were not delivered yet; 0: none wait */
};
void pl_output_status(const struct pl_output *o, struct pl_output_status *out); /* any thread */

/* What the instance counts for itself, by its own labels; any thread. NULL behind the last. */
const char *pl_output_counter(const struct pl_output *o, size_t i, uint64_t *value);

/* Goes on delivering until the queue is empty or grace_ms are over, then closes the instance and its thread, and frees. What is
 * still undelivered then stays on disk, or is dropped and counted when it is in memory only. With an `heir` (which must outlive
 * this) it ends at once, and queue, disk and account are the heir's. `closed` runs on `loop` with the number of points that had
 * to be given up. */
void pl_output_close(struct pl_output *o, unsigned grace_ms, struct pl_output *heir, struct pl_loop *loop,
		     void (*closed)(void *data, uint64_t points_lost), void *data);

#endif
