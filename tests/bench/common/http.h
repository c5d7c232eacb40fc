/* A small HTTP/1.1 server for the bench programs: one thread, epoll, many ports, answers that were rendered before. It trusts its
 * clients and knows no chunked requests: it is made to cost next to nothing beside what is measured. */
#ifndef PL_BENCH_HTTP_H
#define PL_BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct http_request {
	unsigned port; /* which of the ports: 0 .. n_ports-1 */
	const char *method, *path;
	bool accepts_gzip, sends_gzip;
};

/* A whole answer, header included. Both NULL: none, ever. */
struct http_answer {
	const char *p; /* stays the handler's */
	size_t n;
	char *owned; /* or: freed when sent */
};

struct http_handler {
	/* A request's header is complete. */
	struct http_answer (*request)(void *data, const struct http_request *r);
	/* A piece of its body; may be NULL. */
	void (*body)(void *data, const char *p, size_t n);
	void *data;
};

/* An owned answer with this body. */
struct http_answer http_answer_text(const char *status, const char *type, const char *body);

/* Listens on 127.0.0.1, ports first_port to first_port + n_ports - 1, and serves until SIGTERM or SIGINT. Returns an exit status.
 */
int http_serve(unsigned first_port, unsigned n_ports, const struct http_handler *handler);

#endif
