/* A file whose lock says that a daemon works here, and which says its number to people. It goes with the process, and stays
 * there. */
#ifndef PL_BASE_LOCK_FILE_H
#define PL_BASE_LOCK_FILE_H

#include <stddef.h>

#include "base/err.h"

/* Makes the file if it is missing (mode 0600) and locks it; closing *fd lets go. PL_EINUSE: another one has it, `reason` is
 * "process 123"; PL_EACCES, PL_EIO. *fd is -1 after a failure. */
PL_MUST_CHECK enum pl_err pl_lock_file_take(int *fd, const char *path, char *reason, size_t reason_size);

#endif
