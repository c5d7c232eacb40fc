#include "net/transfer_pool.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/transfer_flight.h"

void pl_transfer_out_of_memory(void)
{
	fputs("out of memory in libcurl\n", stderr);
	abort();
}

static void on_resolver_closed(void *data)
{
	pl_transfer_pool_handle_closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	pl_transfer_pool_handle_closed(handle->data);
}

void pl_transfer_pool_handle_closed(struct pl_transfer_pool *pool)
{
	if (--pool->handles > 0 || !pool->torn_down)
		return;
	void (*on_closed)(void *) = pool->on_closed;
	void *data = pool->on_closed_data;
	free(pool->affinities.buckets);
	free(pool->sockets.v);
	free(pool);
	curl_global_cleanup();
	on_closed(data);
}

static void tear_down(struct pl_transfer_pool *pool)
{
	pool->torn_down = true;
	pl_transfer_affinities_sweep(pool, INT64_MAX);
	assert(LIST_EMPTY(&pool->multis));
	pl_transfer_sockets_finish(pool);
	while (!LIST_EMPTY(&pool->spare))
		pl_transfer_flight_destroy(LIST_FIRST(&pool->spare));
	uv_close((uv_handle_t *)&pool->soon, on_handle_closed);
	uv_close((uv_handle_t *)&pool->resume, on_handle_closed);
	uv_close((uv_handle_t *)&pool->sweep, on_handle_closed);
	pl_resolver_close(pool->resolver, on_resolver_closed, pool);
}

static void on_soon(uv_idle_t *soon)
{
	struct pl_transfer_pool *pool = soon->data;
	/* What is deferred meanwhile waits for the next round. */
	const struct pl_transfer_flight *last = TAILQ_LAST(&pool->deferred, pl_transfer_deferred);
	for (bool more = last != NULL; more && !TAILQ_EMPTY(&pool->deferred);) {
		struct pl_transfer_flight *f = TAILQ_FIRST(&pool->deferred);
		more = f != last;
		TAILQ_REMOVE(&pool->deferred, f, of_deferred);
		f->deferred = false;
		pl_transfer_flight_go_on(f);
	}
	if (!TAILQ_EMPTY(&pool->deferred))
		return;
	uv_idle_stop(soon);
	if (pool->closing && LIST_EMPTY(&pool->flights) && !pool->torn_down)
		tear_down(pool);
}

void pl_transfer_pool_defer(struct pl_transfer_pool *pool, struct pl_transfer_flight *f)
{
	if (f->deferred)
		return;
	f->deferred = true;
	TAILQ_INSERT_TAIL(&pool->deferred, f, of_deferred);
	uv_idle_start(&pool->soon, on_soon);
}

static void on_sweep(uv_timer_t *timer)
{
	struct pl_transfer_pool *pool = timer->data;
	int64_t before_ns = pl_clock_mono_ns() - pool->options.max_idle_s * PL_NS_PER_S;
	pl_transfer_sockets_sweep(pool, before_ns);
	pl_transfer_affinities_sweep(pool, before_ns);
}

enum pl_err pl_transfer_pool_create(struct pl_transfer_pool **out, struct pl_loop *loop,
				    const struct pl_transfer_pool_options *options)
{
	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return PL_EIO;
	struct pl_transfer_pool *pool = pl_calloc(1, sizeof *pool);
	pool->loop = loop;
	if (options != NULL)
		pool->options = *options;
	struct pl_transfer_pool_options *o = &pool->options;
	o->max_per_multi = o->max_per_multi != 0 ? o->max_per_multi : 128;
	o->max_connections = o->max_connections != 0 ? o->max_connections : 1;
	o->max_idle_s = o->max_idle_s != 0 ? o->max_idle_s : 118;
	o->user_agent = o->user_agent != NULL ? o->user_agent : "Pulseline/" PL_VERSION;
	TAILQ_INIT(&pool->deferred);
	pool->resolver = pl_resolver_create(loop, NULL);
	uv_idle_init(&loop->uv, &pool->soon);
	pool->soon.data = pool;
	uv_timer_init(&loop->uv, &pool->resume);
	pool->resume.data = pool;
	uv_timer_init(&loop->uv, &pool->sweep);
	pool->sweep.data = pool;
	uint64_t period_ms = o->max_idle_s * UINT64_C(1000) / 4 + 1;
	uv_timer_start(&pool->sweep, on_sweep, period_ms, period_ms);
	uv_unref((uv_handle_t *)&pool->sweep);
	pool->handles = 4; /* with the resolver, which counts as one */
	*out = pool;
	return PL_OK;
}

void pl_transfer_pool_close(struct pl_transfer_pool *pool, void (*on_closed)(void *data), void *data)
{
	assert(!pool->closing);
	pool->closing = true;
	pool->on_closed = on_closed;
	pool->on_closed_data = data;
	for (struct pl_transfer_flight *f = LIST_FIRST(&pool->flights); f != NULL; f = LIST_NEXT(f, of_pool))
		pl_transfer_flight_cancel(f);
	uv_idle_start(&pool->soon, on_soon);
}

struct pl_transfer_pool_stats pl_transfer_pool_stats(const struct pl_transfer_pool *pool)
{
	return pool->stats;
}
