/* Proofs: synthetic points in a space of their own make a task fire; its event comes home to us, or it does not and why.
 *
 * Points go the way of all points (through an output to InfluxDB, and from there to Kapacitor), or straight to Kapacitor; a proof
 * that fails the long way is tried once more the short way, so that the reason can say where it is broken. */
#ifndef PL_ALERTS_PROOF_H
#define PL_ALERTS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/tick.h"
#include "base/err.h"
#include "base/log.h"
#include "config/alert.h"
#include "net/loop.h"

enum pl_proof_path { PL_PROOF_PATH_INFLUXDB, PL_PROOF_PATH_KAPACITOR };

struct pl_proofs_env {
	struct pl_loop *loop;
	struct pl_log *log;
	void *data;
	/* The alert as it is now; NULL: it is gone, or its task does not run. Borrowed until control returns to the loop. */
	const struct pl_alert *(*alert)(void *data, struct pl_str id);
	const struct pl_alert_defaults *(*defaults)(void *data);
	bool (*reachable)(void *data, enum pl_proof_path path);                  /* is there such a path? */
	void (*write)(void *data, enum pl_proof_path path, struct pl_str lines); /* copies */
	/* It ended: reason empty: proven, after took_ns from the first write to the event. */
	void (*ended)(void *data, struct pl_str id, int64_t took_ns, const char *reason);
	int64_t (*mono_ns)(void); /* NULL: the clock's */
};

struct pl_proofs;

struct pl_proofs *pl_proofs_create(const struct pl_proofs_env *env);
void pl_proofs_close(struct pl_proofs *p, void (*closed)(void *data), void *data); /* `ended` is not called any more */

/* How long to wait beyond what a task needs; takes effect with the next step. */
void pl_proofs_set_timeout(struct pl_proofs *p, int64_t ns);

/* Has it proven, after those that were asked for before; one that is under way or waits already is not asked for twice. */
void pl_proofs_ask(struct pl_proofs *p, struct pl_str id);
void pl_proofs_forget(struct pl_proofs *p, struct pl_str id); /* it is gone or changed */

/* An event of the synthetic series came home. */
void pl_proofs_event(struct pl_proofs *p, struct pl_str id, int level);

struct pl_proofs_stats {
	uint64_t proven, failed;
	size_t waiting, under_way;
};
struct pl_proofs_stats pl_proofs_stats(const struct pl_proofs *p);

#endif
