/* What the route families share: the api itself, and the ways of answering. */
#ifndef PL_API_PRIVATE_H
#define PL_API_PRIVATE_H

#include "api/api.h"
#include "api/routes.h"
#include "base/incident.h"
#include "format/json_out.h"
#include "live/sse.h"
#include "net/transfer.h"
#include "store/store.h"

struct pl_api {
	struct pl_api_env env; /* what it points to is borrowed */
	struct pl_http_server *server;
	struct pl_store store;
	struct pl_live_sse *live; /* NULL: no live values */
	struct pl_incident token; /* the token's file cannot be read */
	uint64_t unauthorized;
	struct pl_transfer_pool *transfers; /* of /api/v1/targets/raw; NULL before the first */
	size_t n_fetches;                   /* under way */
	bool closing;
	size_t open; /* while closing: what is still open of server and transfers */
	void (*closed)(void *data);
	void *closed_data;
};

static inline struct pl_config *pl_api_snapshot(struct pl_api *a)
{
	return a->env.config(a->env.daemon);
}

/* May this request in? `token` of the configuration; PL_EACCES: no; else why the token could not be read, with `reason`. */
PL_MUST_CHECK enum pl_err pl_api_authorize(const struct pl_http_exchange *x, const struct pl_secret *token, char *reason,
					   size_t reason_size);

void pl_api_reply_json(struct pl_http_exchange *x, unsigned status, struct pl_buf *body); /* takes it; adds the newline */
void pl_api_reply_error(struct pl_http_exchange *x, unsigned status, const char *text);   /* {"error":"..."} */

/* In Prometheus' shape: {"status":"error","errorType":...,"error":...}. */
void pl_api_reply_failure(struct pl_http_exchange *x, unsigned status, const char *type, const char *text);

struct pl_metric_out;
void pl_api_add_alert_metrics(struct pl_metric_out *e, const struct pl_api *a);
void pl_api_add_quarantine_metrics(struct pl_metric_out *e, const struct pl_api *a);

/* A member `key` with the labels as an object, values of __param_ names that may be secret left out, users in URLs too. */
void pl_api_add_labels(struct pl_json *j, const char *key, struct pl_labels labels);
void pl_api_add_label_members(struct pl_json *j, struct pl_labels labels); /* into an object that is open */

/* Appends a duration as Prometheus writes it: 15s, 1m30s, 500ms. */
void pl_api_add_duration(struct pl_buf *out, int64_t ns);

#endif
