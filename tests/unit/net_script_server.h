/* A server of one test: a thread that accepts and one per connection, which does as the test's handler says. */
#ifndef NET_SCRIPT_SERVER_H
#define NET_SCRIPT_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { SCRIPT_MAX_CONNECTIONS = 256 };

struct script_server;

struct script_connection {
	struct script_server *server;
	pthread_t thread;
	int fd;
	unsigned requests; /* read so far */
	struct pl_buf in;  /* the last request: header and body */
	char path[128];
};

struct script_server {
	int fd;
	unsigned port;
	pthread_t thread;
	atomic_bool stopping;
	atomic_uint accepted, requests;
	void (*handle)(struct script_connection *c); /* may return; then the connection is closed */
	void *data;
	unsigned n;
	struct script_connection *connections[SCRIPT_MAX_CONNECTIONS];
};

static inline bool script_send(struct script_connection *c, const void *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(c->fd, p, n, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
		p = (const char *)p + done;
		n -= (size_t)done;
	}
	return true;
}

static inline bool script_say(struct script_connection *c, const char *text)
{
	return script_send(c, text, strlen(text));
}

/* The next request with its body into c->in, its path into c->path. False at the end of the connection. */
static inline bool script_read(struct script_connection *c)
{
	pl_buf_clear(&c->in);
	size_t want = 0;
	while (want == 0 || c->in.n < want) {
		ssize_t n = recv(c->fd, pl_buf_reserve(&c->in, 65536), 65536, 0);
		if (n <= 0)
			return false;
		c->in.n += (size_t)n;
		const char *text = pl_buf_cstr(&c->in), *end = strstr(text, "\r\n\r\n"),
			   *length = strstr(text, "Content-Length:");
		if (want == 0 && end != NULL) {
			want = (size_t)(end - text) + 4;
			if (length != NULL && length < end)
				want += strtoul(length + 15, NULL, 10);
		}
	}
	c->path[0] = '\0';
	sscanf(pl_buf_cstr(&c->in), "%*s %127s", c->path);
	c->requests++;
	c->server->requests++;
	return true;
}

/* True until the server is being stopped. */
static inline bool script_pause(const struct script_connection *c, unsigned ms)
{
	usleep(ms * 1000);
	return !c->server->stopping;
}

static inline void *script_connection_main(void *data)
{
	struct script_connection *c = data;
	c->server->handle(c);
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static inline void *script_server_main(void *data)
{
	struct script_server *s = data;
	while (!s->stopping && s->n < SCRIPT_MAX_CONNECTIONS) {
		int fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			break;
		struct script_connection *c = pl_calloc(1, sizeof *c);
		c->server = s;
		c->fd = fd;
		s->connections[s->n++] = c;
		s->accepted++;
		pthread_create(&c->thread, NULL, script_connection_main, c);
	}
	return NULL;
}

/* Listens on a free port of the loopback interface. */
static inline int script_listen(unsigned *port, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, backlog) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static inline void script_start(struct script_server *s, void (*handle)(struct script_connection *c), void *data)
{
	memset(s, 0, sizeof *s);
	s->handle = handle;
	s->data = data;
	s->fd = script_listen(&s->port, 64);
	pthread_create(&s->thread, NULL, script_server_main, s);
}

static inline void script_stop(struct script_server *s)
{
	s->stopping = true;
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (unsigned i = 0; i < s->n; i++) {
		struct script_connection *c = s->connections[i];
		shutdown(c->fd, SHUT_RDWR);
		pthread_join(c->thread, NULL);
		close(c->fd);
		pl_buf_finish(&c->in);
		free(c);
	}
	close(s->fd);
}

#endif
