/* Fetching one thing in a test: a loop, a pool, and a transfer whose answer is kept. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/buf.h"
#include "base/clock.h"
#include "net/transfer.h"

struct fetcher {
	struct pl_loop loop;
	struct pl_transfer_pool *pool;
	unsigned closed, under_way;
};

struct fetch {
	struct pl_transfer transfer; /* first */
	struct fetcher *fetcher;
	struct pl_transfer_result result;
	unsigned heads, done;
	unsigned left_behind; /* how many were under way when it ended */
	long head_status;
	char content_type[64];
	struct pl_buf body;
	enum pl_err head_says, data_says;
	void (*on_data)(struct fetch *f);
	bool (*may_go_on)(struct fetch *f); /* needed by one that pauses */
	unsigned asked;
	void (*on_done)(struct fetch *f);
};

static inline enum pl_err fetch_on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct fetch *f = (struct fetch *)t;
	f->heads++;
	f->head_status = head->status;
	snprintf(f->content_type, sizeof f->content_type, "%.*s", (int)head->content_type.n,
		 head->content_type.n > 0 ? head->content_type.p : "");
	return f->head_says;
}

static inline enum pl_err fetch_on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct fetch *f = (struct fetch *)t;
	assert_int_equal(f->done, 0);
	assert_int_equal(f->heads, 1);
	pl_buf_add(&f->body, p, n);
	if (f->on_data != NULL)
		f->on_data(f);
	return f->data_says;
}

static inline void fetch_on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct fetch *f = (struct fetch *)t;
	assert_null(t->flight);
	f->done++;
	f->result = *result;
	f->left_behind = --f->fetcher->under_way;
	if (f->on_done != NULL)
		f->on_done(f);
	if (f->fetcher->under_way == 0)
		uv_stop(&f->fetcher->loop.uv);
}

static inline bool fetch_may_go_on(struct pl_transfer *t)
{
	struct fetch *f = (struct fetch *)t;
	f->asked++;
	return f->may_go_on(f);
}

static const struct pl_transfer_events fetch_events = {
    .on_head = fetch_on_head, .on_data = fetch_on_data, .may_go_on = fetch_may_go_on, .on_done = fetch_on_done};

static inline void fetcher_init(struct fetcher *fr, const struct pl_transfer_pool_options *options)
{
	*fr = (struct fetcher){0};
	assert_int_equal(pl_loop_init(&fr->loop, "test"), PL_OK);
	assert_int_equal(pl_transfer_pool_create(&fr->pool, &fr->loop, options), PL_OK);
}

static inline void fetcher_count_closed(void *data)
{
	((struct fetcher *)data)->closed++;
}

static inline void fetcher_finish(struct fetcher *fr)
{
	pl_transfer_pool_close(fr->pool, fetcher_count_closed, fr);
	pl_loop_stop(&fr->loop);
	while (uv_loop_alive(&fr->loop.uv)) /* the last on_done stops it */
		pl_loop_run(&fr->loop);
	assert_int_equal(fr->closed, 1);
	assert_int_equal(fr->under_way, 0);
	pl_loop_finish(&fr->loop);
}

static inline void fetch_begin(struct fetcher *fr, struct fetch *f, const struct pl_transfer_request *request)
{
	f->fetcher = fr;
	f->transfer.events = &fetch_events;
	f->heads = f->done = 0;
	pl_buf_clear(&f->body);
	fr->under_way++;
	struct pl_transfer_request r = *request;
	if (r.timeout_ns == 0)
		r.timeout_ns = 60 * PL_NS_PER_S;
	pl_transfer_start(fr->pool, &f->transfer, &r);
	assert_int_equal(f->done, 0);
}

/* Runs the loop until nothing is under way. */
static inline void fetcher_run(struct fetcher *fr)
{
	if (fr->under_way > 0)
		uv_run(&fr->loop.uv, UV_RUN_DEFAULT);
}

static inline void fetch(struct fetcher *fr, struct fetch *f, const struct pl_transfer_request *request)
{
	fetch_begin(fr, f, request);
	fetcher_run(fr);
	assert_int_equal(f->done, 1);
}

#endif
