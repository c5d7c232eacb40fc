#include "out_influxdb/writer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"

/* Who takes no body of so many bytes takes none at all: somebody has to see to it. */
enum { LEAST_LIMIT = 1024 };

void pl_influx_writer_init(struct pl_influx_writer *w)
{
	pl_influx_memory_init(&w->memory);
}

void pl_influx_writer_finish(struct pl_influx_writer *w)
{
	pl_influx_memory_finish(&w->memory);
	pl_influx_pieces_finish(&w->pieces);
	pl_influx_packer_finish(&w->packer);
	pl_influx_judgement_finish(&w->judgement);
	pl_buf_finish(&w->statement);
	pl_influx_request_finish(&w->write);
	pl_influx_request_finish(&w->create_request);
}

/* ---- the verdict ---- */

/* The next delivery may begin from within: what the verdict points at is no longer the writer's then. */
static void give(struct pl_influx_writer *w, const struct pl_verdict *v)
{
	struct pl_delivery *d = w->delivery;
	struct pl_influx_sift sift = w->sift;
	w->sift = (struct pl_influx_sift){0};
	w->delivery = NULL;
	pl_buf_finish(&w->packer.out);
	pl_buf_finish(&w->packer.gathered);
	d->done(d, v);
	pl_influx_sift_end(&sift);
}

static void give_failure(struct pl_influx_writer *w, enum pl_verdict_kind kind, const char *reason)
{
	struct pl_verdict v = {.kind = kind};
	snprintf(v.reason, sizeof v.reason, "%s", reason);
	give(w, &v);
}

/* Not this time: the whole delivery comes again. */
static void give_judgement(struct pl_influx_writer *w, enum pl_verdict_kind kind, int64_t retry_after_ns, const char *more)
{
	struct pl_verdict v = {.kind = kind, .status = w->judgement.status, .retry_after_ns = retry_after_ns};
	snprintf(v.reason, sizeof v.reason, "%.*s%s", more[0] != '\0' ? 150 : 255, w->judgement.reason, more);
	give(w, &v);
}

static void give_done(struct pl_influx_writer *w)
{
	struct pl_verdict v = {.status = w->judgement.status};
	const struct pl_influx_sift *s = &w->sift;
	pl_influx_refusals_verdict(&s->refusals, w->delivery->points, s->words, &v);
	if (s->unparsable > 0) {
		const struct pl_kv kv[] = {PL_KVC("output", w->name),
					   PL_KVI("lines", s->unparsable),
					   PL_KVC("line", s->unparsable_line),
					   PL_KVC("reason", s->words),
					   {0}};
		pl_incident_fail(&w->unparsable, pl_clock_wall_ns(), w->log, PL_LOG_ERROR,
				 "the server cannot read lines that we wrote: this is a bug of Pulseline's, please report it",
				 kv);
	} else if (w->unparsable.since_ns != 0) {
		const struct pl_kv kv[] = {PL_KVC("output", w->name), {0}};
		pl_incident_end(&w->unparsable, pl_clock_wall_ns(), w->log, "the server can read all lines again", kv);
	}
	give(w, &v);
}

/* ---- the request ---- */

static void on_written(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut);

static void send_pieces(struct pl_influx_writer *w)
{
	char reason[256];
	struct pl_influx_post post = {.body = w->pieces.v,
				      .n_body = w->pieces.n,
				      .content_type = "text/plain; charset=utf-8",
				      .affinity = PL_INFLUX_FOR_WRITES};
	w->gzip = w->gzip && pl_influx_pack(&w->packer, &w->pieces);
	if (w->gzip) {
		w->packed = pl_buf_str(&w->packer.out);
		post.content_encoding = "gzip";
		post.body = &w->packed;
		post.n_body = 1;
	}
	w->write.max_answer = PL_INFLUX_ANSWER_BYTES;
	w->write.done = on_written;
	if (pl_influx_request_start(&w->write, w->server, &post, reason, sizeof reason) != PL_OK)
		give_failure(w, PL_VERDICT_HOLD, reason);
}

static void send_next(struct pl_influx_writer *w)
{
	size_t limit = pl_influx_limit_now(&w->limit, pl_clock_mono_ns());
	if (pl_influx_sift_next(&w->sift, limit, &w->pieces) > 0)
		send_pieces(w);
	else
		give_done(w);
}

/* ---- what is missing ---- */

static void on_created(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_writer *w = pl_container_of(r, struct pl_influx_writer, create_request);
	char words[200] = "", more[256];
	(void)cut;
	if (result->err != PL_OK) {
		give_failure(w, PL_VERDICT_RETRY, result->reason);
		return;
	}
	if (pl_influx_check_result(result->status, pl_buf_str(&r->answer), words, sizeof words) == PL_OK) {
		pl_info(w->log, "created what was missing in InfluxDB", PL_KVC("output", w->name),
			PL_KVS("database", pl_influx_database(&w->names, w->delivery->route)),
			PL_KVS("retention_policy", pl_influx_policy(&w->names, w->delivery->route)));
		send_pieces(w);
		return;
	}
	snprintf(more, sizeof more, "; creating it failed: %s", words);
	give_judgement(w, PL_VERDICT_HOLD, 0, more);
}

/* Begins to create what the answer misses; false where that is not to be done. */
static bool create_missing(struct pl_influx_writer *w)
{
	char reason[256];
	struct pl_str database = pl_influx_database(&w->names, w->delivery->route);
	struct pl_str policy = pl_influx_policy(&w->names, w->delivery->route);
	pl_buf_clear(&w->statement);
	if (!w->create) {
		return false;
	} else if (w->judgement.finding == PL_INFLUX_NO_DATABASE && !w->tried_database) {
		w->tried_database = true;
		pl_influx_create_database(&w->statement, database);
	} else if (w->judgement.finding == PL_INFLUX_NO_POLICY && w->policy_duration_ns > 0 && !w->tried_policy) {
		w->tried_policy = true;
		pl_influx_create_policy(&w->statement, database, policy, w->policy_duration_ns);
	} else {
		return false;
	}
	w->create_request.max_answer = PL_INFLUX_ANSWER_BYTES;
	w->create_request.done = on_created;
	if (pl_influx_request_query(&w->create_request, w->server, PL_STR(""), &w->statement, PL_INFLUX_FOR_WRITES, reason,
				    sizeof reason) != PL_OK)
		give_failure(w, PL_VERDICT_HOLD, reason);
	return true;
}

/* ---- the answer ---- */

static void go_on_plain(struct pl_influx_writer *w)
{
	pl_warn(w->log, "InfluxDB does not understand the compressed body; going on without compression",
		PL_KVC("output", w->name), PL_KVC("reason", w->judgement.reason));
	w->gzip = false;
	send_pieces(w);
}

static void settle(struct pl_influx_writer *w)
{
	int64_t now = pl_clock_mono_ns();
	if (w->judgement.finding != PL_INFLUX_TOO_LARGE)
		pl_influx_limit_taken(&w->limit, w->pieces.bytes, now);
	else
		pl_influx_limit_too_large(&w->limit, w->pieces.bytes, now);
	pl_influx_sift_settle(&w->sift, &w->judgement);
	send_next(w);
}

static void on_written(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_writer *w = pl_container_of(r, struct pl_influx_writer, write);
	if (result->err != PL_OK) {
		give_failure(w, result->err == PL_EINVAL ? PL_VERDICT_HOLD : PL_VERDICT_RETRY, result->reason);
		return;
	}
	struct pl_influx_answer answer = {
	    .status = result->status, .body = pl_buf_str(&r->answer), .cut = cut, .gzipped = w->gzip};
	pl_influx_judge(&answer, &w->judgement);
	switch (w->judgement.finding) {
	case PL_INFLUX_BAD_ENCODING:
		go_on_plain(w);
		break;
	case PL_INFLUX_NO_DATABASE:
	case PL_INFLUX_NO_POLICY:
		if (!create_missing(w))
			give_judgement(w, PL_VERDICT_HOLD, result->retry_after_ns, "");
		break;
	case PL_INFLUX_RETRY:
		give_judgement(w, PL_VERDICT_RETRY, result->retry_after_ns, "");
		break;
	case PL_INFLUX_HOLD:
		give_judgement(w, PL_VERDICT_HOLD, result->retry_after_ns, "");
		break;
	case PL_INFLUX_TOO_LARGE:
		if (w->pieces.bytes <= LEAST_LIMIT)
			give_judgement(w, PL_VERDICT_HOLD, result->retry_after_ns, "; and that was a small body");
		else
			settle(w);
		break;
	default:
		settle(w);
	}
}

void pl_influx_writer_deliver(struct pl_influx_writer *w, struct pl_delivery *d)
{
	int64_t now = pl_clock_mono_ns();
	w->delivery = d;
	w->tried_database = w->tried_policy = false;
	pl_influx_write_target(&w->write.target, &w->names, d->route);
	pl_influx_sift_begin(&w->sift, &w->memory, d, pl_str_hash(pl_buf_str(&w->write.target), 1), ++w->serial,
			     pl_influx_limit_now(&w->limit, now), now);
	send_next(w);
}
