#include "net/resolver.h"

#include <assert.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum { BUCKETS = 1024 };

enum state { IDLE, QUEUED, RUNNING };

struct pl_resolver_entry {
	LIST_ENTRY(pl_resolver_entry) of_bucket;
	TAILQ_ENTRY(pl_resolver_entry) of_age; /* the one used last stands at the end */
	TAILQ_ENTRY(pl_resolver_entry) of_queue;
	TAILQ_HEAD(, pl_resolver_lookup) waiters;
	enum state state;
	char *addresses; /* owned; NULL: none */
	int failure;     /* libuv's code of the last look-up when there is no address */
	int64_t born_ns, fresh_until_ns, stale_until_ns;
	char host[];
};

struct job { /* one getaddrinfo */
	uv_getaddrinfo_t req;
	struct pl_resolver *resolver;
	struct pl_resolver_entry *entry;
	LIST_ENTRY(job) of_all;
};

struct pl_resolver {
	uv_loop_t *loop;
	struct pl_resolver_options options;
	struct pl_resolver_stats stats;
	LIST_HEAD(, pl_resolver_entry) buckets[BUCKETS];
	TAILQ_HEAD(entries, pl_resolver_entry) by_age, queue;
	TAILQ_HEAD(, pl_resolver_lookup) waiters; /* of all entries, for the timer */
	LIST_HEAD(, job) jobs;
	uv_timer_t timer; /* the first deadline of a waiter */
	bool closing;
	void (*on_closed)(void *data);
	void *on_closed_data;
};

static const char *reason_of(int failure)
{
	switch (failure) {
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_ADDRFAMILY:
		return "no such name";
	case UV_EAI_AGAIN:
		return "the name server does not answer";
	case UV_EAI_FAIL:
		return "the name server failed";
	default:
		return uv_strerror(failure);
	}
}

static struct pl_resolver_answer answer_of(const struct pl_resolver_entry *e)
{
	if (e->addresses != NULL)
		return (struct pl_resolver_answer){PL_OK, e->addresses, ""};
	return (struct pl_resolver_answer){PL_ENET, NULL, reason_of(e->failure)};
}

static void on_deadline(uv_timer_t *timer);

/* The timer may fire early for a waiter that has left meanwhile; it is then set anew. */
static void set_timer(struct pl_resolver *r, int64_t deadline_ns)
{
	int64_t left_ms = (deadline_ns - pl_clock_mono_ns()) / PL_NS_PER_MS + 1;
	uint64_t due = left_ms > 0 ? (uint64_t)left_ms : 0;
	uv_update_time(r->loop);
	if (!uv_is_active((uv_handle_t *)&r->timer) || uv_timer_get_due_in(&r->timer) > due)
		uv_timer_start(&r->timer, on_deadline, due, 0);
}

static void leave(struct pl_resolver *r, struct pl_resolver_lookup *w)
{
	TAILQ_REMOVE(&w->entry->waiters, w, of_entry);
	TAILQ_REMOVE(&r->waiters, w, of_all);
	w->entry = NULL;
}

static void on_deadline(uv_timer_t *timer)
{
	struct pl_resolver *r = timer->data;
	const struct pl_resolver_answer late = {PL_ETIMEOUT, NULL, "no answer from the name server in time"};
	int64_t now = pl_clock_mono_ns(), next = INT64_MAX;
	struct pl_resolver_lookup *w = TAILQ_FIRST(&r->waiters);
	while (w != NULL) {
		if (w->deadline_ns <= now) {
			leave(r, w);
			w->on_done(w, &late);
			/* It may have changed the list. */
			w = TAILQ_FIRST(&r->waiters);
			next = INT64_MAX;
			continue;
		}
		if (w->deadline_ns < next)
			next = w->deadline_ns;
		w = TAILQ_NEXT(w, of_all);
	}
	if (next != INT64_MAX && !r->closing)
		set_timer(r, next);
}

static char *addresses_of(const struct addrinfo *list)
{
	struct pl_buf b = {0};
	unsigned n = 0;
	for (const struct addrinfo *a = list; a != NULL && n < PL_RESOLVER_MAX_ADDRESSES; a = a->ai_next) {
		char text[64];
		if (a->ai_family == AF_INET &&
		    uv_ip4_name((const struct sockaddr_in *)(const void *)a->ai_addr, text, sizeof text) == 0)
			pl_buf_addf(&b, "%s%s", n > 0 ? "," : "", text);
		else if (a->ai_family == AF_INET6 &&
			 uv_ip6_name((const struct sockaddr_in6 *)(const void *)a->ai_addr, text, sizeof text) == 0)
			pl_buf_addf(&b, "%s[%s]", n > 0 ? "," : "", text);
		else
			continue;
		n++;
	}
	return n > 0 ? pl_buf_take(&b) : NULL;
}

static void store_answer(struct pl_resolver *r, struct pl_resolver_entry *e, int status, const struct addrinfo *list)
{
	int64_t now = pl_clock_mono_ns();
	char *addresses = status == 0 ? addresses_of(list) : NULL;
	if (addresses != NULL) {
		free(e->addresses);
		e->addresses = addresses;
		e->failure = 0;
		e->born_ns = now;
		e->fresh_until_ns = now + r->options.fresh_ns;
		e->stale_until_ns = e->fresh_until_ns + r->options.stale_ns;
		return;
	}
	r->stats.failed++;
	e->fresh_until_ns = now + r->options.negative_ns;
	/* A name server that is away does not unmake what it said before. */
	bool gone = status == UV_EAI_NONAME || status == UV_EAI_NODATA || now >= e->stale_until_ns;
	if (e->addresses != NULL && !gone)
		return;
	free(e->addresses);
	e->addresses = NULL;
	e->failure = status != 0 ? status : UV_EAI_NODATA;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list);

/* Begins a look-up. False when it failed at once. */
static bool look_up(struct pl_resolver *r, struct pl_resolver_entry *e)
{
	struct job *job = pl_alloc(sizeof *job);
	job->resolver = r;
	job->entry = e;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	r->stats.lookups++;
	int rc = uv_getaddrinfo(r->loop, &job->req, on_resolved, e->host, NULL, &hints);
	if (rc != 0) {
		free(job);
		e->state = IDLE;
		store_answer(r, e, rc, NULL);
		return false;
	}
	LIST_INSERT_HEAD(&r->jobs, job, of_all);
	e->state = RUNNING;
	if (++r->stats.running > r->stats.peak)
		r->stats.peak = r->stats.running;
	return true;
}

/* The entry stays in state RUNNING meanwhile, so that nothing a waiter does can evict it. */
static void answer_waiters(struct pl_resolver *r, struct pl_resolver_entry *e)
{
	e->state = RUNNING;
	for (struct pl_resolver_lookup *w; (w = TAILQ_FIRST(&e->waiters)) != NULL;) {
		leave(r, w);
		struct pl_resolver_answer answer = answer_of(e);
		w->on_done(w, &answer);
	}
	e->state = IDLE;
}

static void run_queue(struct pl_resolver *r)
{
	while (!r->closing && r->stats.running < r->options.max_running) {
		struct pl_resolver_entry *e = TAILQ_FIRST(&r->queue);
		if (e == NULL)
			return;
		TAILQ_REMOVE(&r->queue, e, of_queue);
		if (!look_up(r, e))
			answer_waiters(r, e);
	}
}

static void free_entry(struct pl_resolver *r, struct pl_resolver_entry *e)
{
	LIST_REMOVE(e, of_bucket);
	TAILQ_REMOVE(&r->by_age, e, of_age);
	r->stats.entries--;
	free(e->addresses);
	free(e);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_resolver *r = handle->data;
	while (!TAILQ_EMPTY(&r->by_age))
		free_entry(r, TAILQ_FIRST(&r->by_age));
	void (*on_closed)(void *) = r->on_closed;
	void *data = r->on_closed_data;
	free(r);
	on_closed(data);
}

static void close_when_quiet(struct pl_resolver *r)
{
	if (r->closing && LIST_EMPTY(&r->jobs) && !uv_is_closing((uv_handle_t *)&r->timer))
		uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct job *job = pl_container_of(req, struct job, req);
	struct pl_resolver *r = job->resolver;
	struct pl_resolver_entry *e = job->entry;
	store_answer(r, e, status, list);
	uv_freeaddrinfo(list);
	r->stats.running--;
	answer_waiters(r, e);
	LIST_REMOVE(job, of_all);
	free(job);
	run_queue(r);
	close_when_quiet(r);
}

struct pl_resolver *pl_resolver_create(struct pl_loop *loop, const struct pl_resolver_options *options)
{
	struct pl_resolver *r = pl_calloc(1, sizeof *r);
	r->loop = &loop->uv;
	if (options != NULL)
		r->options = *options;
	struct pl_resolver_options *o = &r->options;
	o->fresh_ns = o->fresh_ns != 0 ? o->fresh_ns : 30 * PL_NS_PER_S;
	o->stale_ns = o->stale_ns == 0 ? 300 * PL_NS_PER_S : o->stale_ns < 0 ? 0 : o->stale_ns;
	o->negative_ns = o->negative_ns != 0 ? o->negative_ns : 5 * PL_NS_PER_S;
	o->max_running = o->max_running != 0 ? o->max_running : 8;
	o->max_entries = o->max_entries != 0 ? o->max_entries : 16384;
	TAILQ_INIT(&r->by_age);
	TAILQ_INIT(&r->queue);
	TAILQ_INIT(&r->waiters);
	uv_timer_init(r->loop, &r->timer);
	r->timer.data = r;
	return r;
}

void pl_resolver_close(struct pl_resolver *r, void (*on_closed)(void *data), void *data)
{
	assert(TAILQ_EMPTY(&r->waiters) && !r->closing);
	r->closing = true;
	r->on_closed = on_closed;
	r->on_closed_data = data;
	for (struct job *job = LIST_FIRST(&r->jobs); job != NULL; job = LIST_NEXT(job, of_all))
		uv_cancel((uv_req_t *)&job->req); /* where it has not begun yet */
	close_when_quiet(r);
}

bool pl_resolver_needless(const char *host)
{
	size_t n = strlen(host);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']')
		return true;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	return uv_ip4_addr(host, 0, &v4) == 0 || uv_ip6_addr(host, 0, &v6) == 0 || strcasecmp(host, "localhost") == 0;
}

static bool normalise(const char *host, char out[PL_RESOLVER_MAX_NAME + 1])
{
	size_t n = strlen(host);
	if (n == 0 || n > PL_RESOLVER_MAX_NAME)
		return false;
	for (size_t i = 0; i <= n; i++)
		out[i] = (char)tolower((unsigned char)host[i]);
	return true;
}

/* `name` in lower case. */
static struct pl_resolver_entry *find(struct pl_resolver *r, const char *name)
{
	struct pl_resolver_entry *e = LIST_FIRST(&r->buckets[pl_str_hash(pl_str_of(name), 0) % BUCKETS]);
	while (e != NULL && strcmp(e->host, name) != 0)
		e = LIST_NEXT(e, of_bucket);
	return e;
}

static bool make_room(struct pl_resolver *r)
{
	if (r->stats.entries < r->options.max_entries)
		return true;
	for (struct pl_resolver_entry *e = TAILQ_FIRST(&r->by_age); e != NULL; e = TAILQ_NEXT(e, of_age)) {
		if (e->state == IDLE) {
			free_entry(r, e);
			r->stats.evicted++;
			return true;
		}
	}
	r->stats.refused++;
	return false;
}

static struct pl_resolver_entry *add(struct pl_resolver *r, const char *name)
{
	if (!make_room(r))
		return NULL;
	size_t n = strlen(name);
	struct pl_resolver_entry *e = pl_calloc(1, sizeof *e + n + 1);
	memcpy(e->host, name, n + 1);
	TAILQ_INIT(&e->waiters);
	LIST_INSERT_HEAD(&r->buckets[pl_str_hash(pl_str_of(name), 0) % BUCKETS], e, of_bucket);
	TAILQ_INSERT_TAIL(&r->by_age, e, of_age);
	r->stats.entries++;
	return e;
}

/* Sees to it that a look-up is under way, now or when its turn comes. False when it failed at once. */
static bool renew(struct pl_resolver *r, struct pl_resolver_entry *e)
{
	if (e->state != IDLE)
		return true;
	if (r->stats.running < r->options.max_running && TAILQ_EMPTY(&r->queue))
		return look_up(r, e);
	e->state = QUEUED;
	TAILQ_INSERT_TAIL(&r->queue, e, of_queue);
	return true;
}

bool pl_resolver_start(struct pl_resolver *r, struct pl_resolver_lookup *lookup, const char *host, int64_t timeout_ns,
		       struct pl_resolver_answer *answer)
{
	assert(lookup->entry == NULL && !r->closing);
	char name[PL_RESOLVER_MAX_NAME + 1];
	if (!normalise(host, name)) {
		*answer = (struct pl_resolver_answer){PL_EINVAL, NULL, "a host name has 1 to 253 bytes"};
		return true;
	}
	struct pl_resolver_entry *e = find(r, name);
	if (e == NULL)
		e = add(r, name);
	if (e == NULL) {
		*answer = (struct pl_resolver_answer){PL_EFULL, NULL, "too many names are being looked up"};
		return true;
	}
	TAILQ_REMOVE(&r->by_age, e, of_age);
	TAILQ_INSERT_TAIL(&r->by_age, e, of_age);
	int64_t now = pl_clock_mono_ns();
	if (now < e->fresh_until_ns) {
		r->stats.hits++;
		*answer = answer_of(e);
		return true;
	}
	bool shared = e->state != IDLE;
	bool stale = e->addresses != NULL && now < e->stale_until_ns;
	if (!renew(r, e) || stale) {
		r->stats.stale += stale;
		*answer = answer_of(e);
		return true;
	}
	r->stats.shared += shared;
	lookup->entry = e;
	lookup->deadline_ns = now + timeout_ns;
	TAILQ_INSERT_TAIL(&e->waiters, lookup, of_entry);
	TAILQ_INSERT_TAIL(&r->waiters, lookup, of_all);
	set_timer(r, lookup->deadline_ns);
	return false;
}

void pl_resolver_cancel(struct pl_resolver *r, struct pl_resolver_lookup *lookup)
{
	if (lookup->entry != NULL)
		leave(r, lookup);
}

void pl_resolver_doubt(struct pl_resolver *r, const char *host)
{
	char name[PL_RESOLVER_MAX_NAME + 1];
	struct pl_resolver_entry *e = normalise(host, name) ? find(r, name) : NULL;
	if (e == NULL || e->addresses == NULL || pl_clock_mono_ns() - e->born_ns < r->options.negative_ns)
		return;
	e->fresh_until_ns = e->stale_until_ns = 0;
}

struct pl_resolver_stats pl_resolver_stats(const struct pl_resolver *r)
{
	return r->stats;
}
