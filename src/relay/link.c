#include "relay/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/lookup.h"
#include "relay/names.h"

static void arm(struct pl_relay_link *l, uint32_t events)
{
	if (l->armed == events)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->fd, &(struct epoll_event){.events = events});
	l->armed = events;
}

static void enter(struct pl_relay_link *l, int state, int64_t now_ns)
{
	l->state = state;
	l->deadline_ns = state == PL_RELAY_LINK_UP ? 0 : now_ns + l->patience_ns;
}

static void drop_socket(struct pl_relay_link *l)
{
	pl_relay_tls_end(l->conn);
	l->conn = NULL;
	if (l->fd >= 0)
		close(l->fd); /* leaves the epoll, too: nobody has a copy of it */
	l->fd = -1;
}

void pl_relay_link_down(struct pl_relay_link *l)
{
	drop_socket(l);
	if (l->lookup != NULL) {
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, pl_relay_lookup_fd(l->lookup), NULL);
		pl_relay_lookup_drop(l->lookup);
	}
	l->lookup = NULL;
	l->next = NULL;
	l->state = PL_RELAY_LINK_DOWN;
	l->deadline_ns = 0;
}

bool pl_relay_link_begin(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	l->lookup = pl_relay_lookup_start(l->host, l->port, error, size);
	if (l->lookup == NULL)
		return false;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, pl_relay_lookup_fd(l->lookup), &(struct epoll_event){.events = EPOLLIN}) != 0)
		return pl_relay_refuse(error, size, "cannot wait for the lookup of %s: %s", l->host, strerror(errno));
	enter(l, PL_RELAY_LINK_LOOKING_UP, now_ns);
	return true;
}

static bool next_address(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	while (l->next != NULL) {
		struct addrinfo *a = l->next;
		l->next = a->ai_next;
		drop_socket(l);
		l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (l->fd < 0) {
			pl_relay_refuse(error, size, "no socket: %s", strerror(errno));
			continue;
		}
		int on = 1;
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		l->armed = EPOLLOUT;
		if ((connect(l->fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS) ||
		    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->fd, &(struct epoll_event){.events = EPOLLOUT}) != 0) {
			pl_relay_refuse(error, size, "cannot connect: %s", strerror(errno));
			continue;
		}
		enter(l, PL_RELAY_LINK_CONNECTING, now_ns);
		return true;
	}
	return false;
}

static bool looked_up(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	struct pollfd p = {.fd = pl_relay_lookup_fd(l->lookup), .events = POLLIN};
	if (poll(&p, 1, 0) <= 0)
		return true;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, p.fd, NULL);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, p.fd, &(struct epoll_event){.events = 0}); /* for link_down, and quiet */
	l->next = pl_relay_lookup_result(l->lookup, error, size);
	return l->next != NULL && next_address(l, now_ns, error, size);
}

static bool secure(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	enum pl_relay_io io = pl_relay_tls_handshake(l->conn, error, size);
	if (io == PL_RELAY_IO_ENDED)
		return false;
	if (io == PL_RELAY_IO_DONE)
		enter(l, PL_RELAY_LINK_UP, now_ns);
	arm(l, io == PL_RELAY_IO_WRITE ? EPOLLOUT : EPOLLIN);
	return true;
}

static bool connected(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	struct pollfd p = {.fd = l->fd, .events = POLLOUT};
	if (poll(&p, 1, 0) <= 0)
		return true;
	int failure = 0;
	socklen_t length = sizeof failure;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
		failure = errno;
	if (failure != 0) {
		pl_relay_refuse(error, size, "cannot connect: %s", strerror(failure));
		return next_address(l, now_ns, error, size);
	}
	arm(l, EPOLLIN);
	if (l->tls == NULL) {
		enter(l, PL_RELAY_LINK_UP, now_ns);
		return true;
	}
	l->conn = pl_relay_tls_start(l->tls, l->fd);
	if (l->conn == NULL)
		return pl_relay_refuse(error, size, "no memory for TLS");
	enter(l, PL_RELAY_LINK_SECURING, now_ns);
	return secure(l, now_ns, error, size);
}

bool pl_relay_link_go_on(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size)
{
	static const char *const what[] = {"", "looking up the host", "connecting", "the TLS handshake", ""};
	bool alive = true;
	if (l->state == PL_RELAY_LINK_LOOKING_UP)
		alive = looked_up(l, now_ns, error, size);
	else if (l->state == PL_RELAY_LINK_CONNECTING)
		alive = connected(l, now_ns, error, size);
	else if (l->state == PL_RELAY_LINK_SECURING)
		alive = secure(l, now_ns, error, size);
	if (!alive || l->deadline_ns == 0 || now_ns < l->deadline_ns)
		return alive;
	pl_relay_refuse(error, size, "%s took more than %.1f s", what[l->state], (double)l->patience_ns / (double)PL_NS_PER_S);
	return l->state == PL_RELAY_LINK_CONNECTING && next_address(l, now_ns, error, size);
}

bool pl_relay_link_read(struct pl_relay_link *l, void *p, size_t room, size_t *n, char *error, size_t size)
{
	*n = 0;
	if (l->conn != NULL)
		return pl_relay_tls_read(l->conn, p, room, n, error, size) != PL_RELAY_IO_ENDED;
	ssize_t got = recv(l->fd, p, room, 0);
	if (got > 0)
		*n = (size_t)got;
	else if (got == 0)
		return pl_relay_refuse(error, size, "the server closed the connection");
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return pl_relay_refuse(error, size, "%s", strerror(errno));
	return true;
}

bool pl_relay_link_write(struct pl_relay_link *l, const void *p, size_t count, size_t *n, char *error, size_t size)
{
	*n = 0;
	if (l->conn != NULL)
		return pl_relay_tls_write(l->conn, p, count, n, error, size) != PL_RELAY_IO_ENDED;
	ssize_t sent = send(l->fd, p, count, MSG_NOSIGNAL);
	if (sent >= 0)
		*n = (size_t)sent;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return pl_relay_refuse(error, size, "%s", strerror(errno));
	return true;
}

void pl_relay_link_want_write(struct pl_relay_link *l, bool want)
{
	arm(l, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void pl_relay_link_farewell(struct pl_relay_link *l, int64_t until_ns)
{
	char scratch[4096];
	if (l->conn != NULL) {
		pl_relay_tls_end(l->conn);
		l->conn = NULL;
	}
	shutdown(l->fd, SHUT_WR);
	for (int64_t now_ns = pl_clock_mono_ns(); now_ns < until_ns; now_ns = pl_clock_mono_ns()) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};
		if (poll(&p, 1, (int)((until_ns - now_ns) / PL_NS_PER_MS) + 1) <= 0 ||
		    recv(l->fd, scratch, sizeof scratch, 0) <= 0)
			break;
	}
	pl_relay_link_down(l);
}
