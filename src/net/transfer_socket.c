#include "net/transfer_socket.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/transfer_multi.h"
#include "net/transfer_pool.h"

struct pl_transfer_socket {
	uv_poll_t poll;
	struct pl_transfer_multi *multi;
	struct pl_transfer_pool *pool; /* outlives the multi */
	int fd;
	int wanted;     /* UV_READABLE and UV_WRITABLE as curl asked; 0: idle */
	int registered; /* what the poll handle watches: more than wanted while idle */
	/* Opened by pl_transfer_socket_open, and its inode. Once such a socket outlived a transfer it is a connection that will
	 * be closed by pl_transfer_socket_close; one that did not connect is closed by curl 7.88 without a word. */
	bool own, outlived;
	ino_t inode;
	int64_t idle_since_ns;
};

static struct pl_transfer_socket *socket_of(struct pl_transfer_pool *pool, int fd)
{
	return fd >= 0 && (size_t)fd < pool->sockets.n ? pool->sockets.v[fd] : NULL;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct pl_transfer_socket *s = handle->data;
	struct pl_transfer_pool *pool = s->pool;
	free(s);
	pl_transfer_pool_handle_closed(pool);
}

static void forget(struct pl_transfer_socket *s)
{
	s->pool->sockets.v[s->fd] = NULL;
	uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static void watch(struct pl_transfer_socket *s, int events);

static struct pl_transfer_socket *remember(struct pl_transfer_multi *m, int fd, bool own)
{
	struct pl_transfer_sockets *all = &m->pool->sockets;
	if ((size_t)fd >= all->n) {
		size_t n = ((size_t)fd / 64 + 1) * 64;
		n = n > all->n * 2 ? n : all->n * 2;
		all->v = pl_realloc(all->v, n * sizeof *all->v);
		memset(all->v + all->n, 0, (n - all->n) * sizeof *all->v);
		all->n = n;
	}
	int wanted = 0;
	if (all->v[fd] != NULL) { /* was closed behind our back; curl may not notice that the number means another socket now */
		wanted = all->v[fd]->wanted;
		forget(all->v[fd]);
	}
	struct pl_transfer_socket *s = pl_alloc(sizeof *s);
	*s = (struct pl_transfer_socket){.multi = m, .pool = m->pool, .fd = fd, .own = own};
	if (uv_poll_init(&m->pool->loop->uv, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	m->pool->handles++;
	all->v[fd] = s;
	s->wanted = wanted;
	watch(s, wanted);
	return s;
}

static void on_event(uv_poll_t *poll, int status, int events);

static void watch(struct pl_transfer_socket *s, int events)
{
	if (s->registered == events)
		return;
	s->registered = events;
	if (events == 0)
		uv_poll_stop(&s->poll);
	else
		uv_poll_start(&s->poll, events, on_event);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct pl_transfer_socket *s = poll->data;
	struct pl_transfer_pool *pool = s->pool;
	int fd = s->fd;
	if (status < 0)
		s->registered = 0; /* libuv stopped watching */
	if (s->wanted == 0) {
		/* The peer closed an idle connection, or sent what nobody asked for. curl sees it before it uses it again. */
		watch(s, 0);
		return;
	}
	if (status < 0)
		events = s->wanted; /* an error of the socket, which curl learns from its next call on it: CURL_CSELECT_ERR would
				       hide it */
	int flags = (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
	flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
	pl_transfer_multi_act(s->multi, fd, flags);
	s = socket_of(pool, fd); /* curl may have closed it */
	if (s != NULL && s->wanted != 0)
		watch(s, s->wanted);
}

/* Is it still the socket that was opened, and not closed, or closed and its number given to another? */
static bool still_there(const struct pl_transfer_socket *s)
{
	struct stat now;
	return fstat(s->fd, &now) == 0 && now.st_ino == s->inode && S_ISSOCK(now.st_mode);
}

curl_socket_t pl_transfer_socket_open(struct pl_transfer_multi *m, const struct curl_sockaddr *address)
{
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	struct stat now;
	struct pl_transfer_socket *s = fstat(fd, &now) == 0 ? remember(m, fd, true) : NULL;
	if (s == NULL) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	s->inode = now.st_ino;
	return fd;
}

int pl_transfer_socket_close(void *pool, curl_socket_t fd)
{
	struct pl_transfer_socket *s = socket_of(pool, fd);
	if (s != NULL)
		forget(s);
	return close(fd);
}

int pl_transfer_socket_watch(CURL *easy, curl_socket_t fd, int what, void *multi, void *unused)
{
	(void)easy;
	(void)unused;
	struct pl_transfer_multi *m = multi;
	struct pl_transfer_socket *s = socket_of(m->pool, fd);
	if (what == CURL_POLL_REMOVE) {
		if (s == NULL)
			return 0;
		s->outlived = s->own && (s->outlived || still_there(s));
		if (!s->outlived) {
			forget(s);
			return 0;
		}
		s->wanted = 0;
		s->idle_since_ns = pl_clock_mono_ns();
		return 0;
	}
	if (s == NULL)
		s = remember(m, fd, false);
	if (s == NULL)
		return 0; /* the flight's own timeout ends it */
	s->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	watch(s, s->wanted);
	return 0;
}

void pl_transfer_sockets_sweep(struct pl_transfer_pool *pool, int64_t before_ns)
{
	for (size_t fd = 0; fd < pool->sockets.n; fd++) {
		struct pl_transfer_socket *s = pool->sockets.v[fd];
		if (s == NULL || !s->outlived || s->wanted != 0 || s->idle_since_ns == 0 || s->idle_since_ns >= before_ns)
			continue;
		shutdown(s->fd, SHUT_RDWR);
		s->idle_since_ns = 0;
	}
}

void pl_transfer_sockets_finish(struct pl_transfer_pool *pool)
{
	for (size_t fd = 0; fd < pool->sockets.n; fd++) {
		if (pool->sockets.v[fd] != NULL)
			forget(pool->sockets.v[fd]);
	}
}
