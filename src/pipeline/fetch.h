/* One fetch of a page outside of the schedule, made as the scraper makes its own: the job's credentials, its headers. */
#ifndef PL_PIPELINE_FETCH_H
#define PL_PIPELINE_FETCH_H

#include "pipeline/client.h"
#include "pipeline/oauth2.h"

struct pl_fetch_options {
	const char *url;                       /* borrowed until on_done */
	const struct pl_client_config *client; /* likewise */
	int64_t timeout_ns;
	uint64_t max_body_bytes; /* 0: no bound */
};

struct pl_fetch {
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_fetch_options options;
	struct pl_transfer_pool *pool;
	struct pl_oauth2 *oauth2; /* NULL: not needed */
	struct pl_oauth2_waiter waiter;
	char timeout_header[64];
	const char *headers[2];
};

/* As pl_transfer_start on f->transfer (`f` zero-initialised, transfer.events and transfer.data set), but says at once when the
 * credentials cannot be read: then `reason` tells, and on_done does not come. With OAuth 2 a token is fetched before, for
 * this page alone, which may take another timeout_ns; where none is to be had on_done comes with PL_EACCES. */
PL_MUST_CHECK enum pl_err pl_fetch_start(struct pl_fetch *f, struct pl_transfer_pool *pool,
					 const struct pl_fetch_options *options, char *reason, size_t reason_size);

/* Wipes the secrets. Not while it is under way, but from within on_done. Harmless when it was never started. */
void pl_fetch_finish(struct pl_fetch *f);

#endif
