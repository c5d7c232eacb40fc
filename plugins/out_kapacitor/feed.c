#include "out_kapacitor/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/percent.h"

enum { MOST_DISCARDED = 16 * 1024 * 1024 };

static void send_next(struct pl_kapacitor_feed *f);

void pl_kapacitor_feed_finish(struct pl_kapacitor_feed *f)
{
	free(f->pieces);
	free(f->refusals);
	pl_arena_finish(&f->reasons);
	pl_client_finish(&f->client);
	pl_buf_finish(&f->url);
	pl_buf_finish(&f->answer);
}

static void give(struct pl_kapacitor_feed *f, struct pl_verdict *v)
{
	struct pl_delivery *d = f->delivery;
	f->delivery = NULL;
	d->done(d, v);
}

/* What was sent before goes again with the rest: Kapacitor may see a line twice, never less than once. */
static void fail(struct pl_kapacitor_feed *f, enum pl_verdict_kind kind, long status, int64_t retry_after_ns, const char *reason)
{
	struct pl_verdict v = {.kind = kind, .status = status, .retry_after_ns = retry_after_ns};
	snprintf(v.reason, sizeof v.reason, "%s", reason);
	give(f, &v);
}

/* ---- ranges ---- */

/* The batch that holds byte `at` of the delivery, and where that batch begins. */
static size_t batch_of(const struct pl_delivery *d, size_t at, size_t *begin)
{
	size_t i = 0;
	*begin = 0;
	while (i + 1 < d->n && at - *begin >= d->batches[i]->n)
		*begin += d->batches[i++]->n;
	return i;
}

static size_t end_of_line(const struct pl_delivery *d, size_t at)
{
	size_t begin, i = batch_of(d, at, &begin);
	const struct pl_batch *b = d->batches[i];
	const char *end = memchr(b->p + (at - begin), '\n', b->n - (at - begin));
	return end != NULL ? begin + (size_t)(end - b->p) + 1 : begin + b->n;
}

/* The pieces of a range, one for each batch that it touches. */
static size_t lay_out(struct pl_kapacitor_feed *f, struct pl_kapacitor_range range)
{
	const struct pl_delivery *d = f->delivery;
	size_t n = 0, begin = 0;
	if (d->n > f->pieces_cap) {
		f->pieces = pl_realloc(f->pieces, d->n * sizeof *f->pieces);
		f->pieces_cap = d->n;
	}
	for (size_t i = 0; i < d->n; begin += d->batches[i++]->n) {
		size_t from = range.from > begin ? range.from : begin, end = begin + d->batches[i]->n;
		size_t to = range.to < end ? range.to : end;
		if (from < to)
			f->pieces[n++] = (struct pl_str){d->batches[i]->p + (from - begin), to - from};
	}
	return n;
}

/* ---- what is refused ---- */

static void refuse(struct pl_kapacitor_feed *f, const char *as, const char *reason)
{
	size_t begin, i = batch_of(f->delivery, f->now.from, &begin);
	if (f->n_refusals == f->refusals_cap) {
		f->refusals_cap = f->refusals_cap > 0 ? 2 * f->refusals_cap : 16;
		f->refusals = pl_realloc(f->refusals, f->refusals_cap * sizeof *f->refusals);
	}
	f->refusals[f->n_refusals++] = (struct pl_refusal){
	    .batch = (uint32_t)i,
	    .offset = (uint32_t)(f->now.from - begin),
	    .n = (uint32_t)(f->now.to - f->now.from - 1),
	    .as = as,
	    .reason = pl_arena_strdup(&f->reasons, reason),
	};
}

/* One of the lines in `now` is at fault: both halves are sent, or the one line is refused. */
static void halve(struct pl_kapacitor_feed *f, const char *as, const char *reason)
{
	struct pl_kapacitor_range now = f->now;
	size_t middle = end_of_line(f->delivery, now.from + (now.to - now.from) / 2);
	if (middle >= now.to) /* the last line is longer than all before it */
		middle = end_of_line(f->delivery, now.from);
	if (middle >= now.to || f->n_halves + 2 > PL_KAPACITOR_MOST_HALVES) {
		refuse(f, as, reason);
	} else {
		f->halves[f->n_halves++] = (struct pl_kapacitor_range){middle, now.to};
		f->halves[f->n_halves++] = (struct pl_kapacitor_range){now.from, middle};
	}
	send_next(f);
}

/* ---- the answer ---- */

/* "Kapacitor answered STATUS: WORDS", printable. */
static void word(long status, struct pl_str words, char *out, size_t size)
{
	words = pl_str_trim(words);
	int n = snprintf(out, size, "Kapacitor answered %ld%s", status, words.n > 0 ? ": " : "");
	size_t at = (size_t)n;
	for (size_t i = 0; i < words.n && at + 1 < size; i++)
		out[at++] = words.p[i] >= ' ' && words.p[i] < 0x7f ? words.p[i] : ' ';
	out[at] = '\0';
}

static void judge(struct pl_kapacitor_feed *f, const struct pl_transfer_result *result)
{
	char reason[256];
	struct pl_str words = pl_buf_str(&f->answer);
	long status = result->status;
	word(status, words, reason, sizeof reason);
	if (status == 204 || status == 200)
		send_next(f);
	else if (status == 400 && pl_str_starts(words, PL_STR("unable to parse")))
		halve(f, "unparsable", reason);
	else if (status == 413)
		halve(f, "refused", reason);
	else if (status >= 500 || status == 408 || status == 429)
		fail(f, PL_VERDICT_RETRY, status, result->retry_after_ns, reason);
	else
		fail(f, PL_VERDICT_HOLD, status, result->retry_after_ns, reason);
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct pl_kapacitor_feed *f = pl_container_of(t, struct pl_kapacitor_feed, transfer);
	size_t room = PL_KAPACITOR_ANSWER_BYTES - f->answer.n;
	pl_buf_add(&f->answer, p, n < room ? n : room);
	return PL_OK;
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct pl_kapacitor_feed *f = pl_container_of(t, struct pl_kapacitor_feed, transfer);
	if (result->err != PL_OK)
		fail(f, result->err == PL_EINVAL ? PL_VERDICT_HOLD : PL_VERDICT_RETRY, 0, 0, result->reason);
	else
		judge(f, result);
}

static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};

/* ---- sending ---- */

/* Kapacitor's tasks are bound to a database and a policy by their exact names: both go with every write. */
static void set_url(struct pl_kapacitor_feed *f)
{
	const struct pl_route *route = f->delivery->route;
	pl_buf_clear(&f->url);
	pl_buf_add_str(&f->url, f->base);
	pl_buf_add_cstr(&f->url, "/kapacitor/v1/write?precision=n&db=");
	pl_percent_add(&f->url, pl_str_of(route->database[0] != '\0' ? route->database : f->database));
	pl_buf_add_cstr(&f->url, "&rp=");
	pl_percent_add(&f->url, pl_str_of(route->retention_policy[0] != '\0' ? route->retention_policy : f->policy));
}

static void send_next(struct pl_kapacitor_feed *f)
{
	char reason[256];
	if (f->n_halves == 0) {
		struct pl_verdict v = {
		    .kind = PL_VERDICT_DONE, .refusals = f->refusals, .n_refusals = f->n_refusals, .status = 204};
		if (f->n_refusals > 0)
			snprintf(v.reason, sizeof v.reason, "%s", f->refusals[0].reason);
		give(f, &v);
		return;
	}
	if (pl_client_refresh(&f->client, f->client_config, reason, sizeof reason) != PL_OK) {
		fail(f, PL_VERDICT_HOLD, 0, 0, reason);
		return;
	}
	f->client.transfer.follow_redirects = false; /* an HTTP client sends a GET then, and the lines are gone */
	f->now = f->halves[--f->n_halves];
	pl_buf_clear(&f->answer);
	set_url(f);
	f->transfer.events = &events;
	size_t n_pieces = lay_out(f, f->now);
	const struct pl_transfer_request request = {
	    .body = f->pieces,
	    .n_body = n_pieces,
	    .url = pl_buf_cstr(&f->url),
	    .method = "POST",
	    .client = &f->client.transfer,
	    .content_type = "text/plain; charset=utf-8",
	    .timeout_ns = f->timeout_ns,
	    .max_body_bytes = MOST_DISCARDED,
	};
	pl_transfer_start(f->pool, &f->transfer, &request);
}

void pl_kapacitor_feed_deliver(struct pl_kapacitor_feed *f, struct pl_delivery *d)
{
	f->delivery = d;
	f->n_refusals = 0;
	pl_arena_finish(&f->reasons);
	f->halves[0] = (struct pl_kapacitor_range){0, d->bytes};
	f->n_halves = 1;
	send_next(f);
}
