/* What alerts that say nothing of it take from the configuration: where points go by default, and where Kapacitor finds us. */
#ifndef PL_ALERTS_DEFAULTS_H
#define PL_ALERTS_DEFAULTS_H

#include "alerts/tick.h"
#include "base/buf.h"
#include "config/config.h"

/* All borrowed from the configuration. Database and policy: those of `kapacitor`, else of server.relay, else of the first output
 * of the kind influxdb, else "pulseline" and "autogen". The field: kapacitor.field, else `value`, or with server.relay the
 * metric's own name. The database of proofs: NULL when they are off. */
struct pl_alert_defaults pl_alert_defaults_of(const struct pl_config *c);

/* May points take the way through an output to InfluxDB, into a database that is made when it is missing? */
bool pl_alert_proof_by_influxdb(const struct pl_config *c);

/* Appends the URL that tasks post to: below kapacitor.webhook_url, or below the address that our HTTP server listens on. */
void pl_alert_webhook_url(const struct pl_config *c, const char *http, struct pl_buf *out);

#endif
