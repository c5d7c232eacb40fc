/* What may stand where on the wire, and the words for what may not. */
#ifndef PL_RELAY_NAMES_H
#define PL_RELAY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Formats `error`, which may be NULL. Returns false, for `return pl_relay_refuse(...)`. */
bool pl_relay_refuse(char *error, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Copies up to `size` - 1 bytes that can be shown, '?' for the others. Returns `out`. */
const char *pl_relay_shown(struct pl_str s, char *out, size_t size);

/* `stat`: the name becomes that of a value, not only that of a set. */
bool pl_relay_check_name(const char *name, bool stat, char *error, size_t size);

/* For an id, a tag or a token; `what` names it. `comma`: may it hold one? */
bool pl_relay_check_text(const char *what, const char *text, size_t max, bool comma, char *error, size_t size);

/* Cuts "host:port" or "[v6]:port"; the host goes into `host` of `host_size` bytes, `*port` points into `address`. */
bool pl_relay_check_address(const char *address, char *host, size_t host_size, const char **port, char *error, size_t size);

enum { PL_RELAY_VALUE_BYTES = 352 }; /* the longest double has 309 digits before the point */

/* The value with four decimals, rounded from the binary value, with '.' whatever the locale. Returns its length, 0 when it is NaN
 * or infinite. */
size_t pl_relay_value_text(double value, char out[PL_RELAY_VALUE_BYTES]);

#endif
