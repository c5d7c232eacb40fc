/* The alerts of the daemon: those that the configuration declares and those that came by the API, each kept true in Kapacitor,
 * its events received, stored and passed on. On the control thread. */
#ifndef PL_ALERTS_ALERTS_H
#define PL_ALERTS_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "net/loop.h"
#include "pipeline/live.h"
#include "pipeline/outputs.h"
#include "store/state.h"

struct pl_alerts;

struct pl_alerts_env {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_state *state;          /* borrowed; closed after the alerts */
	struct pl_live_tap *live;        /* NULL: events do not go live */
	const struct pl_plugin *webhook; /* the notifier for alerts with a URL of their own */
	void *daemon;
	struct pl_outputs *(*outputs)(void *daemon); /* those of now, to see how far behind they are; borrowed */
};

/* Reads what the state holds: blocks, before the loop has work. */
PL_MUST_CHECK enum pl_err pl_alerts_create(struct pl_alerts **out, const struct pl_alerts_env *env, char *reason,
					   size_t reason_size);

/* All of taking on a configuration that can fail: notifiers, addresses. On failure nothing has changed and `problems` says why;
 * else apply or discard follow before anything else. Shares it. */
PL_MUST_CHECK enum pl_err pl_alerts_prepare(struct pl_alerts *a, struct pl_config *config, struct pl_buf *problems);
void pl_alerts_discard(struct pl_alerts *a);

/* Takes on what was prepared. `http` is the address that our server listens on, for the webhook. */
void pl_alerts_apply(struct pl_alerts *a, const char *http);

void pl_alerts_close(struct pl_alerts *a, void (*closed)(void *data), void *data);

/* ---- what there is ---- */

bool pl_alerts_enabled(const struct pl_alerts *a); /* is there a Kapacitor to provision? */

/* Appends the alert as the API shows it: its own members, those of pulse's task objects, its status. False: there is none. An id
 * with
 * `*`, `?` or `[` is a pattern, of which the first match counts (pulse's way). */
bool pl_alerts_show(struct pl_alerts *a, struct pl_str id, struct pl_buf *json);

/* Appends the array of all, by id; from `offset` on, at most `limit`. Returns how many there are in all. */
size_t pl_alerts_show_all(struct pl_alerts *a, size_t offset, size_t limit, struct pl_buf *json);

/* Appends the alerts that came by the API as YAML, for the configuration. */
void pl_alerts_export(struct pl_alerts *a, struct pl_buf *yaml);

/* ---- changing it ---- */

enum pl_alerts_outcome {
	PL_ALERTS_DONE,        /* stored, and provisioned or (Kapacitor is away) waiting for it */
	PL_ALERTS_BAD,         /* the alert is wrong: reason */
	PL_ALERTS_REFUSED,     /* Kapacitor refused it: its words; nothing is kept of a new one, an old one stays as it was */
	PL_ALERTS_DECLARED,    /* the configuration declares it: reason names the file */
	PL_ALERTS_FULL,        /* kapacitor.max_alerts, or too much waits for the disk */
	PL_ALERTS_FAILED,      /* it cannot be stored */
	PL_ALERTS_UNAVAILABLE, /* no Kapacitor is configured, or the daemon is stopping */
};

/* `json`: what GET /alerts/{id} would say, with `warnings` where there are any; empty unless DONE. Called once per request, maybe
 * from within. */
typedef void (*pl_alerts_answer)(void *data, enum pl_alerts_outcome outcome, const char *reason, struct pl_str json);

/* A body of the API. `id` empty: the body's own when `keep_id`, else a new one (a UUID). An id that is there already is updated.
 */
void pl_alerts_put(struct pl_alerts *a, struct pl_str id, bool keep_id, struct pl_str body, pl_alerts_answer answer, void *data);

/* An id that is not there is DONE, too. */
void pl_alerts_remove(struct pl_alerts *a, struct pl_str id, pl_alerts_answer answer, void *data);

/* Has it proven now. False: there is none, or it cannot be: reason. */
bool pl_alerts_prove(struct pl_alerts *a, struct pl_str id, char *reason, size_t reason_size);

/* ---- the way back ---- */

/* Kapacitor's post: its header's token, its body. PL_OK: taken, and on the medium unless that fails, which is told elsewhere;
 * PL_EACCES: wrong token; PL_EPARSE, PL_ENOENT (no such alert): reason. `answer` is called once, maybe from within. */
void pl_alerts_receive(struct pl_alerts *a, struct pl_str token, struct pl_str body,
		       void (*answer)(void *data, enum pl_err err, const char *reason), void *data);

/* Up to `most` events of an alert with numbers below `before` (0: from the newest on), newest first. PL_ENOENT: no such alert;
 * PL_ELIMIT. The answer: {"events": [...], "next": NUMBER or null}. */
PL_MUST_CHECK enum pl_err pl_alerts_events(struct pl_alerts *a, struct pl_str id, uint64_t before, size_t most,
					   void (*answer)(void *data, enum pl_err err, const char *reason, struct pl_str json),
					   void *data);

/* One family or several of /metrics: `add` for each sample; families come together. `label` NULL: none. */
typedef void (*pl_alerts_metric)(void *data, const char *family, const char *help, bool gauge, const char *label,
				 const char *value, uint64_t n);
void pl_alerts_metrics(const struct pl_alerts *a, pl_alerts_metric add, void *data);

#endif
