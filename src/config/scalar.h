/* The forms of single values: durations, sizes, addresses, URLs. */
#ifndef PL_CONFIG_SCALAR_H
#define PL_CONFIG_SCALAR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* The reverse of pl_parse_duration; rounds down to milliseconds. */
void pl_duration_print(int64_t ns, struct pl_buf *out);

/* The reverse of pl_parse_bytes: with the largest unit that fits evenly. */
void pl_bytes_print(int64_t bytes, struct pl_buf *out);

/* NULL when `s` is host:port, [v6]:port or :port; else what is wrong with it (static). */
const char *pl_listen_flaw(struct pl_str s);

/* NULL when `s` is an absolute http or https URL without user info and fragment; else what is wrong with it (static). */
const char *pl_url_flaw(struct pl_str s);

/* NULL when `s` is the URL of a proxy: http, https, socks5 or socks5h, perhaps user and password, a host, perhaps a port; else
 * what is wrong with it (static). */
const char *pl_proxy_flaw(struct pl_str s);

/* Where in a valid proxy's URL user and password stand; empty when there are none. */
struct pl_str pl_proxy_credentials(struct pl_str s);

#endif
