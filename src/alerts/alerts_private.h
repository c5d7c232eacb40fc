/* Shared by the files that make up pl_alerts: alerts.c (the whole), alerts_link.c (to Kapacitor), alerts_change.c (by the API),
 * alerts_receive.c (events), alerts_show.c (answers). */
#ifndef PL_ALERTS_ALERTS_PRIVATE_H
#define PL_ALERTS_ALERTS_PRIVATE_H

#include "alerts/alert_set.h"
#include "alerts/alerts.h"
#include "alerts/defaults.h"
#include "alerts/kapacitor.h"
#include "alerts/notices.h"
#include "alerts/notifiers.h"
#include "alerts/outbox.h"
#include "alerts/proof.h"
#include "alerts/reconciler.h"

/* Kinds of documents in the state. */
#define PL_ALERTS_DOC       "alert"
#define PL_ALERTS_TASK_DOC  "task"
#define PL_ALERTS_PROOF_DOC "proof"

/* One Kapacitor that we provision, until it is closed. */
struct pl_alerts_link {
	struct pl_alerts *alerts;
	struct pl_config *config; /* shares: addresses and credentials point into it */
	uint64_t fingerprint;
	struct pl_kapacitor *kapacitor;
	struct pl_reconciler *reconciler;
};

/* What a restart is told of a task, so that it can tell drift from a change of its own. */
struct pl_alerts_known {
	uint64_t fingerprint, created;
	UT_hash_handle hh;
	char id[];
};

struct pl_alerts_counters {
	uint64_t events, doubles, unstored, refused, unauthorized, proof_events;
};

struct pl_alerts {
	struct pl_alerts_env env;
	struct pl_config *config; /* shares; NULL: none yet */
	struct pl_config *fresh;  /* prepared; shares */
	struct pl_alert_set set;
	struct pl_alert_defaults defaults; /* into config */
	char *webhook, *token;             /* our URL; what its callers must show */
	struct pl_alerts_link *link;       /* NULL: no Kapacitor */
	struct pl_alerts_known *known;     /* uthash */
	struct pl_notifiers notifiers;
	struct pl_notices *notices;
	struct pl_outbox *outbox; /* of the notices */
	struct pl_proofs *proofs;
	struct pl_alerts_waiting *waiting; /* uthash: answers that wait for Kapacitor */
	struct pl_alerts_counters counters;
	struct pl_reconciler_info past; /* what closed links have counted */
	uv_timer_t timer;
	int64_t proofs_due_wall_ns; /* 0: not by the clock */
	bool behind;                /* our own pipeline is */
	size_t n_open;              /* while closing: what is still open. Links count always */
	size_t n_links;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- alerts_link.c ---- */

/* Closes the present link unless it fits, opens one if the configuration says so. */
void pl_alerts_link_apply(struct pl_alerts *a);
void pl_alerts_link_close(struct pl_alerts *a); /* the present one */

/* Renders the alert, without telling anybody. `token`: the real one, or what is shown in its place. */
PL_MUST_CHECK enum pl_err pl_alerts_render(const struct pl_alerts *a, const struct pl_alert *alert, const char *token,
					   struct pl_tick_task *out, char *reason, size_t reason_size);

/* Tells the reconciler how the alert's task is to be. */
PL_MUST_CHECK enum pl_err pl_alerts_provision(struct pl_alerts *a, const struct pl_alert_entry *e, char *reason,
					      size_t reason_size);
void pl_alerts_unprovision(struct pl_alerts *a, const char *id);

/* False: no Kapacitor, or it knows nothing of it. */
bool pl_alerts_task_status(const struct pl_alerts *a, const char *id, struct pl_task_status *out);

/* All counts, those of closed links included. False: no Kapacitor. */
bool pl_alerts_link_info(const struct pl_alerts *a, struct pl_reconciler_info *out);

void pl_alerts_load_known(struct pl_alerts *a, struct pl_str id, struct pl_str body);
void pl_alerts_write_proof(struct pl_alerts *a, enum pl_proof_path path, struct pl_str lines);

/* ---- alerts_change.c ---- */

void pl_alerts_change_status(struct pl_alerts *a, struct pl_str id); /* the task's status has changed */
void pl_alerts_change_expire(struct pl_alerts *a);                   /* answers that have waited long enough; all, when closing */

/* ---- alerts_proofs.c ---- */

void pl_alerts_proofs_open(struct pl_alerts *a);
void pl_alerts_proofs_apply(struct pl_alerts *a); /* a new configuration */
void pl_alerts_proofs_tick(struct pl_alerts *a);  /* those that are due by the clock */
void pl_alerts_proofs_status(struct pl_alerts *a, struct pl_alert_entry *e, const struct pl_task_status *status);
void pl_alerts_load_proof(struct pl_alerts *a, struct pl_str id, struct pl_str body);

/* ---- alerts.c ---- */

/* Are its series others than before, so that what was said of those is over? */
bool pl_alerts_is_another(const struct pl_alert *before, const struct pl_alert *now);

void pl_alerts_end_if_closed(struct pl_alerts *a); /* a link has gone */

#endif
