/* A certificate of our own making, for a server that was given none: it hides what goes over the wire from those who only listen,
 * but nobody can tell by it who the server is. */
#ifndef PL_NET_SELF_SIGNED_H
#define PL_NET_SELF_SIGNED_H

#include <stddef.h>

#include "base/err.h"

struct ssl_ctx_st;

enum { PL_FINGERPRINT_BYTES = 32 * 3 };

/* Makes a key (ECDSA, P-256) and a certificate for this host's name, localhost, 127.0.0.1 and ::1, good for ten years, and gives
 * them to `ctx`; neither is written anywhere. `fingerprint` is the certificate's SHA-256 as "AB:CD:...". PL_EIO with a reason. */
PL_MUST_CHECK enum pl_err pl_self_signed_use(struct ssl_ctx_st *ctx, char fingerprint[PL_FINGERPRINT_BYTES], char *reason,
					     size_t reason_size);

#endif
