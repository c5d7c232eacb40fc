#include "out_influxdb/request.h"

#include "base/mem.h"
#include "out_influxdb/statement.h"

enum { MOST_DISCARDED = 16 * 1024 * 1024 };

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct pl_influx_request *r = pl_container_of(t, struct pl_influx_request, transfer);
	size_t room = r->max_answer - r->answer.n;
	r->cut = r->cut || n > room;
	if (r->cut && r->whole)
		return PL_ELIMIT;
	pl_buf_add(&r->answer, p, n < room ? n : room);
	return PL_OK;
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct pl_influx_request *r = pl_container_of(t, struct pl_influx_request, transfer);
	if (result->status >= 300) { /* a refusal, whose words are logged */
		pl_buf_cstr(&r->answer);
		pl_client_redact(&r->client, "", r->answer.p);
	}
	r->done(r, result, r->cut);
}

static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};

enum pl_err pl_influx_request_start(struct pl_influx_request *r, const struct pl_influx_server *server,
				    const struct pl_influx_post *post, char *reason, size_t reason_size)
{
	enum pl_err err = pl_client_load(&r->client, &server->client, reason, reason_size);
	if (err != PL_OK)
		return err;
	/* after a 301 or 302 HTTP clients send a GET without the body, and whatever that is answered says nothing about the
	 * points */
	r->client.transfer.follow_redirects = false;
	pl_buf_clear(&r->answer);
	pl_buf_clear(&r->url);
	pl_buf_add_str(&r->url, server->base);
	pl_buf_add_str(&r->url, pl_buf_str(&r->target));
	r->cut = false;
	r->transfer.events = &events;
	struct pl_transfer_request request = {
	    .url = pl_buf_cstr(&r->url),
	    .method = "POST",
	    .client = &r->client.transfer,
	    .body = post->body,
	    .n_body = post->n_body,
	    .content_type = post->content_type,
	    .content_encoding = post->content_encoding,
	    .accept = "application/json",
	    .affinity = post->affinity,
	    .timeout_ns = server->timeout_ns,
	    .max_body_bytes = r->max_answer + MOST_DISCARDED,
	};
	pl_transfer_start(server->pool, &r->transfer, &request);
	return PL_OK;
}

enum pl_err pl_influx_request_query(struct pl_influx_request *r, const struct pl_influx_server *server, struct pl_str database,
				    struct pl_buf *statement, uint32_t affinity, char *reason, size_t reason_size)
{
	struct pl_buf body = {0};
	pl_buf_add_cstr(&body, "q=");
	pl_influx_add_encoded(&body, pl_buf_str(statement));
	pl_buf_finish(statement);
	*statement = body;
	pl_buf_clear(&r->target);
	pl_buf_add_cstr(&r->target, "/query?epoch=s&db=");
	pl_influx_add_encoded(&r->target, database);
	r->one_piece = pl_buf_str(statement);
	struct pl_influx_post post = {
	    .body = &r->one_piece, .n_body = 1, .content_type = "application/x-www-form-urlencoded", .affinity = affinity};
	return pl_influx_request_start(r, server, &post, reason, reason_size);
}

void pl_influx_request_finish(struct pl_influx_request *r)
{
	pl_client_finish(&r->client);
	pl_buf_finish(&r->target);
	pl_buf_finish(&r->url);
	pl_buf_finish(&r->answer);
}
