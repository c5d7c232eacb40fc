/* pulse's reads: from a request's parameters to a question, and from the answer to JSON. */
#ifndef PL_API_READ_QUERY_H
#define PL_API_READ_QUERY_H

#include "base/buf.h"
#include "pipeline/query.h"

/* Fills verb (`standard` when none is given), filters and limit of a question from a query string. PL_EINVAL: `reason` says what
 * is wrong. */
PL_MUST_CHECK enum pl_err pl_read_query_parse(struct pl_query *q, enum pl_verb standard, struct pl_str query_string, char *reason,
					      size_t reason_size);

/* Appends the answer to KEYS and TAGS: an array, empty where there is nothing. */
void pl_read_query_names(const struct pl_query *q, struct pl_buf *out);

/* Appends the answer to LATEST, which has at least one row: one object, or an array of several with their tags. */
void pl_read_query_rows(const struct pl_query *q, struct pl_buf *out);

#endif
