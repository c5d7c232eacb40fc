/* The directory of a spool: made, locked, listed; garbage is set aside. */
#ifndef PL_PIPELINE_SPOOL_DIR_H
#define PL_PIPELINE_SPOOL_DIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pl_spool_dir {
	int fd, lock; /* -1: closed */
};

/* Makes what is missing of the path (0700) and locks it. PL_EINUSE: another process has it; PL_EACCES, PL_EIO. */
PL_MUST_CHECK enum pl_err pl_spool_dir_open(struct pl_spool_dir *d, const char *path, char *reason, size_t reason_size);
void pl_spool_dir_close(struct pl_spool_dir *d);

/* The segments' numbers in ascending order; *ids is the caller's to free. PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_spool_dir_list(const struct pl_spool_dir *d, uint64_t **ids, size_t *n);

/* Renames the file to NAME.bad-TIME. PL_EIO: errno says why. */
PL_MUST_CHECK enum pl_err pl_spool_dir_set_aside(int fd, const char *name, int64_t wall_ns);

#endif
