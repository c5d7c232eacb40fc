#include "net/transfer_multi.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/transfer_flight.h"
#include "net/transfer_pool.h"
#include "net/transfer_socket.h"

/* Above what the affinities keep open, for redirects to other servers. */
enum { SPARE_CONNECTIONS = 16 };

static void on_time(uv_timer_t *timer)
{
	pl_transfer_multi_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *curl, long timeout_ms, void *data)
{
	(void)curl;
	struct pl_transfer_multi *m = data;
	if (timeout_ms < 0)
		uv_timer_stop(&m->timer);
	else
		uv_timer_start(&m->timer, on_time, (uint64_t)timeout_ms, 0);
	return 0;
}

struct pl_transfer_multi *pl_transfer_multi_open(struct pl_transfer_pool *pool)
{
	struct pl_transfer_multi *m = pl_calloc(1, sizeof *m);
	m->pool = pool;
	m->curl = curl_multi_init();
	if (m->curl == NULL)
		pl_transfer_out_of_memory();
	/* By default curl keeps four times as many connections as there are transfers at the moment: that closes those of idle
	 * targets. */
	long connections = (long)pool->options.max_per_multi * (long)pool->options.max_connections + SPARE_CONNECTIONS;
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, connections);
	curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, pl_transfer_socket_watch);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	uv_timer_init(&pool->loop->uv, &m->timer);
	m->timer.data = m;
	pool->handles++;
	LIST_INSERT_HEAD(&pool->multis, m, of_pool);
	return m;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_transfer_multi *m = handle->data;
	struct pl_transfer_pool *pool = m->pool;
	free(m);
	pl_transfer_pool_handle_closed(pool);
}

void pl_transfer_multi_close(struct pl_transfer_multi *m)
{
	LIST_REMOVE(m, of_pool);
	m->pool->inside++;
	curl_multi_cleanup(m->curl);
	m->pool->inside--;
	m->curl = NULL;
	uv_timer_stop(&m->timer);
	uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

bool pl_transfer_multi_add(struct pl_transfer_multi *m, CURL *easy)
{
	return curl_multi_add_handle(m->curl, easy) == CURLM_OK;
}

void pl_transfer_multi_act(struct pl_transfer_multi *m, curl_socket_t fd, int events)
{
	int running;
	assert(m->pool->inside == 0);
	m->pool->inside++;
	curl_multi_socket_action(m->curl, fd, events, &running);
	m->pool->inside--;
	int left;
	for (CURLMsg *msg; (msg = curl_multi_info_read(m->curl, &left)) != NULL;) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		char *flight = NULL;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &flight);
		pl_transfer_flight_complete((struct pl_transfer_flight *)(void *)flight, msg->data.result);
	}
}
