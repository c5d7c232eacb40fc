#include "app/ask.h"

#include <stdio.h>

#include "net/loop.h"

struct question {
	struct pl_transfer transfer;
	struct pl_loop loop;
	struct pl_transfer_pool *pool;
	const struct pl_transfer_request *request;
	struct pl_buf *answer;
	struct pl_transfer_result *result;
};

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct question *q = t->data;
	pl_buf_add(q->answer, p, n);
	return PL_OK;
}

static void on_closed(void *data)
{
	pl_loop_stop(&((struct question *)data)->loop);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct question *q = t->data;
	*q->result = *result;
	pl_transfer_pool_close(q->pool, on_closed, q);
}

static void begin(void *data)
{
	struct question *q = data;
	pl_transfer_start(q->pool, &q->transfer, q->request);
}

enum pl_err pl_ask(const struct pl_transfer_request *request, struct pl_buf *answer, struct pl_transfer_result *result)
{
	static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};
	struct question q = {.transfer = {.events = &events}, .request = request, .answer = answer, .result = result};
	q.transfer.data = &q;
	*result = (struct pl_transfer_result){.err = PL_EIO};
	if (pl_loop_init(&q.loop, "ask") != PL_OK ||
	    pl_transfer_pool_create(&q.pool, &q.loop, &(struct pl_transfer_pool_options){0}) != PL_OK) {
		snprintf(result->reason, sizeof result->reason, "no event loop is to be had");
		return PL_EIO;
	}
	pl_loop_call(&q.loop, begin, &q);
	pl_loop_run(&q.loop);
	pl_loop_finish(&q.loop);
	return result->err;
}
