/* The server's side of TLS between bytes in memory; who uses it moves them to and from a socket. */
#ifndef PL_NET_TLS_H
#define PL_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct pl_tls;         /* one connection */
struct pl_tls_context; /* certificate, key and authorities of a server; refcounted */

/* client_ca_file NULL: the peer's certificate is not asked for; else it must have one that these authorities signed. On failure
 * `reason` names the file and why. Any thread. */
PL_MUST_CHECK enum pl_err pl_tls_context_create(struct pl_tls_context **out, const char *cert_file, const char *key_file,
						const char *client_ca_file, char *reason, size_t reason_size);
void pl_tls_context_release(struct pl_tls_context *ctx); /* NULL: nothing */

struct pl_tls *pl_tls_create(struct pl_tls_context *ctx); /* shares the context */
void pl_tls_destroy(struct pl_tls *t);                    /* NULL: nothing */

void pl_tls_feed(struct pl_tls *t, struct pl_str cipher); /* what came from the peer */
/* Decrypts the next bytes into out. 0: needs more; < 0: broken, refused or ended in order, see pl_tls_reason. */
int pl_tls_read(struct pl_tls *t, char *out, size_t size);
bool pl_tls_ready(const struct pl_tls *t); /* is the handshake done? */
/* Encrypts all of it; only when ready. False: broken. */
PL_MUST_CHECK bool pl_tls_write(struct pl_tls *t, struct pl_str plain);
void pl_tls_end(struct pl_tls *t);                      /* says goodbye */
void pl_tls_take(struct pl_tls *t, struct pl_buf *out); /* appends what has to go to the peer */
const char *pl_tls_reason(const struct pl_tls *t);      /* why it broke, for logs; "" when it ended in order */

#endif
