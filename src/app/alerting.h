/* The daemon's alerts and the state that they are kept in; neither is there before a configuration asks for Kapacitor. */
#ifndef PL_APP_ALERTING_H
#define PL_APP_ALERTING_H

#include "alerts/alerts.h"

struct pl_alerting {
	struct pl_alerts_env env; /* set by the owner, all but `state` */
	struct pl_state *state;
	struct pl_alerts *alerts;
	void (*closed)(void *data);
	void *closed_data;
};

/* Opens what `config` asks for and is not there yet, and prepares to take it on: apply or discard follow. On failure what was
 * there goes on as it was, and `problems` says why. */
PL_MUST_CHECK enum pl_err pl_alerting_prepare(struct pl_alerting *a, struct pl_config *config, struct pl_buf *problems);
void pl_alerting_apply(struct pl_alerting *a, const char *http); /* `http`: the address of our HTTP server */
void pl_alerting_discard(struct pl_alerting *a);

void pl_alerting_close(struct pl_alerting *a, void (*closed)(void *data), void *data);

#endif
