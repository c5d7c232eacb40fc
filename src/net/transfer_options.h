/* A request in curl's terms: its options and the callbacks that move its bytes. */
#ifndef PL_NET_TRANSFER_OPTIONS_H
#define PL_NET_TRANSFER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/transfer_flight.h"

/* Looks at everything that came from outside, finds the peer and makes the header list. On failure the reason is set. */
PL_MUST_CHECK enum pl_err pl_transfer_options_check(struct pl_transfer_flight *f);

/* After the check, with the peer's addresses known. False: curl does not take them. */
PL_MUST_CHECK bool pl_transfer_options_apply(struct pl_transfer_flight *f, int64_t left_ns);

/* Sets what of TLS a client wants, for a connection of any protocol. */
void pl_transfer_options_tls(CURL *easy, const struct pl_transfer_client *c);

#endif
