/* Do alerts watch what somebody produces? The daemon that runs by a configuration knows: it is asked for its /keys. */
#ifndef PL_APP_KNOWN_METRICS_H
#define PL_APP_KNOWN_METRICS_H

#include "config/config.h"

/* Adds a warning for each declared alert whose metric the daemon at server.http.listen has never stored. Where no daemon answers
 * there (within two seconds), or it speaks TLS, nothing is said. */
void pl_known_metrics_check(const struct pl_config *config, struct pl_problems *problems);

#endif
