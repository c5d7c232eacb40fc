/* The folder of all queues: locked against a second daemon; the quarantine, which is in memory when there is no folder. */
#ifndef PL_APP_QUEUE_DIR_H
#define PL_APP_QUEUE_DIR_H

#include "base/buf.h"
#include "base/log.h"
#include "config/config.h"
#include "pipeline/quarantine.h"

struct pl_queue_dir;

/* Makes the folder when it is missing. On failure `problems` says why, with the place in the configuration; PL_EINUSE: another
 * daemon has it, whose pid is named. */
PL_MUST_CHECK enum pl_err pl_queue_dir_open(struct pl_queue_dir **out, const struct pl_config *config, struct pl_log *log,
					    struct pl_buf *problems);
void pl_queue_dir_close(struct pl_queue_dir *d); /* after the outputs; NULL is fine */

struct pl_quarantine *pl_queue_dir_quarantine(const struct pl_queue_dir *d);

/* Takes what may change; PL_EINVAL, with `problems`, when the folder is another. To be asked before the outputs are. */
PL_MUST_CHECK enum pl_err pl_queue_dir_check(const struct pl_queue_dir *d, const struct pl_config *fresh,
					     struct pl_buf *problems);
void pl_queue_dir_apply(struct pl_queue_dir *d, const struct pl_config *config);

/* Warns of points that wait for outputs that there are not. */
void pl_queue_dir_warn_of_leftovers(const struct pl_queue_dir *d, bool (*is_output)(void *data, const char *name), void *data);

#endif
