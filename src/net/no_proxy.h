/* Which hosts are asked without the proxy, in the way of the environment's NO_PROXY as Go programs read it. */
#ifndef PL_NET_NO_PROXY_H
#define PL_NET_NO_PROXY_H

#include <stdbool.h>

/* `list` is of entries between commas or spaces, each perhaps with a :port that must fit too: an address, a network like
 * 10.0.0.0/8, a name (and all names below it), .name (only names below it), or * for everything. With any list localhost and
 * loopback addresses are always asked without the proxy. `host` as in a URL, brackets around an IPv6 address. NULL and "" fit
 * nothing. */
bool pl_no_proxy(const char *list, const char *host, unsigned port);

#endif
