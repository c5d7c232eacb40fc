#include "base/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static enum pl_err give_up(int *fd, int error, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "%s", strerror(error));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return error == EACCES || error == EPERM || error == EROFS ? PL_EACCES : PL_EIO;
}

static enum pl_err name_owner(int *fd, char *reason, size_t reason_size)
{
	char pid[16] = "";
	ssize_t n = pread(*fd, pid, sizeof pid - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	snprintf(reason, reason_size, "process %s", pid[0] != '\0' ? pid : "unknown");
	close(*fd);
	*fd = -1;
	return PL_EINUSE;
}

enum pl_err pl_lock_file_take(int *fd, const char *path, char *reason, size_t reason_size)
{
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (*fd < 0)
		return give_up(fd, errno, reason, reason_size);
	if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? name_owner(fd, reason, reason_size) : give_up(fd, errno, reason, reason_size);
	if (ftruncate(*fd, 0) == 0) /* on a full disk the lock holds without */
		dprintf(*fd, "%ld\n", (long)getpid());
	return PL_OK;
}
