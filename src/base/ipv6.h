/* IPv6 addresses as they stand between brackets. */
#ifndef PL_BASE_IPV6_H
#define PL_BASE_IPV6_H

#include <stdbool.h>

#include "base/str.h"

/* An address, perhaps with a `%zone` that could be an interface's name: letters, digits, `.`, `-`, `_`, at most 15. */
bool pl_ipv6_valid(struct pl_str s);

#endif
