#include "net/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_socket(const struct pl_address *a)
{
	const int on = 1, off = 0;
	struct sockaddr_storage addr = a->addr;
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT && a->any) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = ((const struct sockaddr_in6 *)&a->addr)->sin6_port};
		memset(&addr, 0, sizeof addr);
		memcpy(&addr, &v4, sizeof v4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -1;
	socklen_t n = addr.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->any && addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, (const struct sockaddr *)&addr, n) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

enum pl_err pl_listen_open(const char *address, const char *what, int *fd, char bound[PL_ADDRESS_TEXT_BYTES], char *reason,
			   size_t reason_size)
{
	struct pl_address a;
	enum pl_err err = pl_address_parse(address, &a, reason, reason_size);
	if (err != PL_OK)
		return err;
	*fd = open_socket(&a);
	if (*fd < 0) {
		int error = errno;
		snprintf(reason, reason_size, "cannot listen on %s for %s: %s", address, what,
			 error == EADDRINUSE ? "another program uses this address" : strerror(error));
		return error == EADDRINUSE ? PL_EINUSE : error == EACCES ? PL_EACCES : PL_ENET;
	}
	struct sockaddr_storage real = {0};
	socklen_t n = sizeof real;
	getsockname(*fd, (struct sockaddr *)&real, &n);
	pl_address_text((const struct sockaddr *)&real, true, bound);
	return PL_OK;
}
