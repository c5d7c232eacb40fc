/* Percent-encoding for a query string. Source: RFC 3986, 2.1 to 2.3. */
#ifndef PL_FORMAT_PERCENT_H
#define PL_FORMAT_PERCENT_H

#include "base/buf.h"
#include "base/str.h"

/* Appends `s`; every byte that is not unreserved as %XX. */
void pl_percent_add(struct pl_buf *out, struct pl_str s);

#endif
