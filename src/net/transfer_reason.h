/* Why a transfer failed, in words for the one who runs the server: no URL, no secret, printable UTF-8 only. */
#ifndef PL_NET_TRANSFER_REASON_H
#define PL_NET_TRANSFER_REASON_H

#include <curl/curl.h>
#include <stddef.h>

#include "base/err.h"
#include "net/transfer_flight.h"

/* Sets the flight's reason. */
void pl_transfer_reason_set(struct pl_transfer_flight *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the reason for what curl says, once the result's other fields are known, and returns which kind of failure it is. */
PL_MUST_CHECK enum pl_err pl_transfer_reason_of(struct pl_transfer_flight *f, CURLcode code);

/* Makes a text fit to be shown: cut to `size` with its NUL at a character's end, control characters and malformed UTF-8 as '?'.
 */
void pl_transfer_reason_clean(char *text, size_t size);

#endif
