/* One HTTP request to InfluxDB: its URL, credentials and bounded answer. */
#ifndef PL_OUT_INFLUXDB_REQUEST_H
#define PL_OUT_INFLUXDB_REQUEST_H

#include "pipeline/plugin.h"

/* The server; one per instance, borrowed by its requests. */
struct pl_influx_server {
	struct pl_transfer_pool *pool;
	struct pl_str base; /* URL without trailing slashes */
	struct pl_client_config client;
	int64_t timeout_ns;
};

enum { PL_INFLUX_FOR_WRITES, PL_INFLUX_FOR_READS }; /* affinities: a write never waits behind a read */

struct pl_influx_request;

/* The last call; the request may be started again from it, or finished. `cut`: the answer was longer than max_answer. */
typedef void (*pl_influx_done)(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut);

/* Caller-owned, zero-initialised. */
struct pl_influx_request {
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_buf target; /* behind the base URL: "/write?db=..."; the caller's to fill */
	struct pl_buf url, answer;
	struct pl_str one_piece;
	pl_influx_done done;
	bool cut;
	size_t max_answer; /* bytes kept */
	bool whole;        /* an answer beyond max_answer is a failure, not cut */
};

struct pl_influx_post {
	const struct pl_str *body; /* pieces; must live until done */
	size_t n_body;
	const char *content_type, *content_encoding; /* NULL: none */
	uint32_t affinity;
};

/* POSTs to r->target. On failure (a secret that cannot be read) nothing was started and `reason` says why. */
PL_MUST_CHECK enum pl_err pl_influx_request_start(struct pl_influx_request *r, const struct pl_influx_server *server,
						  const struct pl_influx_post *post, char *reason, size_t reason_size);

/* POSTs one statement to /query. Takes the text of `statement`: it becomes the body. `database` may be empty. */
PL_MUST_CHECK enum pl_err pl_influx_request_query(struct pl_influx_request *r, const struct pl_influx_server *server,
						  struct pl_str database, struct pl_buf *statement, uint32_t affinity,
						  char *reason, size_t reason_size);

void pl_influx_request_finish(struct pl_influx_request *r); /* not while under way */

#endif
