/* curl's sockets on a libuv loop.
 *
 * Sockets are opened and closed here, so that one poll handle serves a connection for its life: while the connection idles
 * between two requests it stays registered, which saves four system calls per request. */
#ifndef PL_NET_TRANSFER_SOCKET_H
#define PL_NET_TRANSFER_SOCKET_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

struct pl_transfer_pool;
struct pl_transfer_multi;
struct pl_transfer_socket;

struct pl_transfer_sockets { /* by file descriptor; zero-initialise */
	struct pl_transfer_socket **v;
	size_t n;
};

/* For CURLOPT_OPENSOCKETFUNCTION, CURLOPT_CLOSESOCKETFUNCTION (data: the pool) and CURLMOPT_SOCKETFUNCTION (data: the multi). */
curl_socket_t pl_transfer_socket_open(struct pl_transfer_multi *m, const struct curl_sockaddr *address);
int pl_transfer_socket_close(void *pool, curl_socket_t fd);
int pl_transfer_socket_watch(CURL *easy, curl_socket_t fd, int what, void *multi, void *unused);

/* Shuts connections down that idle since before `before_ns`: curl closes them when it next looks at them. */
void pl_transfer_sockets_sweep(struct pl_transfer_pool *pool, int64_t before_ns);

/* After all multis were closed: lets go of what curl closed behind our back. */
void pl_transfer_sockets_finish(struct pl_transfer_pool *pool);

#endif
