/* From what the configuration says about an HTTP client to what net/transfer takes: reads the secrets, sets the rest. */
#ifndef PL_PIPELINE_CLIENT_H
#define PL_PIPELINE_CLIENT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/client.h"
#include "net/transfer.h"

/* Zero-initialise. `transfer` points into the other members and into the configuration. */
struct pl_client {
	struct pl_transfer_client transfer;
	struct pl_buf password, token, header;
	const char *headers[2];
};

/* Fills `c` anew; secrets in files are read now, so call it before each request where one may have changed. Borrows `config`. On
 * failure `reason` names the file and why, and `c` must not be used. */
PL_MUST_CHECK enum pl_err pl_client_load(struct pl_client *c, const struct pl_client_config *config, char *reason,
					 size_t reason_size);

/* Has it secrets in files, which may change? */
bool pl_client_volatile(const struct pl_client_config *config);

/* Wipes and frees the secrets. */
void pl_client_finish(struct pl_client *c);

#endif
