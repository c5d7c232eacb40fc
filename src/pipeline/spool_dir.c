#include "pipeline/spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pipeline/segment.h"

enum { NAME_BYTES = 256 };

static void make_path(const char *path)
{
	char *part = pl_strdup(path);
	for (char *slash = strchr(part + 1, '/'); part[0] != '\0' && slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0700); /* what is wrong shows when it is opened */
		*slash = '/';
	}
	mkdir(part, 0700);
	free(part);
}

static enum pl_err fail(const char *path, const char *what, char *reason, size_t reason_size)
{
	int error = errno;
	snprintf(reason, reason_size, "%s %s: %s", what, path, strerror(error));
	return error == EACCES || error == EPERM ? PL_EACCES : PL_EIO;
}

/* Who wrote his number into the lock file. */
static void name_owner(const struct pl_spool_dir *d, const char *path, char *reason, size_t reason_size)
{
	char pid[16] = {0};
	ssize_t n = pread(d->lock, pid, sizeof pid - 1, 0);
	size_t digits = n > 0 ? strspn(pid, "0123456789") : 0;
	pid[digits] = '\0';
	snprintf(reason, reason_size, "%s is in use by process %s", path, digits > 0 ? pid : "(unknown)");
}

enum pl_err pl_spool_dir_open(struct pl_spool_dir *d, const char *path, char *reason, size_t reason_size)
{
	enum pl_err err = PL_OK;
	*d = (struct pl_spool_dir){-1, -1};
	make_path(path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return fail(path, "cannot open", reason, reason_size);
	d->lock = openat(d->fd, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (d->lock < 0 && errno == EROFS) /* nobody can make one */
		d->lock = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0) {
		err = fail(path, "cannot open the lock file in", reason, reason_size);
		goto out;
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
		err = PL_EINUSE;
		if (errno == EWOULDBLOCK)
			name_owner(d, path, reason, reason_size);
		else
			err = fail(path, "cannot lock", reason, reason_size);
		goto out;
	}
	int fd = openat(d->fd, "lock", O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) { /* for people; the lock holds without */
		dprintf(fd, "%d\n", (int)getpid());
		close(fd);
	}
out:
	if (err != PL_OK)
		pl_spool_dir_close(d);
	return err;
}

void pl_spool_dir_close(struct pl_spool_dir *d)
{
	if (d->lock >= 0)
		close(d->lock);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct pl_spool_dir){-1, -1};
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

enum pl_err pl_spool_dir_list(const struct pl_spool_dir *d, uint64_t **ids, size_t *n)
{
	struct pl_buf found = {0};
	uint64_t id;
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	*ids = NULL;
	*n = 0;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return PL_EIO;
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL; errno = 0)
		if (pl_segment_name_parse(e->d_name, &id))
			pl_buf_add(&found, &id, sizeof id);
	int error = errno;
	closedir(dir);
	errno = error;
	if (error != 0) {
		pl_buf_finish(&found);
		return PL_EIO;
	}
	*n = found.n / sizeof id;
	*ids = (uint64_t *)(void *)found.p;
	if (*n > 0)
		qsort(*ids, *n, sizeof id, by_number);
	return PL_OK;
}

enum pl_err pl_spool_dir_set_aside(int fd, const char *name, int64_t wall_ns)
{
	char aside[NAME_BYTES];
	snprintf(aside, sizeof aside, "%s.bad-%" PRId64, name, wall_ns);
	return renameat(fd, name, fd, aside) == 0 ? PL_OK : PL_EIO;
}
