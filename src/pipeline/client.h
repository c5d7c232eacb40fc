/* From what the configuration says about an HTTP client to what net/transfer takes: reads the secrets, sets the rest. */
#ifndef PL_PIPELINE_CLIENT_H
#define PL_PIPELINE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/client.h"
#include "net/transfer.h"

/* Zero-initialise. `transfer` points into the other members and into the configuration. */
struct pl_client {
	struct pl_transfer_client transfer;
	struct pl_buf password, token;
	struct pl_buf lines;     /* of headers, a NUL behind each */
	const char **headers;    /* into `lines`, NULL behind the last; NULL: none */
	uint64_t secret_headers; /* which of them hold a secret, a bit for each */
	bool loaded;
	bool settled;      /* `seen` can be trusted: no file had changed for a while when it was read */
	struct stat *seen; /* of the files that hold secrets */
};

/* Makes `c` fit for a request: fills it when it was not, or when a file of its secrets has changed since. Cheap otherwise.
 * Borrows `config`, which must be the same each time. On failure `reason` names the file and why, and `c` must not be used. OAuth
 * 2 is the caller's: see pipeline/oauth2.h. */
PL_MUST_CHECK enum pl_err pl_client_refresh(struct pl_client *c, const struct pl_client_config *config, char *reason,
					    size_t reason_size);

/* Fills `c` anew, whatever it holds. */
PL_MUST_CHECK enum pl_err pl_client_load(struct pl_client *c, const struct pl_client_config *config, char *reason,
					 size_t reason_size);

/* Writes asterisks over what `text` shows of the client's secrets and those in `url`: a server may say again what it was told. */
void pl_client_redact(const struct pl_client *c, const char *url, char *text);

/* Wipes and frees the secrets. */
void pl_client_finish(struct pl_client *c);

#endif
