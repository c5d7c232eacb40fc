/* One curl multi handle driven by a libuv loop: its timer here, its sockets in transfer_socket. */
#ifndef PL_NET_TRANSFER_MULTI_H
#define PL_NET_TRANSFER_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

struct pl_transfer_pool;
struct pl_transfer_flight;

struct pl_transfer_multi {
	LIST_ENTRY(pl_transfer_multi) of_pool;
	struct pl_transfer_pool *pool;
	CURLM *curl;
	uv_timer_t timer;
	unsigned affinities; /* that it serves */
};

struct pl_transfer_multi *pl_transfer_multi_open(struct pl_transfer_pool *pool);
void pl_transfer_multi_close(struct pl_transfer_multi *m); /* without flights; frees itself from the loop */

bool pl_transfer_multi_add(struct pl_transfer_multi *m, CURL *easy);

/* Something happened on `fd` (or CURL_SOCKET_TIMEOUT): lets curl work, then completes the flights that ended. */
void pl_transfer_multi_act(struct pl_transfer_multi *m, curl_socket_t fd, int events);

#endif
