#include "out_redis/publisher.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"
#include "base/printable.h"
#include "out_redis/link.h"

enum {
	MOST_UNANSWERED = 16384, /* commands under way */
	MOST_UNSENT = 1 << 20,   /* bytes that the kernel has not taken */
	READ_AT_ONCE = 128,
	COMMANDS_EACH = 3,
	GATHER_MS = 2, /* values that come within it go in one write */
	LAST_WORDS_MS = 1000,
	SETTLED_NS = 2000000000, /* so long without an error: the trouble is over */
};

enum command { DO_PUBLISH, DO_HSET, DO_EXPIRE };

_Static_assert((int)PL_REDIS_COUNTER_COUNT <= (int)PL_OUTPUT_COUNTERS, "no room for all counters");

/* What the server does not let us do, while all else works. */
struct denial {
	struct pl_incident incident;
	int64_t last_mono_ns;
	const char *failed, *works;
};

struct pl_redis_publisher {
	struct pl_live_listener listener;
	struct pl_output_env env;
	const struct pl_redis_config *config;
	struct pl_redis_link *link;
	char ttl[24];
	uv_async_t wake;
	uv_timer_t gather, last_words;
	unsigned handles;
	bool up, pumping, closing, link_gone;
	size_t unsent;
	uint8_t sent[MOST_UNANSWERED]; /* enum command of each that is unanswered, a ring */
	size_t first, n_sent;
	struct denial publish, store;
	void (*closed)(void *data);
	void *closed_data;
};

const char *pl_redis_counter_label(size_t i)
{
	static const char *const labels[] = {
	    [PL_REDIS_VALUES_IN] = "values",
	    [PL_REDIS_PUBLISHED] = "values_published",
	    [PL_REDIS_VALUES_REFUSED] = "values_refused",
	    [PL_REDIS_LOST] = "values_lost",
	    [PL_REDIS_PENDING] = "values_pending",
	    [PL_REDIS_DROPPED] = "values_dropped",
	    [PL_REDIS_RECEIVERS] = "receivers",
	    [PL_REDIS_STORED] = "last_values_stored",
	    [PL_REDIS_CONNECTIONS] = "connections",
	    [PL_REDIS_UP] = "up",
	};
	static const char *const errors[] = {
#define X(name, label) [name] = "error:" label,
	    PL_REDIS_TROUBLE_MAP(X)
#undef X
	};
	if (i < PL_REDIS_ERRORS)
		return labels[i];
	return i < PL_REDIS_COUNTER_COUNT ? errors[i - PL_REDIS_ERRORS] : NULL;
}

static void count(struct pl_redis_publisher *p, size_t which, int64_t n)
{
	atomic_fetch_add_explicit(&p->env.counters[which], (uint64_t)n, memory_order_relaxed);
}

/* ---- feed -> commands ---- */

static void note_sent(struct pl_redis_publisher *p, enum command c)
{
	p->sent[(p->first + p->n_sent++) % MOST_UNANSWERED] = (uint8_t)c;
}

static void add_commands(struct pl_redis_publisher *p, struct pl_buf *out, struct pl_buf *key, const struct pl_live_message *m)
{
	char time[24];
	struct pl_str argv[6] = {PL_STR("PUBLISH")};
	pl_buf_clear(key);
	pl_buf_add_cstr(key, p->config->prefix);
	pl_buf_add_str(key, m->channel);
	argv[1] = pl_buf_str(key);
	argv[2] = m->payload;
	pl_resp_add_command(out, argv, 3);
	note_sent(p, DO_PUBLISH);
	if (p->config->last_values_ttl == 0)
		return;
	pl_buf_clear(key);
	pl_buf_add_cstr(key, p->config->prefix);
	pl_buf_add_cstr(key, "last:");
	pl_buf_add_str(key, m->channel);
	snprintf(time, sizeof time, "%lld", (long long)(m->wall_ns / PL_NS_PER_MS));
	argv[0] = PL_STR("HSET");
	argv[1] = pl_buf_str(key);
	argv[2] = PL_STR("data");
	argv[3] = m->data;
	argv[4] = PL_STR("time");
	argv[5] = pl_str_of(time);
	pl_resp_add_command(out, argv, 6);
	note_sent(p, DO_HSET);
	argv[0] = PL_STR("EXPIRE");
	argv[2] = pl_str_of(p->ttl);
	pl_resp_add_command(out, argv, 3);
	note_sent(p, DO_EXPIRE);
}

static bool has_room(const struct pl_redis_publisher *p)
{
	return p->up && p->unsent < MOST_UNSENT && p->n_sent + READ_AT_ONCE * COMMANDS_EACH <= MOST_UNANSWERED;
}

static void end_if_answered(struct pl_redis_publisher *p);

static void pump(struct pl_redis_publisher *p)
{
	struct pl_live_message *messages[READ_AT_ONCE];
	struct pl_buf key = {0};
	if (p->pumping)
		return;
	p->pumping = true;
	while (has_room(p)) {
		struct pl_buf out = {0};
		uint64_t missed = 0;
		size_t before = p->n_sent;
		size_t n = p->env.live->read(p->env.live, &p->listener, messages, READ_AT_ONCE, &missed);
		count(p, PL_REDIS_DROPPED, (int64_t)missed);
		if (n == 0)
			break;
		count(p, PL_REDIS_VALUES_IN, (int64_t)n);
		count(p, PL_REDIS_PENDING, (int64_t)n);
		for (size_t i = 0; i < n; i++) {
			add_commands(p, &out, &key, messages[i]);
			pl_live_message_release(messages[i]);
		}
		p->unsent = pl_redis_link_send(p->link, &out, (unsigned)(p->n_sent - before));
	}
	pl_buf_finish(&key);
	p->pumping = false;
	end_if_answered(p);
}

static void on_gathered(uv_timer_t *timer)
{
	pump(timer->data);
}

static void on_wake(uv_async_t *async)
{
	struct pl_redis_publisher *p = async->data;
	if (!uv_is_active((uv_handle_t *)&p->gather))
		uv_timer_start(&p->gather, on_gathered, GATHER_MS, 0);
}

static void wake(struct pl_live_listener *l)
{
	struct pl_redis_publisher *p = pl_container_of(l, struct pl_redis_publisher, listener);
	uv_async_send(&p->wake);
}

/* ---- replies ---- */

static void deny(struct pl_redis_publisher *p, struct denial *d, enum pl_redis_trouble trouble, struct pl_str error)
{
	struct pl_buf shown = {0};
	pl_buf_add_printable(&shown, error);
	d->last_mono_ns = pl_clock_mono_ns();
	pl_incident_fail(&d->incident, pl_clock_wall_ns(), p->env.log, PL_LOG_WARN, d->failed,
			 (const struct pl_kv[]){PL_KVC("output", p->env.name),
						PL_KVC("kind", pl_redis_trouble_label(trouble)),
						PL_KVS("reason", pl_buf_str(&shown)),
						{0}});
	pl_buf_finish(&shown);
}

static void allow(struct pl_redis_publisher *p, struct denial *d)
{
	if (d->incident.since_ns != 0 && pl_clock_mono_ns() - d->last_mono_ns > SETTLED_NS)
		pl_incident_end(&d->incident, pl_clock_wall_ns(), p->env.log, d->works,
				(const struct pl_kv[]){PL_KVC("output", p->env.name), {0}});
}

/* Would the next command fare no better? Then a new connection finds out when it does. */
static bool is_hopeless(const struct pl_redis_publisher *p, enum pl_redis_trouble t)
{
	return t == PL_REDIS_AUTH || t == PL_REDIS_LOADING || t == PL_REDIS_MASTERDOWN ||
	       (t == PL_REDIS_READONLY && p->config->sentinel != NULL);
}

static void on_error(struct pl_redis_publisher *p, enum command c, struct pl_str error)
{
	enum pl_redis_trouble trouble = pl_redis_trouble_of(error);
	if (is_hopeless(p, trouble)) { /* which counts it */
		char text[PL_RESP_MAX_TEXT + 1];
		snprintf(text, sizeof text, "%.*s", (int)error.n, error.p);
		pl_redis_link_fail(p->link, trouble, text);
		return;
	}
	count(p, PL_REDIS_ERRORS + trouble, 1);
	deny(p, c == DO_PUBLISH ? &p->publish : &p->store, trouble, error);
}

static void on_reply(void *data, const struct pl_resp_reply *r)
{
	struct pl_redis_publisher *p = data;
	enum command c = p->sent[p->first];
	p->first = (p->first + 1) % MOST_UNANSWERED;
	p->n_sent--;
	bool good = r->type != PL_RESP_ERROR;
	if (c == DO_PUBLISH) {
		count(p, PL_REDIS_PENDING, -1);
		count(p, good ? PL_REDIS_PUBLISHED : PL_REDIS_VALUES_REFUSED, 1);
		if (r->type == PL_RESP_INTEGER && r->integer > 0)
			count(p, PL_REDIS_RECEIVERS, r->integer);
		if (good)
			allow(p, &p->publish);
	} else if (c == DO_HSET && good) {
		count(p, PL_REDIS_STORED, 1);
		allow(p, &p->store);
	}
	if (!good)
		on_error(p, c, pl_resp_str(&r->text));
}

static void on_idle(void *data)
{
	struct pl_redis_publisher *p = data;
	struct pl_buf nothing = {0};
	p->unsent = pl_redis_link_send(p->link, &nothing, 0);
	if (!uv_is_active((uv_handle_t *)&p->gather))
		pump(p);
}

static void on_up(void *data)
{
	struct pl_redis_publisher *p = data;
	p->up = true;
	p->unsent = 0;
	count(p, PL_REDIS_CONNECTIONS, 1);
	atomic_store_explicit(&p->env.counters[PL_REDIS_UP], 1, memory_order_relaxed);
	pump(p);
}

static void on_down(void *data)
{
	struct pl_redis_publisher *p = data;
	int64_t lost = 0;
	p->up = false;
	atomic_store_explicit(&p->env.counters[PL_REDIS_UP], 0, memory_order_relaxed);
	for (size_t i = 0; i < p->n_sent; i++)
		lost += p->sent[(p->first + i) % MOST_UNANSWERED] == DO_PUBLISH;
	p->n_sent = 0;
	count(p, PL_REDIS_PENDING, -lost);
	count(p, PL_REDIS_LOST, lost);
	end_if_answered(p);
}

static void on_failed(void *data, enum pl_redis_trouble trouble)
{
	count(data, PL_REDIS_ERRORS + trouble, 1);
}

static const struct pl_redis_link_events link_events = {
    .up = on_up, .down = on_down, .reply = on_reply, .idle = on_idle, .failed = on_failed};

/* ---- life ---- */

struct pl_redis_publisher *pl_redis_publisher_create(const struct pl_output_env *env, const struct pl_redis_config *config)
{
	struct pl_redis_publisher *p = pl_calloc(1, sizeof *p);
	p->env = *env;
	p->config = config;
	p->publish.failed = "Redis does not take live values";
	p->publish.works = "Redis takes live values again";
	p->store.failed = "Redis does not keep last values";
	p->store.works = "Redis keeps last values again";
	snprintf(p->ttl, sizeof p->ttl, "%lld", (long long)(config->last_values_ttl / PL_NS_PER_S));
	p->listener.wake = wake;
	p->handles = 3;
	uv_async_init(&env->loop->uv, &p->wake, on_wake);
	uv_timer_init(&env->loop->uv, &p->gather);
	uv_timer_init(&env->loop->uv, &p->last_words);
	p->wake.data = p->gather.data = p->last_words.data = p;
	p->link = pl_redis_link_create(env->loop, env->log, env->name, config, &link_events, p);
	env->live->join(env->live, &p->listener);
	return p;
}

static void part_closed(struct pl_redis_publisher *p)
{
	if (p->handles > 0 || !p->link_gone)
		return;
	void (*closed)(void *) = p->closed;
	void *data = p->closed_data;
	free(p);
	closed(data);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct pl_redis_publisher *p = h->data;
	p->handles--;
	part_closed(p);
}

static void on_link_closed(void *data)
{
	struct pl_redis_publisher *p = data;
	p->link_gone = true;
	part_closed(p);
}

static void end(struct pl_redis_publisher *p)
{
	if (p->up)
		on_down(p);
	p->closing = false;
	p->env.live->leave(p->env.live, &p->listener);
	uv_close((uv_handle_t *)&p->wake, on_handle_closed);
	uv_close((uv_handle_t *)&p->gather, on_handle_closed);
	uv_close((uv_handle_t *)&p->last_words, on_handle_closed);
	pl_redis_link_close(p->link, on_link_closed, p);
}

static void on_last_words(uv_timer_t *timer)
{
	struct pl_redis_publisher *p = timer->data;
	if (p->closing && !p->pumping)
		end(p);
}

/* Not from within a callback of the link, which goes on after it. */
static void end_if_answered(struct pl_redis_publisher *p)
{
	if (p->closing && p->n_sent == 0)
		uv_timer_start(&p->last_words, on_last_words, 0, 0);
}

void pl_redis_publisher_close(struct pl_redis_publisher *p, void (*closed)(void *data), void *data)
{
	p->closed = closed;
	p->closed_data = data;
	p->closing = true;
	uv_timer_start(&p->last_words, on_last_words, LAST_WORDS_MS, 0);
	pump(p);
}
