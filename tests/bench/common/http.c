#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_BYTES = 4096, READ_BYTES = 256 * 1024 };

/* What epoll tells about: a listening socket (port's number in `port`), a connection, or the signals. */
struct peer {
	int fd;
	enum { LISTENER, CONNECTION, SIGNALS } kind;
	unsigned port;
	size_t header_n;
	uint64_t body_left;
	bool writing;
	struct http_answer answer;
	size_t sent;
	char header[HEADER_BYTES];
};

struct server {
	int epoll;
	const struct http_handler *handler;
	char *input;
};

struct http_answer http_answer_text(const char *status, const char *type, const char *body)
{
	char *p = NULL;
	int n =
	    asprintf(&p, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", status, type, strlen(body), body);
	if (n < 0)
		abort();
	return (struct http_answer){p, (size_t)n, p};
}

static void watch(struct server *s, struct peer *p, uint32_t events, int how)
{
	struct epoll_event e = {.events = events, .data.ptr = p};
	if (epoll_ctl(s->epoll, how, p->fd, &e) != 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

static struct peer *peer_create(int fd, int kind, unsigned port)
{
	struct peer *p = calloc(1, sizeof *p);
	if (p == NULL)
		abort();
	p->fd = fd;
	p->kind = kind;
	p->port = port;
	return p;
}

static void drop(struct peer *p)
{
	close(p->fd);
	free(p->answer.owned);
	free(p);
}

/* Sends what is left of the answer. False when the peer is gone. */
static bool flush(struct server *s, struct peer *p)
{
	while (p->sent < p->answer.n) {
		ssize_t n = send(p->fd, p->answer.p + p->sent, p->answer.n - p->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			if (!p->writing)
				watch(s, p, EPOLLOUT, EPOLL_CTL_MOD);
			p->writing = true;
			return true;
		}
		if (n < 0)
			return false;
		p->sent += (size_t)n;
	}
	free(p->answer.owned);
	p->answer = (struct http_answer){0};
	p->sent = 0;
	if (p->writing)
		watch(s, p, EPOLLIN, EPOLL_CTL_MOD);
	p->writing = false;
	return true;
}

/* A whole header stands in p->header. */
static void begin(struct server *s, struct peer *p)
{
	char *method = p->header, *path = strchr(method, ' ');
	char *path_end = path != NULL ? strchr(path + 1, ' ') : NULL;
	struct http_request r = {.port = p->port, .method = "", .path = ""};
	const char *length = strcasestr(p->header, "\r\nContent-Length:");
	const char *accepts = strcasestr(p->header, "\r\nAccept-Encoding:");
	const char *line_end = accepts != NULL ? strchr(accepts + 2, '\r') : NULL;
	const char *gzip = accepts != NULL ? strcasestr(accepts, "gzip") : NULL;

	r.accepts_gzip = gzip != NULL && gzip < line_end;
	r.sends_gzip = strcasestr(p->header, "\r\nContent-Encoding: gzip") != NULL;
	p->body_left = length != NULL ? strtoull(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
	if (strcasestr(p->header, "\r\nExpect: 100-continue") != NULL)
		(void)!write(p->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (path_end != NULL) {
		*path = *path_end = '\0';
		r.method = method;
		r.path = path + 1;
	}
	p->answer = s->handler->request(s->handler->data, &r);
	if (p->answer.owned != NULL)
		p->answer.p = p->answer.owned;
	p->header_n = 0;
}

/* Bytes came in. False when the connection is over. */
static bool take(struct server *s, struct peer *p, const char *in, size_t n)
{
	while (n > 0) {
		if (p->body_left > 0) {
			size_t piece = n < p->body_left ? n : (size_t)p->body_left;
			if (s->handler->body != NULL)
				s->handler->body(s->handler->data, in, piece);
			in += piece;
			n -= piece;
			p->body_left -= piece;
		} else {
			if (p->header_n + 1 >= sizeof p->header)
				return false;
			p->header[p->header_n++] = *in++;
			n--;
			p->header[p->header_n] = '\0';
			if (p->header_n < 4 || memcmp(p->header + p->header_n - 4, "\r\n\r\n", 4) != 0)
				continue;
			begin(s, p);
		}
		if (p->body_left == 0 && p->answer.p != NULL && !flush(s, p))
			return false;
	}
	return true;
}

static void on_connection(struct server *s, struct peer *p, uint32_t events)
{
	bool open = true;
	if (p->writing) {
		open = (events & EPOLLERR) == 0 && flush(s, p);
	} else {
		ssize_t n = read(p->fd, s->input, READ_BYTES);
		open = n > 0 || (n < 0 && errno == EAGAIN);
		if (n > 0)
			open = take(s, p, s->input, (size_t)n);
	}
	if (!open)
		drop(p);
}

static void on_listener(struct server *s, struct peer *l)
{
	int fd;
	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		watch(s, peer_create(fd, CONNECTION, l->port), EPOLLIN, EPOLL_CTL_ADD);
	}
}

static void listen_on(struct server *s, unsigned first_port, unsigned i)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)(first_port + i)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0) {
		fprintf(stderr, "127.0.0.1:%u: %s\n", first_port + i, strerror(errno));
		exit(1);
	}
	watch(s, peer_create(fd, LISTENER, i), EPOLLIN, EPOLL_CTL_ADD);
}

int http_serve(unsigned first_port, unsigned n_ports, const struct http_handler *handler)
{
	struct server s = {.epoll = epoll_create1(EPOLL_CLOEXEC), .handler = handler, .input = malloc(READ_BYTES)};
	struct rlimit files;
	sigset_t signals;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	watch(&s, peer_create(signalfd(-1, &signals, SFD_CLOEXEC), SIGNALS, 0), EPOLLIN, EPOLL_CTL_ADD);
	for (unsigned i = 0; i < n_ports; i++)
		listen_on(&s, first_port, i);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(s.epoll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;
			if (p->kind == SIGNALS)
				return 0;
			if (p->kind == LISTENER)
				on_listener(&s, p);
			else
				on_connection(&s, p, events[i].events);
		}
	}
}
