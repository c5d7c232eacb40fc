/* A socket that listens, made on one thread to be served on another. */
#ifndef PL_NET_LISTEN_H
#define PL_NET_LISTEN_H

#include <stddef.h>

#include "base/err.h"
#include "net/address.h"

/* Binds and listens; `*fd` is non-blocking and the caller's to close. `what` names the purpose: "relays". PL_EINUSE when the
 * address is taken, PL_EACCES when it is not allowed; `reason` says which and where. `bound` gets the address as it is, with its
 * port. */
PL_MUST_CHECK enum pl_err pl_listen_open(const char *address, const char *what, int *fd, char bound[PL_ADDRESS_TEXT_BYTES],
					 char *reason, size_t reason_size);

#endif
