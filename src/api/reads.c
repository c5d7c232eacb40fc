#include "api/private.h"
#include "api/read_query.h"

static void reply(struct pl_http_exchange *x, const struct pl_query *q)
{
	struct pl_buf b = {0};
	switch (q->err) {
	case PL_OK:
		if (q->kind != PL_QUERY_LATEST)
			pl_read_query_names(q, &b);
		else if (q->n_rows > 0)
			pl_read_query_rows(q, &b);
		break;
	case PL_ENOENT:
		if (q->kind != PL_QUERY_LATEST)
			pl_buf_add_cstr(&b, "[]");
		break;
	case PL_EINVAL:
		pl_api_reply_error(x, 400, q->reason);
		return;
	default:
		/* Not q->reason: addresses and names of inner servers are for the log, where the output has put it. */
		pl_api_reply_error(x, 503, "the store cannot be read at the moment");
		return;
	}
	if (b.n == 0)
		pl_api_reply_error(x, 404, "Not Found");
	else
		pl_api_reply_json(x, 200, &b);
}

static void answered(struct pl_query *q)
{
	reply(q->data, q);
	pl_query_destroy(q);
}

/* Takes the question. */
static void ask(struct pl_api *a, struct pl_http_exchange *x, struct pl_query *q)
{
	const char *why = "";
	q->done = answered;
	q->data = x;
	if (pl_store_ask(&a->store, a->env.outputs(a->env.daemon), q, &why) == PL_OK)
		return;
	pl_query_destroy(q);
	pl_api_reply_error(x, 503, why);
}

void pl_api_keys(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	ask(a, x, pl_query_create(PL_QUERY_KEYS));
}

void pl_api_tags(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	ask(a, x, pl_query_create(PL_QUERY_TAGS));
}

void pl_api_latest(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	char reason[160] = "";
	struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
	if (pl_read_query_parse(q, pl_http_query(x), reason, sizeof reason) != PL_OK) {
		pl_query_destroy(q);
		pl_api_reply_error(x, 400, reason);
		return;
	}
	q->stat = pl_arena_str(&q->arena, part);
	q->poll_ns = pl_api_snapshot(a)->global.scrape_interval;
	ask(a, x, q);
}
