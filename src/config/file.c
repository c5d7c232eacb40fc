#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static const char *kind_text(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

enum pl_err pl_file_read(const char *path, size_t max_bytes, struct pl_buf *out, char *reason, size_t reason_size)
{
	enum pl_err err = PL_OK;
	size_t before = out->n;
	struct stat st;
	/* O_NONBLOCK: a FIFO without a writer opens at once, and is then refused for what it is. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err = pl_err_of_errno(errno);
		snprintf(reason, reason_size, "cannot be read: %s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err = PL_EINVAL;
		snprintf(reason, reason_size, "is %s, not a regular file", kind_text(st.st_mode));
		goto out;
	}
	/* The size is only a first look: the file may grow while it is read, and those of /proc say 0. */
	bool too_large = st.st_size > 0 && (uint64_t)st.st_size > max_bytes;
	while (!too_large) {
		ssize_t n = read(fd, pl_buf_reserve(out, CHUNK), CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = PL_EIO;
			snprintf(reason, reason_size, "cannot be read: %s", strerror(errno));
			goto out;
		}
		if (n == 0)
			break;
		out->n += (size_t)n;
		too_large = out->n - before > max_bytes;
	}
	if (too_large) {
		err = PL_ELIMIT;
		snprintf(reason, reason_size, "is larger than %zu bytes", max_bytes);
	}
out:
	if (fd >= 0)
		close(fd);
	if (err != PL_OK)
		out->n = before;
	return err;
}
