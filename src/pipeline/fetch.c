#include "pipeline/fetch.h"

#include <stdio.h>

#include "base/clock.h"
#include "format/exposition.h"

enum pl_err pl_fetch_start(struct pl_fetch *f, struct pl_transfer_pool *pool, const struct pl_fetch_options *options,
			   char *reason, size_t reason_size)
{
	if (options->client->oauth2 != NULL) {
		snprintf(reason, reason_size,
			 "the job has oauth2, with which only scheduled scrapes are made: a fetch outside of the "
			 "schedule does not support OAuth 2 yet");
		return PL_EUNSUPPORTED;
	}
	enum pl_err err = pl_client_load(&f->client, options->client, reason, reason_size);
	if (err != PL_OK)
		return err;
	snprintf(f->timeout_header, sizeof f->timeout_header, "X-Prometheus-Scrape-Timeout-Seconds: %.3f",
		 (double)options->timeout_ns / (double)PL_NS_PER_S);
	f->headers[0] = f->timeout_header;
	const struct pl_transfer_request request = {
	    .url = options->url,
	    .client = &f->client.transfer,
	    .accept = PL_EXPOSITION_ACCEPT,
	    .headers = f->headers,
	    .timeout_ns = options->timeout_ns,
	    .max_body_bytes = options->max_body_bytes,
	};
	pl_transfer_start(pool, &f->transfer, &request);
	return PL_OK;
}

void pl_fetch_finish(struct pl_fetch *f)
{
	pl_client_finish(&f->client);
}
