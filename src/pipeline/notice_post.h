/* One HTTP request of a notifier, and what the receiver's answer means for the notice: 2xx sent, 408, 429, 5xx and no answer at
 * all try again (as late as Retry-After says), 401 and 407 try again (a person must see to the credentials), the rest is refused
 * in the receiver's own words. */
#ifndef PL_PIPELINE_NOTICE_POST_H
#define PL_PIPELINE_NOTICE_POST_H

#include "pipeline/client.h"
#include "pipeline/notice.h"

struct pl_notice_post_request {
	const char *url; /* http or https; borrowed until on_verdict */
	bool foreign;    /* not of the configuration: of `config` only proxy and redirects count, nothing secret goes there */
	const char *method, *content_type;
	struct pl_str body;         /* borrowed until on_verdict */
	const char *const *headers; /* likewise; or NULL */
	const char *secret;         /* not to be shown, if the receiver says it; or NULL */
	int64_t timeout_ns;
};

/* Zero-initialise; one request at a time. */
struct pl_notice_post {
	void (*on_verdict)(struct pl_notice_post *p, const struct pl_notice_verdict *v); /* set by the caller */
	void *data;                                                                      /* the caller's */
	const struct pl_client_config *config;
	struct pl_transfer_pool *pool;
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_transfer_client bare; /* for foreign ones */
	struct pl_notice_post_request request;
	struct pl_buf answer;
	void (*closed)(void *data);
	void *closed_data;
};

/* Borrows the configuration until it is closed. */
PL_MUST_CHECK enum pl_err pl_notice_post_open(struct pl_notice_post *p, struct pl_loop *loop,
					      const struct pl_client_config *config);

/* on_verdict comes once, perhaps before this returns. */
void pl_notice_post_send(struct pl_notice_post *p, const struct pl_notice_post_request *request);

/* A request under way is cancelled: its on_verdict (RETRY) comes before `closed`. */
void pl_notice_post_close(struct pl_notice_post *p, void (*closed)(void *data), void *data);

/* Is it scheme, host and port of the other URL, too? */
bool pl_notice_post_same_origin(const char *a, const char *b);

#endif
