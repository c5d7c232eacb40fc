/* A file, FIFO or standard output that batches are appended to, whole lines only. */
#ifndef PL_OUT_FILE_SINK_H
#define PL_OUT_FILE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "pipeline/plugin.h"

/* How far the deliveries that failed got, where it could not be taken back. */
struct pl_file_progress {
	struct pl_batch *batch; /* shares; NULL: nowhere */
	size_t offset;          /* bytes of it that are written; all batches before it are, too */
};

struct pl_file_sink {
	const char *path; /* borrowed; "-" is standard output */
	bool sync;
	int fd; /* -1: not open */
	bool is_stdout, is_regular;
	bool owes_newline; /* what was found in the file does not end its last line */
	dev_t device;
	ino_t inode;
	bool reader_gone; /* of the last failure */
	struct pl_file_progress progress;
};

/* Opens or creates the file (mode 0640). A FIFO that nobody reads is no failure: it is tried again at each append. */
PL_MUST_CHECK enum pl_err pl_file_sink_open(struct pl_file_sink *s, const char *path, bool sync, char *reason,
					    size_t reason_size);
void pl_file_sink_close(struct pl_file_sink *s);

/* Appends the batches' lines, after looking whether `path` is still the same file. When it fails with PL_EIO, a regular file is
 * as it was before, and a pipe goes on where it stopped when the same batches come again: no line is cut or written twice. Nobody
 * else may append to the file in the meantime. Blocks for a disk, and for at most a second for the reader of a pipe. */
PL_MUST_CHECK enum pl_err pl_file_sink_append(struct pl_file_sink *s, struct pl_batch *const *batches, size_t n, char *reason,
					      size_t reason_size);

#endif
