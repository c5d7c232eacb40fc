/* An HTTP/1.1 server on a libuv loop: request and reply, plus streams of bytes. http-parser reads the requests, OpenSSL does TLS;
 * neither shows here.
 *
 * All calls on the loop's thread. An exchange is one request and its reply; it may be answered later, from any callback of that
 * loop, and stays valid until it is, even when the peer has left meanwhile (the reply then goes nowhere). What is malformed, too
 * large or too slow is refused here and reaches no handler. */
#ifndef PL_NET_HTTP_SERVER_H
#define PL_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

struct pl_http_server;
struct pl_http_exchange;

/* Called for each complete request; must see to it that a reply is sent some time. */
typedef void (*pl_http_handler)(struct pl_http_exchange *x, void *data);

struct pl_http_server_options {
	const char *listen;               /* "host:port", "[v6]:port"; port 0 picks a free one */
	const char *cert_file, *key_file; /* both or neither; TLS 1.2 and later */
	bool self_signed;                 /* without these: TLS with a certificate of our own making, which is warned of */
	size_t max_body_bytes;            /* of a request, else 413; 0: 1 MiB */
	unsigned max_connections;         /* beyond it a connection is refused and counted; 0: 512 */
	unsigned idle_timeout_s;          /* between requests and while reading one; 0: 60 */
	pl_http_handler handler;
	void *data;
	struct pl_log *log; /* borrowed */
};

/* On failure `reason` (printable) says what and where; PL_EINUSE: the address is taken. The loop must still run once more. */
PL_MUST_CHECK enum pl_err pl_http_server_open(struct pl_http_server **out, struct pl_loop *loop,
					      const struct pl_http_server_options *options, char *reason, size_t reason_size);

/* The address that it really listens on, "host:port". Borrowed. */
const char *pl_http_server_address(const struct pl_http_server *s);

/* Stops listening, ends streams, lets other replies go out (at most grace_ms), closes the rest; calls on_closed when every
 * exchange that a handler holds was answered too. */
void pl_http_server_close(struct pl_http_server *s, unsigned grace_ms, void (*on_closed)(void *data), void *data);

struct pl_http_server_stats {
	uint64_t requests, connections, refused;
	unsigned open;
};
struct pl_http_server_stats pl_http_server_stats(const struct pl_http_server *s);

/* The request; views valid until the reply ends. */
struct pl_str pl_http_method(const struct pl_http_exchange *x); /* "GET" ... */
struct pl_str pl_http_path(const struct pl_http_exchange *x);   /* percent-decoded, starts with '/' */
struct pl_str pl_http_query(const struct pl_http_exchange *x);  /* raw, without '?' */
struct pl_str pl_http_body(const struct pl_http_exchange *x);
struct pl_str pl_http_header(const struct pl_http_exchange *x,
			     const char *name_lower_case);    /* p == NULL: not there; "x-auth-token", "authorization", "origin",
								 "content-type", "accept" ... */
struct pl_str pl_http_peer(const struct pl_http_exchange *x); /* address without port */

/* Walks a query string: takes one pair off *rest, decoded (+ and %XX) into `scratch`, which the caller owns and clears; the views
 * are valid until it changes. A `%` that encodes nothing stands for itself. False at the end. */
bool pl_http_query_next(struct pl_str *rest, struct pl_buf *scratch, struct pl_str *key, struct pl_str *value);

/* The reply: headers first, then exactly one of pl_http_reply or pl_http_stream_begin. */
void pl_http_set_header(struct pl_http_exchange *x, const char *name, const char *value);
void pl_http_close_after(struct pl_http_exchange *x); /* the connection ends with this reply */
void pl_http_reply(struct pl_http_exchange *x, unsigned status, const char *content_type,
		   struct pl_buf *body);                                                /* takes the body; NULL: empty */
void pl_http_reply_text(struct pl_http_exchange *x, unsigned status, const char *text); /* text/plain; copies */

/* A body of unknown length (chunked). `on_drain` comes when the backlog has gone out, `on_gone` once when the peer left, the
 * server closes, or the request was HEAD: the exchange is invalid after it. Neither may be NULL. */
struct pl_http_stream_events {
	void (*on_drain)(struct pl_http_exchange *x, void *data);
	void (*on_gone)(struct pl_http_exchange *x, void *data);
};
void pl_http_stream_begin(struct pl_http_exchange *x, unsigned status, const char *content_type,
			  const struct pl_http_stream_events *events, void *data);
size_t pl_http_stream_write(struct pl_http_exchange *x, struct pl_str bytes); /* copies; returns the backlog in bytes */
void pl_http_stream_end(struct pl_http_exchange *x);

#endif
