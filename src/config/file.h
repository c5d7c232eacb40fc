/* A small file, read whole. */
#ifndef PL_CONFIG_FILE_H
#define PL_CONFIG_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the content of the regular file `path` when it has at most `max_bytes`. Never waits for a FIFO or a device. On failure
 * `out` is as it was and `reason` (of `reason_size` bytes) says what is wrong without naming the file: PL_ENOENT, PL_EACCES,
 * PL_ELIMIT (too large), PL_EINVAL (no regular file), PL_EIO. */
PL_MUST_CHECK enum pl_err pl_file_read(const char *path, size_t max_bytes, struct pl_buf *out, char *reason, size_t reason_size);

#endif
