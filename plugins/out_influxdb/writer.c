#include "out_influxdb/writer.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "out_influxdb/answer.h"
#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"

void pl_influx_writer_finish(struct pl_influx_writer *w)
{
	free(w->pieces);
	pl_buf_finish(&w->packed);
	pl_buf_finish(&w->statement);
	libdeflate_free_compressor(w->compressor);
	w->compressor = NULL;
	pl_influx_request_finish(&w->write);
	pl_influx_request_finish(&w->create_request);
}

/* A route that names a database means that database's own default policy. */
static struct pl_str database_of(const struct pl_influx_writer *w)
{
	const struct pl_route *route = w->delivery->route;
	return pl_str_of(route->database[0] != '\0' ? route->database : w->database);
}

static struct pl_str policy_of(const struct pl_influx_writer *w)
{
	const struct pl_route *route = w->delivery->route;
	bool own = route->database[0] == '\0' && route->retention_policy[0] == '\0';
	return pl_str_of(own ? w->policy : route->retention_policy);
}

static void give(struct pl_influx_writer *w, const struct pl_verdict *v)
{
	struct pl_delivery *d = w->delivery;
	w->delivery = NULL;
	pl_buf_finish(&w->packed);
	d->done(d, v);
}

static void give_failure(struct pl_influx_writer *w, enum pl_verdict_kind kind, const char *reason)
{
	struct pl_verdict v = {.kind = kind};
	snprintf(v.reason, sizeof v.reason, "%s", reason);
	give(w, &v);
}

/* ---- the body ---- */

/* Each batch becomes a gzip member of its own: members may follow each other (RFC 1952, 2.2), so nothing is copied together. */
static bool pack(struct pl_influx_writer *w)
{
	if (w->compressor == NULL)
		w->compressor = libdeflate_alloc_compressor(1);
	pl_buf_clear(&w->packed);
	for (size_t i = 0; i < w->delivery->n && w->compressor != NULL; i++) {
		const struct pl_batch *b = w->delivery->batches[i];
		size_t most = libdeflate_gzip_compress_bound(w->compressor, b->n);
		size_t n = libdeflate_gzip_compress(w->compressor, b->p, b->n, pl_buf_reserve(&w->packed, most), most);
		if (n == 0)
			return false;
		w->packed.n += n;
	}
	w->packed_piece = pl_buf_str(&w->packed);
	return w->compressor != NULL;
}

static void lay_out(struct pl_influx_writer *w)
{
	size_t n = w->delivery->n;
	if (n > w->pieces_cap) {
		w->pieces = pl_realloc(w->pieces, n * sizeof *w->pieces);
		w->pieces_cap = n;
	}
	for (size_t i = 0; i < n; i++)
		w->pieces[i] = (struct pl_str){w->delivery->batches[i]->p, w->delivery->batches[i]->n};
}

static void on_written(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut);

static void send_lines(struct pl_influx_writer *w)
{
	char reason[256];
	struct pl_influx_post post = {.content_type = "text/plain; charset=utf-8", .affinity = PL_INFLUX_FOR_WRITES};
	w->gzip = w->gzip && pack(w);
	if (w->gzip) {
		post.content_encoding = "gzip";
		post.body = &w->packed_piece;
		post.n_body = 1;
	} else {
		lay_out(w);
		post.body = w->pieces;
		post.n_body = w->delivery->n;
	}
	pl_buf_clear(&w->write.target);
	pl_buf_add_cstr(&w->write.target, "/write?precision=ns&db=");
	pl_influx_add_encoded(&w->write.target, database_of(w));
	struct pl_str policy = policy_of(w);
	if (policy.n > 0) {
		pl_buf_add_cstr(&w->write.target, "&rp=");
		pl_influx_add_encoded(&w->write.target, policy);
	}
	w->write.max_answer = PL_INFLUX_ANSWER_BYTES;
	w->write.done = on_written;
	if (pl_influx_request_start(&w->write, w->server, &post, reason, sizeof reason) != PL_OK)
		give_failure(w, PL_VERDICT_HOLD, reason);
}

/* ---- what is missing ---- */

static void on_created(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_writer *w = pl_container_of(r, struct pl_influx_writer, create_request);
	char words[200] = "";
	(void)cut;
	if (result->err != PL_OK) {
		give_failure(w, PL_VERDICT_RETRY, result->reason);
		return;
	}
	if (pl_influx_check_result(result->status, pl_buf_str(&r->answer), words, sizeof words) == PL_OK) {
		struct pl_str database = database_of(w), policy = policy_of(w);
		pl_info(w->log, "created what was missing in InfluxDB", PL_KVC("output", w->name), PL_KVS("database", database),
			PL_KVS("retention_policy", policy));
		send_lines(w);
		return;
	}
	size_t at = strlen(w->verdict.reason);
	snprintf(w->verdict.reason + at, sizeof w->verdict.reason - at, "; creating it failed: %s", words);
	give(w, &w->verdict);
}

static void start_creating(struct pl_influx_writer *w)
{
	char reason[256];
	w->create_request.max_answer = PL_INFLUX_ANSWER_BYTES;
	w->create_request.done = on_created;
	if (pl_influx_request_query(&w->create_request, w->server, PL_STR(""), &w->statement, PL_INFLUX_FOR_WRITES, reason,
				    sizeof reason) != PL_OK)
		give_failure(w, PL_VERDICT_HOLD, reason);
}

/* True when something was begun that may cure it. */
static bool cure(struct pl_influx_writer *w, enum pl_influx_cause cause)
{
	pl_buf_clear(&w->statement);
	if (cause == PL_INFLUX_BAD_ENCODING) {
		pl_warn(w->log, "InfluxDB does not understand the compressed body; going on without compression",
			PL_KVC("output", w->name), PL_KVC("reason", w->verdict.reason));
		w->gzip = false;
		send_lines(w);
		return true;
	}
	if (cause == PL_INFLUX_NO_DATABASE && w->create && !w->tried_database) {
		w->tried_database = true;
		pl_influx_create_database(&w->statement, database_of(w));
		start_creating(w);
		return true;
	}
	if (cause == PL_INFLUX_NO_POLICY && w->create && w->policy_duration_ns > 0 && !w->tried_policy) {
		w->tried_policy = true;
		pl_influx_create_policy(&w->statement, database_of(w), policy_of(w), w->policy_duration_ns);
		start_creating(w);
		return true;
	}
	return false;
}

/* ---- the answer ---- */

static void on_written(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_writer *w = pl_container_of(r, struct pl_influx_writer, write);
	struct pl_influx_answer answer = {
	    .status = result->status,
	    .body = pl_buf_str(&r->answer),
	    .cut = cut,
	    .gzipped = w->gzip,
	    .points = w->delivery->points,
	    .retry_after_ns = result->retry_after_ns,
	};
	if (result->err != PL_OK) {
		give_failure(w, result->err == PL_EINVAL ? PL_VERDICT_HOLD : PL_VERDICT_RETRY, result->reason);
		return;
	}
	enum pl_influx_cause cause = pl_influx_judge(&answer, &w->verdict);
	if (cause == PL_INFLUX_PLAIN || !cure(w, cause))
		give(w, &w->verdict);
}

void pl_influx_writer_deliver(struct pl_influx_writer *w, struct pl_delivery *d)
{
	w->delivery = d;
	w->tried_database = w->tried_policy = false;
	send_lines(w);
}
