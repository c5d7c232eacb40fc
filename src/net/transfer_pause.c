#include "net/transfer_pause.h"

#include "net/transfer_flight.h"
#include "net/transfer_pool.h"

enum { ASK_EVERY_MS = 2 };

void pl_transfer_pause_forget(struct pl_transfer_flight *f)
{
	if (!f->paused)
		return;
	f->paused = false;
	LIST_REMOVE(f, of_paused);
	if (LIST_EMPTY(&f->pool->paused))
		uv_timer_stop(&f->pool->resume);
}

/* curl may hand over at once what it had read before the pause, and the flight be paused again. */
static void go_on(struct pl_transfer_flight *f)
{
	struct pl_transfer_pool *pool = f->pool;
	pl_transfer_pause_forget(f);
	pool->inside++;
	CURLcode code = curl_easy_pause(f->easy, CURLPAUSE_CONT);
	pool->inside--;
	if (code == CURLE_OK)
		return;
	if (f->result.err == PL_OK)
		f->result.err = PL_ENET;
	f->state = PL_TRANSFER_ENDED;
	pl_transfer_pool_defer(pool, f);
}

static void on_resume(uv_timer_t *timer)
{
	struct pl_transfer_pool *pool = timer->data;
	for (struct pl_transfer_flight *f = LIST_FIRST(&pool->paused), *next; f != NULL; f = next) {
		next = LIST_NEXT(f, of_paused);
		if (!f->cancelled && f->t->events->may_go_on(f->t))
			go_on(f);
	}
}

void pl_transfer_pause(struct pl_transfer *t)
{
	struct pl_transfer_flight *f = t->flight;
	struct pl_transfer_pool *pool = f->pool;
	if (f->paused || curl_easy_pause(f->easy, CURLPAUSE_RECV) != CURLE_OK)
		return;
	f->paused = true;
	LIST_INSERT_HEAD(&pool->paused, f, of_paused);
	if (!uv_is_active((uv_handle_t *)&pool->resume))
		uv_timer_start(&pool->resume, on_resume, ASK_EVERY_MS, ASK_EVERY_MS);
}
