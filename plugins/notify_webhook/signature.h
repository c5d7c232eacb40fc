/* A signature by which a receiver knows that a request is ours and not old: HMAC-SHA256 (RFC 2104) of "TIMESTAMP.BODY". */
#ifndef PL_NOTIFY_WEBHOOK_SIGNATURE_H
#define PL_NOTIFY_WEBHOOK_SIGNATURE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends "sha256=" and 64 small hexadecimal digits. */
PL_MUST_CHECK enum pl_err pl_webhook_sign(struct pl_buf *out, struct pl_str secret, int64_t timestamp_s, struct pl_str body);

#endif
