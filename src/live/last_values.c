#include "live/last_values.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 0
#include <uthash.h>

#include "base/mem.h"

struct pl_last_value {
	UT_hash_handle hh; /* by the message's channel */
	struct pl_last_value *prev, *next;
	struct pl_live_message *message; /* shares */
	int64_t since_ns;
};

struct pl_last_values {
	struct pl_last_values_options options;
	struct pl_last_value *by_channel, *oldest, *newest;
	struct pl_last_values_walk *walks;
	struct pl_last_values_stats stats;
};

struct pl_last_values *pl_last_values_create(const struct pl_last_values_options *options)
{
	struct pl_last_values *l = pl_calloc(1, sizeof *l);
	l->options = *options;
	return l;
}

static size_t cost_of(const struct pl_last_value *v)
{
	return sizeof *v + v->message->bytes;
}

static void unlink_value(struct pl_last_values *l, struct pl_last_value *v)
{
	for (struct pl_last_values_walk *w = l->walks; w != NULL; w = w->next)
		if (w->at == v)
			w->at = v->next;
	if (v->prev != NULL)
		v->prev->next = v->next;
	else
		l->oldest = v->next;
	if (v->next != NULL)
		v->next->prev = v->prev;
	else
		l->newest = v->prev;
}

/* A walk that had seen everything goes on with what is new. */
static void append(struct pl_last_values *l, struct pl_last_value *v)
{
	v->next = NULL;
	v->prev = l->newest;
	if (v->prev != NULL)
		v->prev->next = v;
	else
		l->oldest = v;
	l->newest = v;
	for (struct pl_last_values_walk *w = l->walks; w != NULL; w = w->next)
		if (w->at == NULL)
			w->at = v;
}

static void forget(struct pl_last_values *l, struct pl_last_value *v)
{
	unlink_value(l, v);
	HASH_DEL(l->by_channel, v);
	l->stats.values--;
	l->stats.bytes -= cost_of(v);
	pl_live_message_release(v->message);
	free(v);
}

static void expire(struct pl_last_values *l, int64_t wall_ns)
{
	while (l->options.ttl_ns > 0 && l->oldest != NULL && wall_ns - l->oldest->since_ns > l->options.ttl_ns) {
		forget(l, l->oldest);
		l->stats.expired++;
	}
}

void pl_last_values_put(struct pl_last_values *l, struct pl_live_message *m, int64_t wall_ns)
{
	struct pl_last_value *v;
	expire(l, wall_ns);
	HASH_FIND(hh, l->by_channel, m->channel.p, m->channel.n, v);
	if (v != NULL) { /* the key lies in the message: it changes with it */
		unlink_value(l, v);
		HASH_DEL(l->by_channel, v);
		l->stats.bytes -= cost_of(v);
		pl_live_message_release(v->message);
	} else {
		v = pl_calloc(1, sizeof *v);
		l->stats.values++;
	}
	v->message = pl_live_message_share(m);
	v->since_ns = wall_ns;
	HASH_ADD_KEYPTR(hh, l->by_channel, m->channel.p, m->channel.n, v);
	append(l, v);
	l->stats.bytes += cost_of(v);
	while (l->oldest != NULL && (l->stats.values > l->options.max_values || l->stats.bytes > l->options.max_bytes)) {
		forget(l, l->oldest);
		l->stats.evicted++;
	}
}

void pl_last_values_walk_begin(struct pl_last_values *l, struct pl_last_values_walk *w, int64_t wall_ns)
{
	expire(l, wall_ns);
	*w = (struct pl_last_values_walk){.next = l->walks, .at = l->oldest, .begun = true};
	if (w->next != NULL)
		w->next->prev = w;
	l->walks = w;
}

struct pl_live_message *pl_last_values_walk_next(struct pl_last_values *l, struct pl_last_values_walk *w)
{
	(void)l;
	if (w->at == NULL)
		return NULL;
	struct pl_live_message *m = w->at->message;
	w->at = w->at->next;
	return m;
}

void pl_last_values_walk_end(struct pl_last_values *l, struct pl_last_values_walk *w)
{
	if (!w->begun)
		return;
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		l->walks = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->begun = false;
}

void pl_last_values_destroy(struct pl_last_values *l)
{
	if (l == NULL)
		return;
	while (l->oldest != NULL)
		forget(l, l->oldest);
	free(l);
}

struct pl_last_values_stats pl_last_values_stats(const struct pl_last_values *l)
{
	return l->stats;
}
