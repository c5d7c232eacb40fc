/* The files that a command was given, or standard input. */
#ifndef PL_APP_INPUTS_H
#define PL_APP_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Reads one input; `file` is NULL for standard input. Returns whether all was well. */
typedef bool (*pl_input_fn)(void *data, int fd, const char *file);

/* Says on standard error that standard input is being read, where that is a terminal. */
void pl_inputs_hint(void);

/* Appends all of standard input. PL_ELIMIT: more than `most` bytes; PL_EIO; `reason` tells. */
PL_MUST_CHECK enum pl_err pl_inputs_whole(size_t most, struct pl_buf *out, char *reason, size_t size);

/* Calls fn for each file (`-`: standard input), or for standard input when there is none. True when all were well; a file that
 * cannot be opened is complained about and is not; with `json` as an object on standard output: file, line (0), ok, reason. */
bool pl_inputs_each(char *const *files, int n, pl_input_fn fn, void *data, bool json);

/* Hands the bytes on in pieces up to the end; what `fn` returns but PL_OK ends that. PL_EIO: cannot be read, complained about. */
PL_MUST_CHECK enum pl_err pl_inputs_read(int fd, const char *file, enum pl_err (*fn)(void *data, const char *p, size_t n),
					 void *data);

#endif
