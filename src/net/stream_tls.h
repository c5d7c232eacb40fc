/* The client's side of TLS on bytes in memory, for net/stream alone. */
#ifndef PL_NET_STREAM_TLS_H
#define PL_NET_STREAM_TLS_H

#include "net/stream.h"

struct pl_stream_tls;

/* On failure NULL and `reason`. */
struct pl_stream_tls *pl_stream_tls_create(const struct pl_stream_tls_options *options, const char *host, char *reason,
					   size_t reason_size);
void pl_stream_tls_destroy(struct pl_stream_tls *t);

/* 1: done, 0: needs bytes, -1: failed, with the reason. */
int pl_stream_tls_shake(struct pl_stream_tls *t, char *reason, size_t reason_size);

bool pl_stream_tls_feed(struct pl_stream_tls *t, const char *p, size_t n);
/* Bytes read; 0: needs more; -1: broken, with the reason; -2: ended in order. */
int pl_stream_tls_read(struct pl_stream_tls *t, char *out, int size, char *reason, size_t reason_size);
bool pl_stream_tls_write(struct pl_stream_tls *t, struct pl_str plain); /* all of it, after the handshake */
void pl_stream_tls_take(struct pl_stream_tls *t, struct pl_buf *out);   /* appends what has to go out */

#endif
