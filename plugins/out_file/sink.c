#include "out_file/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum {
	FILE_MODE = 0640,
	READER_WAIT_MS = 1000,
	PIPE_CHUNK = 4096, /* PIPE_BUF of Linux: what a pipe that polls writable takes at once without blocking */
};

static const char *name_of(const struct pl_file_sink *s)
{
	return s->is_stdout ? "standard output" : s->path;
}

static enum pl_err fail(const struct pl_file_sink *s, const char *verb, int number, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "cannot %s %s: %s", verb, name_of(s), strerror(number));
	return pl_err_of_errno(number);
}

static void set_progress(struct pl_file_sink *s, struct pl_batch *batch, size_t offset)
{
	struct pl_batch *old = s->progress.batch;
	s->progress = (struct pl_file_progress){batch != NULL ? pl_batch_share(batch) : NULL, offset};
	if (old != NULL)
		pl_batch_release(old);
}

/* What comes next goes to a new reader or file, which must not begin with the rest of a line. */
static void begin_line_again(struct pl_file_sink *s)
{
	if (s->progress.batch == NULL)
		return;
	while (s->progress.offset > 0 && s->progress.batch->p[s->progress.offset - 1] != '\n')
		s->progress.offset--;
}

static void shut(struct pl_file_sink *s)
{
	if (s->fd >= 0 && !s->is_stdout)
		close(s->fd);
	s->fd = -1;
}

/* True when the file holds something that does not end its last line, as after a crash in the middle of a write. */
static bool ends_torn(const char *path, const struct stat *st)
{
	char last = '\n';
	if (st->st_size == 0)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	if (pread(fd, &last, 1, st->st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

static enum pl_err open_file(struct pl_file_sink *s, char *reason, size_t reason_size)
{
	struct stat st;
	/* O_NONBLOCK: do not wait for the reader of a FIFO. */
	int fd = open(s->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
	if (fd < 0 && errno == ENXIO) {
		snprintf(reason, reason_size, "nobody reads %s", s->path);
		s->reader_gone = true;
		return PL_EIO;
	}
	if (fd < 0)
		return fail(s, "open", errno, reason, reason_size);
	if (fstat(fd, &st) != 0) {
		enum pl_err err = fail(s, "look at", errno, reason, reason_size);
		close(fd);
		return err;
	}
	begin_line_again(s);
	shut(s);
	s->fd = fd;
	s->is_regular = S_ISREG(st.st_mode);
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->owes_newline = s->is_regular && ends_torn(s->path, &st);
	return PL_OK;
}

/* Has somebody moved or removed the file, as logrotate does? */
static bool is_gone(const struct pl_file_sink *s)
{
	struct stat st;
	return stat(s->path, &st) != 0 || st.st_dev != s->device || st.st_ino != s->inode;
}

enum pl_err pl_file_sink_open(struct pl_file_sink *s, const char *path, bool sync, char *reason, size_t reason_size)
{
	*s = (struct pl_file_sink){.path = path, .sync = sync, .fd = -1, .is_stdout = strcmp(path, "-") == 0};
	if (s->is_stdout) {
		s->fd = STDOUT_FILENO; /* even a regular file behind it is not ours to truncate */
		return PL_OK;
	}
	enum pl_err err = open_file(s, reason, reason_size);
	return s->reader_gone ? PL_OK : err;
}

void pl_file_sink_close(struct pl_file_sink *s)
{
	shut(s);
	set_progress(s, NULL, 0);
}

/* Waits until a pipe takes something; false when its reader does not come on. */
static bool wait_for_reader(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int n;
	do
		n = poll(&p, 1, READER_WAIT_MS);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

/* Writes on from s->progress to the end of its batch; errno says what went wrong. */
static bool write_batch(struct pl_file_sink *s)
{
	const struct pl_batch *b = s->progress.batch;
	while (s->progress.offset < b->n) {
		size_t left = b->n - s->progress.offset;
		if (!s->is_regular) {
			if (!wait_for_reader(s->fd)) {
				errno = EAGAIN;
				return false;
			}
			left = left < PIPE_CHUNK ? left : PIPE_CHUNK;
		}
		ssize_t k = write(s->fd, b->p + s->progress.offset, left);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN && !s->is_regular)
			continue;
		if (k <= 0) {
			errno = k == 0 ? ENOSPC : errno;
			return false;
		}
		s->progress.offset += (size_t)k;
	}
	return true;
}

/* The rest of the line that a batch which does not come again (its queue was full) was cut in. */
static bool end_cut_line(struct pl_file_sink *s)
{
	struct pl_batch *b = s->progress.batch;
	while (s->progress.offset > 0 && s->progress.offset < b->n && b->p[s->progress.offset - 1] != '\n') {
		if (!s->is_regular && !wait_for_reader(s->fd)) {
			errno = EAGAIN;
			return false;
		}
		ssize_t k = write(s->fd, b->p + s->progress.offset, 1);
		if (k < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		s->progress.offset += k > 0;
	}
	set_progress(s, NULL, 0);
	return true;
}

static bool write_batches(struct pl_file_sink *s, struct pl_batch *const *batches, size_t n)
{
	size_t i = 0;
	if (s->progress.batch != NULL) {
		while (i < n && batches[i] != s->progress.batch)
			i++;
		if (i == n) {
			if (!end_cut_line(s))
				return false;
			i = 0;
		}
	}
	for (; i < n; i++) {
		if (s->progress.batch != batches[i])
			set_progress(s, batches[i], 0);
		if (!write_batch(s))
			return false;
	}
	return !s->sync || !s->is_regular || fdatasync(s->fd) == 0;
}

static enum pl_err explain(struct pl_file_sink *s, int number, char *reason, size_t reason_size)
{
	if (number == EAGAIN) {
		snprintf(reason, reason_size, "the reader of %s does not take more", name_of(s));
		return PL_EIO;
	}
	if (number != EPIPE)
		return fail(s, "write to", number, reason, reason_size);
	snprintf(reason, reason_size, "nobody reads %s", name_of(s));
	s->reader_gone = true;
	begin_line_again(s);
	shut(s);
	if (s->is_stdout)
		s->fd = STDOUT_FILENO;
	return PL_EIO;
}

enum pl_err pl_file_sink_append(struct pl_file_sink *s, struct pl_batch *const *batches, size_t n, char *reason,
				size_t reason_size)
{
	struct stat st;
	s->reader_gone = false;
	if (!s->is_stdout && (s->fd < 0 || is_gone(s))) {
		enum pl_err err = open_file(s, reason, reason_size);
		if (err != PL_OK)
			return err;
	}
	if (s->owes_newline && write(s->fd, "\n", 1) != 1)
		return fail(s, "write to", errno, reason, reason_size);
	s->owes_newline = false;
	if (s->is_regular && fstat(s->fd, &st) != 0)
		return fail(s, "look at", errno, reason, reason_size);
	struct pl_file_progress before = s->progress;
	if (before.batch != NULL)
		pl_batch_share(before.batch);
	bool good = write_batches(s, batches, n);
	int number = errno;
	enum pl_err err = PL_OK;
	if (good) {
		set_progress(s, NULL, 0);
	} else {
		if (s->is_regular && ftruncate(s->fd, st.st_size) == 0)
			set_progress(s, before.batch, before.offset);
		err = explain(s, number, reason, reason_size);
	}
	if (before.batch != NULL)
		pl_batch_release(before.batch);
	return err;
}
