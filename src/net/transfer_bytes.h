/* The bytes of a flight on their way between curl and the caller. */
#ifndef PL_NET_TRANSFER_BYTES_H
#define PL_NET_TRANSFER_BYTES_H

#include <stddef.h>

#include "base/err.h"
#include "net/transfer_flight.h"

/* Tells the caller status and content type, unless that was done. */
PL_MUST_CHECK enum pl_err pl_transfer_bytes_give_head(struct pl_transfer_flight *f);

/* For curl; `data` is the flight. */
size_t pl_transfer_bytes_header(char *p, size_t size, size_t n, void *data);
size_t pl_transfer_bytes_write(char *p, size_t size, size_t n, void *data);
size_t pl_transfer_bytes_read(char *p, size_t size, size_t n, void *data);
int pl_transfer_bytes_seek(void *data, curl_off_t offset, int origin);

#endif
