/* The address of a target: host:port, checked, its port added where the scheme tells it. */
#ifndef PL_TARGETS_TARGET_ADDRESS_H
#define PL_TARGETS_TARGET_ADDRESS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { PL_REASON_BYTES = 256 };

/* Appends `address` to `out`, with `:default_port` behind a bare host (0: none is added and a bare host stays bare). Takes names,
 * IPv4 and bracketed IPv6 addresses, the latter with a zone. On PL_EINVAL nothing is appended and `reason` says what is wrong,
 * printable, without the address. */
PL_MUST_CHECK enum pl_err pl_target_address_settle(struct pl_str address, unsigned default_port, struct pl_buf *out,
						   char reason[PL_REASON_BYTES]);

#endif
