/* `alert_files`: which files these are, and what alerts they hold. */
#ifndef PL_CONFIG_ALERT_FILES_H
#define PL_CONFIG_ALERT_FILES_H

#include "config/config.h"

/* An alert, and where it stands. */
struct pl_declared_alert {
	struct pl_alert *alert; /* the snapshot's */
	const struct pl_node *node;
	const char *path; /* "alerts[0]" */
};

/* Zero-initialise; free() `v`. */
struct pl_declared_alerts {
	struct pl_declared_alert *v;
	size_t n, cap;
};
void pl_declared_alerts_add(struct pl_declared_alerts *all, struct pl_declared_alert one);

enum { PL_ALERT_MOST_FILES = 1000, PL_ALERT_FILE_BYTES = 4 * 1024 * 1024, PL_ALERT_MOST_DECLARED = 100000 };

/* Reads all files that `config` names and notes their names in it. The nodes live in `tree`; `o` as for the configuration. `list`
 * is the key's node. */
void pl_alert_files_read(struct pl_config *config, const struct pl_node *list, const struct pl_decode_options *o,
			 struct pl_arena *tree, struct pl_declared_alerts *all);

#endif
