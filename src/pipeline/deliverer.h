/* The engine that delivers from an output's queue to its plugin's instance: gathers, lends, reads the verdict, waits and tries
 * again. On the output's thread.
 *
 * After a failure the newest points go first, once in a while as long as it lasts; when the server takes them again, what stood
 * behind follows whenever nothing live is due. After each such delivery it rests for as long as the answer took, so that the
 * server has half of its time for others. */
#ifndef PL_PIPELINE_DELIVERER_H
#define PL_PIPELINE_DELIVERER_H

#include "pipeline/journal.h"
#include "pipeline/plugin.h"
#include "pipeline/quarantine.h"
#include "pipeline/queue.h"

struct pl_deliverer;

struct pl_deliverer_options {
	const char *name; /* of the output; borrowed, as all here */
	const struct pl_output_ops *ops;
	void *self; /* the instance */
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_queue *queue;
	struct pl_quarantine *quarantine; /* NULL: what is refused is dropped, counted */
	int64_t max_age_ns;               /* of what is in memory only; 0: no bound */
	bool awaits_journal;              /* delivers nothing before pl_deliverer_set_journal */
};

enum pl_output_state { PL_OUTPUT_IDLE, PL_OUTPUT_DELIVERING, PL_OUTPUT_RETRYING, PL_OUTPUT_HOLDING };

const char *pl_output_state_word(enum pl_output_state state); /* "idle" */

/* Taken at one moment, but for the account, which the output adds. */
struct pl_deliverer_status {
	enum pl_output_state state;
	uint64_t deliveries, retries;
	uint64_t backlog_deliveries;   /* of these, of what stood behind */
	int64_t failing_since_wall_ns; /* 0: well */
	char last_reason[256];         /* of the last failure; "" when well */
	long last_status;
	int64_t last_answer_wall_ns;        /* 0: none yet */
	int64_t delivered_until_mono_ns;    /* when the newest batch was sealed that was delivered; 0: none yet */
	int64_t disk_trouble_since_wall_ns; /* 0: none */
	char disk_trouble[256];
	double rate_in, rate_out; /* points per second over the last minute */
};

struct pl_deliverer *pl_deliverer_create(const struct pl_deliverer_options *options);
void pl_deliverer_set_journal(struct pl_deliverer *d, struct pl_journal *j); /* borrowed; NULL: there is none any more */

/* Looks whether there is something to write or to deliver. */
void pl_deliverer_pump(struct pl_deliverer *d);

/* Delivers what there is without a rest; then (or when the server fails and nothing would be lost, for it is on disk) calls
 * `idle`, once, unless pl_deliverer_stop came first. */
void pl_deliverer_drain(struct pl_deliverer *d, void (*idle)(void *data), void *data);

/* Begins nothing any more. The delivery under way, if any, is to be ended by the instance, then pl_deliverer_close. */
void pl_deliverer_stop(struct pl_deliverer *d);
void pl_deliverer_close(struct pl_deliverer *d);   /* its timers; their ends are awaited by the loop's */
void pl_deliverer_destroy(struct pl_deliverer *d); /* after the loop has ended */

void pl_deliverer_status(const struct pl_deliverer *d, struct pl_deliverer_status *out); /* any thread */

#endif
