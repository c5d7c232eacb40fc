#include "pipeline/fetch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "format/exposition.h"

static void request(struct pl_fetch *f)
{
	const struct pl_transfer_request request = {
	    .url = f->options.url,
	    .client = &f->client.transfer,
	    .accept = PL_EXPOSITION_ACCEPT,
	    .headers = f->headers,
	    .timeout_ns = f->options.timeout_ns,
	    .max_body_bytes = f->options.max_body_bytes,
	};
	pl_transfer_start(f->pool, &f->transfer, &request);
}

static void on_token(struct pl_oauth2_waiter *w, enum pl_oauth2_state state)
{
	struct pl_fetch *f = pl_container_of(w, struct pl_fetch, waiter);
	struct pl_transfer_result failed = {.err = PL_EACCES};
	uint64_t serial;
	if (state == PL_OAUTH2_READY) {
		f->client.transfer.bearer_token = pl_oauth2_token(f->oauth2, &serial);
		request(f);
		f->client.transfer.bearer_token = NULL; /* copied */
		return;
	}
	snprintf(failed.reason, sizeof failed.reason, "%s", pl_oauth2_reason(f->oauth2));
	f->transfer.events->on_done(&f->transfer, &failed);
}

enum pl_err pl_fetch_start(struct pl_fetch *f, struct pl_transfer_pool *pool, const struct pl_fetch_options *options,
			   char *reason, size_t reason_size)
{
	enum pl_err err = pl_client_load(&f->client, options->client, reason, reason_size);
	if (err != PL_OK)
		return err;
	snprintf(f->timeout_header, sizeof f->timeout_header, "X-Prometheus-Scrape-Timeout-Seconds: %.3f",
		 (double)options->timeout_ns / (double)PL_NS_PER_S);
	f->headers[0] = f->timeout_header;
	f->pool = pool;
	f->options = *options;
	if (options->client->oauth2 == NULL) {
		request(f);
		return PL_OK;
	}
	f->oauth2 = pl_oauth2_create(pool, options->client->oauth2);
	f->waiter.on_answer = on_token;
	enum pl_oauth2_state state = pl_oauth2_ask(f->oauth2, &f->waiter, options->timeout_ns);
	if (state == PL_OAUTH2_FAILED) {
		snprintf(reason, reason_size, "%s", pl_oauth2_reason(f->oauth2));
		return PL_EACCES;
	}
	return PL_OK;
}

static void on_oauth2_closed(void *data)
{
	(void)data; /* may be gone */
}

void pl_fetch_finish(struct pl_fetch *f)
{
	if (f->oauth2 != NULL) {
		pl_oauth2_leave(f->oauth2, &f->waiter);
		pl_oauth2_close(f->oauth2, on_oauth2_closed, NULL);
		f->oauth2 = NULL;
	}
	pl_client_finish(&f->client);
}
