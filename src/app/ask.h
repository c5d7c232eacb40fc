/* One HTTP request and its answer, for commands that ask a daemon something. Blocks. */
#ifndef PL_APP_ASK_H
#define PL_APP_ASK_H

#include "base/buf.h"
#include "base/err.h"
#include "net/transfer.h"

/* Asks by `request` (url, headers, timeout and bound are the caller's), appends the answer's body. An error is err of the result,
 * with its reason; any answer is PL_OK, and result->status tells which. */
PL_MUST_CHECK enum pl_err pl_ask(const struct pl_transfer_request *request, struct pl_buf *answer,
				 struct pl_transfer_result *result);

#endif
