/* One fetch of a page outside of the schedule, made as the scraper makes its own: the job's credentials, its headers. */
#ifndef PL_PIPELINE_FETCH_H
#define PL_PIPELINE_FETCH_H

#include "pipeline/client.h"

/* Zero-initialise; set transfer.events and transfer.data. */
struct pl_fetch {
	struct pl_transfer transfer;
	struct pl_client client;
	char timeout_header[64];
	const char *headers[2];
};

struct pl_fetch_options {
	const char *url;                       /* borrowed until on_done */
	const struct pl_client_config *client; /* likewise */
	int64_t timeout_ns;
	uint64_t max_body_bytes; /* 0: no bound */
};

/* As pl_transfer_start, but says at once when the credentials cannot be read, and PL_EUNSUPPORTED when they
 * are OAuth 2's: then `reason` tells, and on_done does not come. */
PL_MUST_CHECK enum pl_err pl_fetch_start(struct pl_fetch *f, struct pl_transfer_pool *pool,
					 const struct pl_fetch_options *options, char *reason, size_t reason_size);

/* Wipes the secrets. Not while it is under way. */
void pl_fetch_finish(struct pl_fetch *f);

#endif
