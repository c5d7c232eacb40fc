/* The alerts of a configuration as a whole: those of its own, those of its alert_files, and what they refer to. */
#ifndef PL_CONFIG_ALERT_SET_H
#define PL_CONFIG_ALERT_SET_H

#include "config/config.h"

/* To be called when the jobs are settled. Reads the files, adds their alerts to config->alerts, complains about ids that are
 * missing or not unique, about notifiers that are not there, and warns of alerts that cannot work as they are meant. `root` may
 * be NULL. */
void pl_alert_set_settle(struct pl_config *config, const struct pl_node *root, const struct pl_decode_options *o);

#endif
