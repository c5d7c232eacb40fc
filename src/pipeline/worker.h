/* One thread with one loop that owns a shard of targets: their schedule, the input that scrapes them, the builders of their
 * batches. */
#ifndef PL_PIPELINE_WORKER_H
#define PL_PIPELINE_WORKER_H

#include "pipeline/outputs.h"
#include "pipeline/plugin.h"

struct pl_worker;

struct pl_worker_options {
	unsigned index;
	const struct pl_plugin *input; /* kind PL_PLUGIN_INPUT */
	struct pl_outputs *outputs;    /* shares */
	struct pl_live_tap *live;      /* borrowed; NULL: nothing goes live */
	struct pl_log *log;            /* borrowed */
};

PL_MUST_CHECK enum pl_err pl_worker_create(struct pl_worker **out, const struct pl_worker_options *options);

/* From the control thread; each is a message that takes effect soon. */
void pl_worker_add(struct pl_worker *w, struct pl_target *t); /* shares */
void pl_worker_remove(struct pl_worker *w, uint64_t target_key);
void pl_worker_set_outputs(struct pl_worker *w, struct pl_outputs *outputs, struct pl_loop *loop, void (*done)(void *data),
			   void *data); /* shares; done on `loop` once the old set is no longer used, its last batches sealed */

/* The worker's listener adopts what its plugin prepared (NULL: it listens no more); the first call makes the instance. `counters`
 * are PL_LISTENER_COUNTERS, borrowed for the worker's life. Always the same plugin. */
void pl_worker_listen(struct pl_worker *w, const struct pl_plugin *plugin, _Atomic uint64_t *counters, void *prepared);

/* Asks the listener for its status: `done` runs on `loop` with one JSON value ("" when there is no listener), borrowed. */
void pl_worker_listener_status(struct pl_worker *w, struct pl_loop *loop, void (*done)(void *data, struct pl_str json),
			       void *data);

/* Asks for the status of the targets with these keys (copied), or of all when `keys` is NULL: `done` runs on `loop` with an array
 * of those that the worker has, in the order of the keys, to be given back to pl_worker_statuses_free. A status with its outcomes
 * takes some 2 KB: ask for thousands piece by piece. */
struct pl_worker_statuses {
	struct pl_target_status *v;
	size_t n;
	struct pl_target_outcome *outcomes; /* of all of them */
};
void pl_worker_collect(struct pl_worker *w, const uint64_t *keys, size_t n, struct pl_loop *loop,
		       void (*done)(void *data, struct pl_worker_statuses statuses), void *data);
void pl_worker_statuses_free(struct pl_worker_statuses statuses);

/* Any thread. */
struct pl_worker_stats {
	const struct pl_input_counters *input; /* valid while the worker lives */
	uint64_t targets, batches,
	    lateness_max_ns; /* lateness: how far behind its moment a target was fired, since the last read */
};
struct pl_worker_stats pl_worker_stats(struct pl_worker *w);

/* Detaches every target, seals and hands on what is in the builders, ends the thread, frees. `closed` runs on `loop`. */
void pl_worker_close(struct pl_worker *w, struct pl_loop *loop, void (*closed)(void *data), void *data);

#endif
