/* A connection that was accepted: TCP, with TLS when there is a context for it. Bytes in as they come, bytes out in order and
 * bounded. On one loop's thread. */
#ifndef PL_NET_SERVER_STREAM_H
#define PL_NET_SERVER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/str.h"
#include "net/loop.h"
#include "net/tls.h"

struct pl_server_stream;

struct pl_server_stream_events {
	/* Some bytes, valid during the call. May end, close or write to the stream. */
	void (*read)(void *data, struct pl_str bytes);
	/* The peer went away, or the connection broke; `reason` says why, "" when it ended in order. Not after
	 * pl_server_stream_close. The stream is still to be closed, which may be done here. */
	void (*gone)(void *data, const char *reason);
};

struct pl_server_stream_options {
	struct pl_tls_context *tls; /* NULL: plain */
	size_t max_unsent;          /* see pl_server_stream_write */
	char *read_buf;             /* shared by all streams of a loop, lent for the time of one read */
	size_t read_buf_size;
	const struct pl_server_stream_events *events; /* borrowed for the stream's life */
	void *data;
	void (*freed)(void *data); /* from the loop, after the last handle closed; may be NULL */
};

/* Accepts the next connection of a listener. NULL: there was none to be had; `freed` is not called then. */
struct pl_server_stream *pl_server_stream_accept(uv_stream_t *listener, const struct pl_server_stream_options *options);
void pl_server_stream_peer(const struct pl_server_stream *s,
			   struct sockaddr_storage *out); /* family AF_UNSPEC when it is not known */

/* Sends all or nothing, in one piece where the socket takes it. False: the peer leaves more than max_unsent unread, or the
 * connection broke; the stream should be closed then. Never calls back. */
PL_MUST_CHECK bool pl_server_stream_write(struct pl_server_stream *s, struct pl_str bytes);
size_t pl_server_stream_unsent(const struct pl_server_stream *s);

/* Sends what is left and tells the peer that nothing follows; what still comes in is thrown away. pl_server_stream_close is still
 * to be called: when `gone` (perhaps from within this call) says that the peer has seen it, or when patience ends. */
void pl_server_stream_end(struct pl_server_stream *s);

void pl_server_stream_close(struct pl_server_stream *s); /* at once; no event follows but `freed` */

#endif
