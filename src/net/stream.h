/* A connection to a server: name look-up, TCP, TLS if wanted, bytes both ways. On its loop's thread alone. */
#ifndef PL_NET_STREAM_H
#define PL_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/loop.h"

struct pl_stream;

/* Files are read at each connection, so that renewed ones are taken. Copied; NULL: not given. */
struct pl_stream_tls_options {
	const char *ca_file; /* NULL: the system's */
	const char *cert_file, *key_file;
	const char *server_name; /* to be in the certificate, and asked for; NULL: the host connected to */
	bool insecure_skip_verify;
	int min_version, max_version; /* as on the wire, 0x0303 for TLS 1.2; 0: 1.2, and no bound */
};

struct pl_stream_options {
	const char *host; /* name or address, without brackets */
	uint16_t port;
	uint64_t connect_timeout_ms;             /* until on_open; > 0 */
	const struct pl_stream_tls_options *tls; /* NULL: plain */
};

enum pl_stream_failure {
	PL_STREAM_RESOLVE, /* the name has no address */
	PL_STREAM_CONNECT, /* refused, unreachable */
	PL_STREAM_TIMEOUT, /* not connected in time */
	PL_STREAM_TLS,
	PL_STREAM_CLOSED, /* the peer closed it or it broke */
};

struct pl_stream_events {
	void (*on_open)(void *data);
	void (*on_data)(void *data, const char *p, size_t n);
	void (*on_drain)(void *data); /* everything written went out */
	/* Nothing comes after it; pl_stream_close is still due. `reason` is printable. */
	void (*on_end)(void *data, enum pl_stream_failure why, const char *reason);
};

/* Never fails at once: on_end tells, from the loop. Copies the options. */
struct pl_stream *pl_stream_open(struct pl_loop *loop, const struct pl_stream_options *options,
				 const struct pl_stream_events *events, void *data);

/* After on_open; takes the bytes. Returns how many have not gone out yet. */
size_t pl_stream_write(struct pl_stream *s, struct pl_buf *bytes);

/* No event comes any more, not even from within this call; frees, once the loop lets it. NULL is fine. */
void pl_stream_close(struct pl_stream *s);

#endif
