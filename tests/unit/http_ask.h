/* An HTTP client that sends just what a test says, byte for byte, to a server on this machine. */
#ifndef PL_TESTS_HTTP_ASK_H
#define PL_TESTS_HTTP_ASK_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

/* Connects to 127.0.0.1 at the port of "host:port". */
static inline int http_dial(const char *address)
{
	const char *colon = strrchr(address, ':');
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
	return fd;
}

static inline void http_put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return; /* the server may have had enough */
		p += k;
		n -= (size_t)k;
	}
}

/* Reads until `end` has come (NULL: nothing ends it) or the server closed; the text is the caller's. */
static inline char *http_get(int fd, const char *end)
{
	struct pl_buf b = {0};
	for (;;) {
		char chunk[65536];
		ssize_t k = recv(fd, chunk, sizeof chunk, 0);
		if (k <= 0)
			break;
		pl_buf_add(&b, chunk, (size_t)k);
		if (end != NULL && strstr(pl_buf_cstr(&b), end) != NULL)
			break;
	}
	return pl_buf_take(&b);
}

/* One request, all that comes back until the server closes. */
static inline char *http_ask(const char *address, const char *request)
{
	int fd = http_dial(address);
	http_put(fd, request, strlen(request));
	char *answer = http_get(fd, NULL);
	close(fd);
	return answer;
}

#endif
