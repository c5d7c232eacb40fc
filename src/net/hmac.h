/* HMAC-SHA256 (RFC 2104), by which a receiver knows who made a message. */
#ifndef PL_NET_HMAC_H
#define PL_NET_HMAC_H

#include "base/buf.h"
#include "base/err.h"

/* Appends 64 small hexadecimal digits. */
PL_MUST_CHECK enum pl_err pl_hmac_sha256(struct pl_buf *out, struct pl_str secret, struct pl_str message);

#endif
