#include "api/history.h"
#include "api/private.h"
#include "api/read_query.h"
#include "base/clock.h"
#include "base/mem.h"

/* Who waits for an answer; in the question's arena. */
struct reader {
	struct pl_http_exchange *x;
	struct pl_history history;
};

static bool is_list(const struct pl_query *q)
{
	return q->kind == PL_QUERY_KEYS || q->kind == PL_QUERY_TAGS;
}

/* False: there is nothing. */
static bool add_found(const struct reader *r, const struct pl_query *q, struct pl_buf *b)
{
	if (is_list(q))
		pl_read_query_names(q, b);
	else if (q->n_rows == 0)
		return false;
	else if (q->kind == PL_QUERY_LATEST)
		pl_read_query_rows(q, b);
	else
		return pl_history_answer(&r->history, q, b);
	return true;
}

static void reply_found(const struct reader *r, const struct pl_query *q)
{
	struct pl_buf b = {0};
	if (add_found(r, q, &b)) {
		pl_api_reply_json(r->x, 200, &b);
		return;
	}
	pl_buf_finish(&b);
	pl_api_reply_error(r->x, 404, "Not Found");
}

static void reply_nothing(const struct reader *r, const struct pl_query *q)
{
	struct pl_buf b = {0};
	if (!is_list(q)) {
		pl_api_reply_error(r->x, 404, "Not Found");
		return;
	}
	pl_buf_add_cstr(&b, "[]");
	pl_api_reply_json(r->x, 200, &b);
}

static void answered(struct pl_query *q)
{
	const struct reader *r = q->data;
	switch (q->err) {
	case PL_OK:
		reply_found(r, q);
		break;
	case PL_ENOENT:
		reply_nothing(r, q);
		break;
	case PL_EINVAL:
	case PL_ELIMIT:
		pl_api_reply_error(r->x, 400, q->reason);
		break;
	default:
		/* Not q->reason: addresses and names of inner servers are for the log, where the output has put it. */
		pl_api_reply_error(r->x, 500, "the store cannot be read at the moment");
	}
	pl_query_destroy(q);
}

/* Takes the question. `history` NULL: it is none. */
static void ask(struct pl_api *a, struct pl_http_exchange *x, struct pl_query *q, const struct pl_history *history)
{
	const char *why = "";
	struct reader *r = pl_arena_alloc(&q->arena, sizeof *r);
	*r = (struct reader){.x = x};
	if (history != NULL)
		r->history = *history;
	q->done = answered;
	q->data = r;
	if (pl_store_ask(&a->store, a->env.outputs(a->env.daemon), q, &why) == PL_OK)
		return;
	pl_query_destroy(q);
	pl_api_reply_error(x, 503, why);
}

void pl_api_keys(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	ask(a, x, pl_query_create(PL_QUERY_KEYS), NULL);
}

void pl_api_tags(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	ask(a, x, pl_query_create(PL_QUERY_TAGS), NULL);
}

/* How far apart the values of a series are. Nothing tells whether a stat comes from relays or was scraped: where both may be it
 * is the longer interval, in which every relay and target has its turn. */
static int64_t interval_of(const struct pl_config *c)
{
	int64_t scrape = c->global.scrape_interval;
	if (c->server.relay == NULL)
		return scrape;
	int64_t poll = c->server.relay->poll_interval;
	return c->jobs.n == 0 || poll > scrape ? poll : scrape;
}

void pl_api_latest(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	char reason[160] = "";
	struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
	if (pl_read_query_parse(q, PL_VERB_MEAN, pl_http_query(x), reason, sizeof reason) != PL_OK) {
		pl_query_destroy(q);
		pl_api_reply_error(x, 400, reason);
		return;
	}
	q->stat = pl_arena_str(&q->arena, part);
	q->poll_ns = interval_of(pl_api_snapshot(a));
	ask(a, x, q, NULL);
}

static void read_history(struct pl_api *a, struct pl_http_exchange *x, struct pl_str stat, enum pl_history_kind kind)
{
	char reason[160] = "";
	struct pl_history h = {.kind = kind};
	struct pl_query *q = pl_query_create(PL_QUERY_HISTORY);
	if (pl_history_parse(&h, q, pl_http_query(x), pl_clock_wall_ns(), reason, sizeof reason) != PL_OK) {
		pl_query_destroy(q);
		pl_api_reply_error(x, 400, reason);
		return;
	}
	if (q->verb == PL_VERB_NONE) { /* pulse finds nothing then */
		pl_query_destroy(q);
		pl_api_reply_error(x, 404, "Not Found");
		return;
	}
	q->stat = pl_arena_str(&q->arena, stat);
	ask(a, x, q, &h);
}

void pl_api_hourly(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	read_history(a, x, part, PL_HISTORY_HOURLY);
}

void pl_api_daily(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	read_history(a, x, part, PL_HISTORY_DAILY);
}

void pl_api_daily_peaks(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	read_history(a, x, part, PL_HISTORY_PEAKS);
}
