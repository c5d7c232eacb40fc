#include "net/transfer_flight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/transfer_bytes.h"
#include "net/transfer_options.h"
#include "net/transfer_pause.h"
#include "net/transfer_pool.h"
#include "net/transfer_reason.h"

static struct pl_transfer_flight *take_flight(struct pl_transfer_pool *pool)
{
	struct pl_transfer_flight *f = LIST_FIRST(&pool->spare);
	if (f != NULL) {
		LIST_REMOVE(f, of_pool);
		pool->n_spare--;
	} else {
		f = pl_calloc(1, sizeof *f);
		f->pool = pool;
		f->easy = curl_easy_init();
		f->url = curl_url();
		if (f->easy == NULL || f->url == NULL)
			pl_transfer_out_of_memory();
	}
	LIST_INSERT_HEAD(&pool->flights, f, of_pool);
	pool->stats.in_flight++;
	return f;
}

static void free_flight(struct pl_transfer_flight *f)
{
	curl_easy_cleanup(f->easy);
	curl_url_cleanup(f->url);
	free(f);
}

void pl_transfer_flight_destroy(struct pl_transfer_flight *f)
{
	LIST_REMOVE(f, of_pool);
	f->pool->n_spare--;
	free_flight(f);
}

static void release_flight(struct pl_transfer_flight *f)
{
	struct pl_transfer_pool *pool = f->pool;
	if (f->affinity != NULL)
		pl_transfer_affinity_leave(f->affinity);
	pl_transfer_pause_forget(f);
	if (f->deferred)
		TAILQ_REMOVE(&pool->deferred, f, of_deferred);
	LIST_REMOVE(f, of_pool);
	pool->stats.in_flight--;
	pl_arena_finish(&f->arena);
	if (pool->n_spare >= PL_TRANSFER_MAX_SPARE) {
		free_flight(f);
		return;
	}
	/* Nothing of one request, least of all its secrets, may reach the next one. */
	curl_easy_reset(f->easy);
	struct pl_transfer_flight blank = {.pool = pool, .easy = f->easy, .url = f->url};
	*f = blank;
	LIST_INSERT_HEAD(&pool->spare, f, of_pool);
	pool->n_spare++;
}

/* Tells how it ended; the flight is gone afterwards, and perhaps the transfer too. */
static void deliver(struct pl_transfer_flight *f)
{
	struct pl_transfer_pool *pool = f->pool;
	struct pl_transfer *t = f->t;
	struct pl_transfer_result result = f->result;
	if (f->cancelled) {
		result.err = PL_ECANCELED;
		memcpy(result.reason, "cancelled", sizeof "cancelled");
	}
	if (result.err == PL_OK)
		result.reason[0] = '\0';
	else if (result.err != PL_ECANCELED)
		pool->stats.failed++;
	result.phases.done = pl_clock_mono_ns() - f->start_ns;
	release_flight(f);
	t->flight = NULL;
	t->events->on_done(t, &result);
}

/* Ends it without curl; the caller learns of it from the loop. */
static void fail(struct pl_transfer_flight *f, enum pl_err err)
{
	f->result.err = err;
	f->state = PL_TRANSFER_ENDED;
	pl_transfer_pool_defer(f->pool, f);
}

static int64_t time_left(const struct pl_transfer_flight *f)
{
	return f->start_ns + f->request.timeout_ns - pl_clock_mono_ns();
}

static void launch(struct pl_transfer_flight *f)
{
	struct pl_transfer_pool *pool = f->pool;
	if (pool->inside > 0) {
		f->state = PL_TRANSFER_READY;
		pl_transfer_pool_defer(pool, f);
		return;
	}
	int64_t left_ns = time_left(f);
	if (left_ns <= 0) {
		pl_transfer_reason_set(f, "the request could not be begun in time");
		fail(f, PL_ETIMEOUT);
		return;
	}
	f->affinity = pl_transfer_affinity_enter(pool, f->request.affinity);
	f->launch_ns = pl_clock_mono_ns();
	if (!pl_transfer_options_apply(f, left_ns) || !pl_transfer_multi_add(f->affinity->multi, f->easy)) {
		pl_transfer_reason_set(f, "libcurl refused the request");
		fail(f, PL_EINVAL);
		return;
	}
	f->state = PL_TRANSFER_RUNNING;
}

static void use_addresses(struct pl_transfer_flight *f, const struct pl_resolver_answer *answer)
{
	f->result.phases.resolved = pl_clock_mono_ns() - f->start_ns;
	if (answer->err != PL_OK) {
		f->result.phases.resolved = 0;
		pl_transfer_reason_set(f, "cannot resolve %s: %s", f->peer.host, answer->reason);
		fail(f, answer->err == PL_ETIMEOUT || answer->err == PL_EINVAL ? answer->err : PL_ENET);
		return;
	}
	f->peer.addresses = pl_arena_strdup(&f->arena, answer->addresses);
	launch(f);
}

static void on_resolved(struct pl_resolver_lookup *lookup, const struct pl_resolver_answer *answer)
{
	struct pl_transfer_flight *f = pl_container_of(lookup, struct pl_transfer_flight, lookup);
	if (!f->cancelled)
		use_addresses(f, answer);
}

static int64_t connect_time(const struct pl_transfer_request *r)
{
	return r->connect_timeout_ns > 0 && r->connect_timeout_ns < r->timeout_ns ? r->connect_timeout_ns : r->timeout_ns;
}

static void begin(struct pl_transfer_flight *f)
{
	enum pl_err err = pl_transfer_options_check(f);
	if (err != PL_OK) {
		fail(f, err);
		return;
	}
	if (pl_resolver_needless(f->peer.host)) {
		launch(f);
		return;
	}
	struct pl_resolver_answer answer;
	f->state = PL_TRANSFER_RESOLVING;
	f->lookup.on_done = on_resolved;
	if (pl_resolver_start(f->pool->resolver, &f->lookup, f->peer.host, connect_time(&f->request), &answer))
		use_addresses(f, &answer);
}

void pl_transfer_start(struct pl_transfer_pool *pool, struct pl_transfer *t, const struct pl_transfer_request *request)
{
	static const struct pl_transfer_client nobody;
	assert(t->flight == NULL && request->timeout_ns > 0);
	struct pl_transfer_flight *f = take_flight(pool);
	pool->stats.started++;
	t->flight = f;
	f->t = t;
	f->request = *request;
	f->client = request->client != NULL ? request->client : &nobody;
	f->start_ns = pl_clock_mono_ns();
	if (pool->closing)
		pl_transfer_flight_cancel(f);
	else
		begin(f);
}

void pl_transfer_flight_cancel(struct pl_transfer_flight *f)
{
	f->cancelled = true;
	pl_transfer_pool_defer(f->pool, f);
}

void pl_transfer_cancel(struct pl_transfer *t)
{
	if (t->flight != NULL)
		pl_transfer_flight_cancel(t->flight);
}

void pl_transfer_flight_go_on(struct pl_transfer_flight *f)
{
	if (f->cancelled) {
		pl_resolver_cancel(f->pool->resolver, &f->lookup);
		if (f->state == PL_TRANSFER_RUNNING)
			curl_multi_remove_handle(f->affinity->multi->curl, f->easy);
		deliver(f);
		return;
	}
	switch (f->state) {
	case PL_TRANSFER_READY:
		launch(f);
		break;
	case PL_TRANSFER_ENDED:
		if (f->affinity != NULL)
			curl_multi_remove_handle(f->affinity->multi->curl, f->easy);
		deliver(f);
		break;
	case PL_TRANSFER_RESOLVING:
	case PL_TRANSFER_RUNNING:
		break;
	}
}

static int64_t since_start(const struct pl_transfer_flight *f, CURLINFO info)
{
	curl_off_t us = 0;
	curl_easy_getinfo(f->easy, info, &us);
	return us > 0 ? f->launch_ns - f->start_ns + us * 1000 : 0;
}

static uint64_t number_of(const struct pl_transfer_flight *f, CURLINFO info)
{
	curl_off_t n = 0;
	curl_easy_getinfo(f->easy, info, &n);
	return n > 0 ? (uint64_t)n : 0;
}

static void collect(struct pl_transfer_flight *f)
{
	struct pl_transfer_result *r = &f->result;
	struct pl_transfer_phases *p = &r->phases;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &r->status);
	p->resolved = since_start(f, CURLINFO_NAMELOOKUP_TIME_T);
	p->connected = since_start(f, CURLINFO_CONNECT_TIME_T);
	p->tls = since_start(f, CURLINFO_APPCONNECT_TIME_T);
	p->first_byte = since_start(f, CURLINFO_STARTTRANSFER_TIME_T);
	int64_t ready = since_start(f, CURLINFO_PRETRANSFER_TIME_T);
	/* On a kept connection curl leaves out what was done for it long ago. */
	p->resolved = p->resolved != 0 ? p->resolved : ready;
	p->connected = p->connected != 0 ? p->connected : ready;
	p->tls = p->tls != 0 || !f->peer.tls ? p->tls : ready;
	if (f->body_size == 0)
		p->sent = ready;
	else if (f->body_sent == f->body_size)
		p->sent = f->sent_ns - f->start_ns;
	r->wire_bytes = number_of(f, CURLINFO_SIZE_DOWNLOAD_T);
	uint64_t retry_s = number_of(f, CURLINFO_RETRY_AFTER);
	r->retry_after_ns = (int64_t)(retry_s < 86400 ? retry_s : 86400) * PL_NS_PER_S;
	long connects = 0;
	curl_easy_getinfo(f->easy, CURLINFO_NUM_CONNECTS, &connects);
	r->reused = connects == 0 && r->status != 0;
	f->pool->stats.connected += (uint64_t)connects;
	f->pool->stats.reused += r->reused;
}

void pl_transfer_flight_complete(struct pl_transfer_flight *f, CURLcode code)
{
	collect(f);
	bool decided = f->cancelled || f->result.err != PL_OK;
	if (!decided && code != CURLE_OK) {
		f->result.err = pl_transfer_reason_of(f, code);
		bool unreached = f->result.phases.connected == 0 && f->peer.addresses != NULL;
		if (unreached && (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT))
			pl_resolver_doubt(f->pool->resolver, f->peer.host);
	} else if (!decided) {
		f->result.err = pl_transfer_bytes_give_head(f);
	}
	curl_multi_remove_handle(f->affinity->multi->curl, f->easy);
	deliver(f);
}
