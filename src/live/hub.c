#include "live/hub.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"

enum { USUAL_VALUES = 16384, USUAL_BYTES = 8 << 20, MADE_AT_ONCE = 64 };

struct pl_live_hub {
	struct pl_live_tap tap;
	struct pl_live_feed feed;
	size_t max_bytes, mask;
	atomic_uint n_listeners; /* changed under the lock, read without */
	atomic_uint_fast64_t too_large;
	uv_mutex_t lock; /* guards what follows */
	struct pl_live_listener *listeners;
	struct pl_live_message **ring; /* message `id` at id & mask */
	uint64_t first, next;
	size_t bytes;
	uint64_t missed;
};

/* ---- taking in ---- */

static bool wanted(const struct pl_live_tap *tap)
{
	const struct pl_live_hub *h = pl_container_of(tap, const struct pl_live_hub, tap);
	return atomic_load_explicit(&h->n_listeners, memory_order_relaxed) > 0;
}

static void drop_oldest(struct pl_live_hub *h)
{
	struct pl_live_message *m = h->ring[h->first++ & h->mask];
	h->bytes -= m->bytes;
	pl_live_message_release(m);
}

static void append(struct pl_live_hub *h, struct pl_live_message *m)
{
	while (h->first < h->next && (h->next - h->first > h->mask || h->bytes + m->bytes > h->max_bytes))
		drop_oldest(h);
	m->id = h->next++;
	h->bytes += m->bytes;
	h->ring[m->id & h->mask] = m;
}

static void wake_all(struct pl_live_hub *h)
{
	for (struct pl_live_listener *l = h->listeners; l != NULL; l = l->next)
		if (l->asleep) {
			l->asleep = false;
			l->wake(l);
		}
}

/* The text is made before the lock is taken. */
static void publish(struct pl_live_tap *tap, const struct pl_live_value *v, size_t n)
{
	struct pl_live_hub *h = pl_container_of(tap, struct pl_live_hub, tap);
	struct pl_live_message *made[MADE_AT_ONCE];
	while (n > 0 && wanted(tap)) {
		size_t some = n < MADE_AT_ONCE ? n : MADE_AT_ONCE, n_made = 0;
		for (size_t i = 0; i < some; i++) {
			made[n_made] = pl_live_message_create(&v[i]);
			n_made += made[n_made] != NULL;
		}
		if (n_made < some)
			atomic_fetch_add_explicit(&h->too_large, some - n_made, memory_order_relaxed);
		uv_mutex_lock(&h->lock);
		for (size_t i = 0; i < n_made; i++)
			append(h, made[i]);
		if (n_made > 0)
			wake_all(h);
		uv_mutex_unlock(&h->lock);
		v += some;
		n -= some;
	}
}

/* ---- handing out ---- */

static void join(struct pl_live_feed *feed, struct pl_live_listener *l)
{
	struct pl_live_hub *h = pl_container_of(feed, struct pl_live_hub, feed);
	uv_mutex_lock(&h->lock);
	l->prev = NULL;
	l->next = h->listeners;
	if (l->next != NULL)
		l->next->prev = l;
	h->listeners = l;
	l->at = h->next;
	l->asleep = true;
	atomic_fetch_add_explicit(&h->n_listeners, 1, memory_order_relaxed);
	uv_mutex_unlock(&h->lock);
}

static void leave(struct pl_live_feed *feed, struct pl_live_listener *l)
{
	struct pl_live_hub *h = pl_container_of(feed, struct pl_live_hub, feed);
	uv_mutex_lock(&h->lock);
	if (l->prev != NULL)
		l->prev->next = l->next;
	else
		h->listeners = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	atomic_fetch_sub_explicit(&h->n_listeners, 1, memory_order_relaxed);
	uv_mutex_unlock(&h->lock);
}

static size_t hand_out(struct pl_live_hub *h, uint64_t *from, struct pl_live_message **out, size_t room, uint64_t *missed)
{
	if (*from < h->first) {
		*missed += h->first - *from;
		*from = h->first;
	}
	size_t n = 0;
	for (; n < room && *from < h->next; n++)
		out[n] = pl_live_message_share(h->ring[(*from)++ & h->mask]);
	return n;
}

static size_t read_feed(struct pl_live_feed *feed, struct pl_live_listener *l, struct pl_live_message **out, size_t room,
			uint64_t *missed)
{
	struct pl_live_hub *h = pl_container_of(feed, struct pl_live_hub, feed);
	uint64_t gone = 0;
	uv_mutex_lock(&h->lock);
	size_t n = hand_out(h, &l->at, out, room, &gone);
	h->missed += gone;
	l->asleep = n == 0;
	uv_mutex_unlock(&h->lock);
	*missed += gone;
	return n;
}

size_t pl_live_hub_replay(struct pl_live_hub *h, uint64_t *from, struct pl_live_message **out, size_t room, uint64_t *missed)
{
	uv_mutex_lock(&h->lock);
	size_t n = hand_out(h, from, out, room, missed);
	uv_mutex_unlock(&h->lock);
	return n;
}

/* ---- life ---- */

struct pl_live_hub *pl_live_hub_create(const struct pl_live_hub_options *options)
{
	struct pl_live_hub *h = pl_calloc(1, sizeof *h);
	size_t wish = options->max_values > 0 ? options->max_values : USUAL_VALUES, size = 1;
	while (size < wish)
		size *= 2;
	h->tap = (struct pl_live_tap){.wanted = wanted, .publish = publish};
	h->feed = (struct pl_live_feed){.join = join, .leave = leave, .read = read_feed};
	h->max_bytes = options->max_bytes > 0 ? options->max_bytes : USUAL_BYTES;
	h->mask = size - 1;
	h->ring = pl_calloc(size, sizeof(struct pl_live_message *));
	h->first = h->next = 1;
	uv_mutex_init(&h->lock);
	return h;
}

void pl_live_hub_destroy(struct pl_live_hub *h)
{
	while (h->first < h->next)
		drop_oldest(h);
	uv_mutex_destroy(&h->lock);
	free(h->ring);
	free(h);
}

struct pl_live_tap *pl_live_hub_tap(struct pl_live_hub *h)
{
	return &h->tap;
}

struct pl_live_feed *pl_live_hub_feed(struct pl_live_hub *h)
{
	return &h->feed;
}

struct pl_live_hub_stats pl_live_hub_stats(struct pl_live_hub *h)
{
	uv_mutex_lock(&h->lock);
	struct pl_live_hub_stats s = {
	    .published = h->next - 1,
	    .missed = h->missed,
	    .too_large = atomic_load_explicit(&h->too_large, memory_order_relaxed),
	    .first = h->first,
	    .next = h->next,
	    .bytes = h->bytes,
	    .listeners = atomic_load_explicit(&h->n_listeners, memory_order_relaxed),
	};
	uv_mutex_unlock(&h->lock);
	return s;
}
