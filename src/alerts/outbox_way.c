#include "alerts/outbox_way.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"

static const int64_t first_ns = PL_NS_PER_S, most_ns = 60 * PL_NS_PER_S;

/* memcmp wants a pointer though there is nothing to compare */
static const char *key_of(struct pl_str s)
{
	return s.n > 0 ? s.p : "";
}

struct pl_outbox_receiver_state *pl_outbox_receiver_find(struct pl_outbox_receiver_state **all, struct pl_str name)
{
	struct pl_outbox_receiver_state *r;
	HASH_FIND(hh, *all, key_of(name), name.n, r);
	return r;
}

struct pl_outbox_receiver_state *pl_outbox_receiver_get(struct pl_outbox_receiver_state **all, struct pl_str name,
							struct pl_outbox *o)
{
	struct pl_outbox_receiver_state *r = pl_outbox_receiver_find(all, name);
	if (r != NULL)
		return r;
	r = pl_calloc(1, sizeof *r);
	r->outbox = o;
	r->name = pl_strndup(name.p, name.n);
	r->stats.receiver = r->name;
	r->due = INT64_MAX;
	HASH_ADD_KEYPTR(hh, *all, r->name, name.n, r);
	return r;
}

void pl_outbox_receiver_destroy(struct pl_outbox_receiver_state **all, struct pl_outbox_receiver_state *r)
{
	HASH_DEL(*all, r);
	pl_arena_finish(&r->arena);
	free(r->name);
	free(r);
}

static struct pl_outbox_way *find_way(const struct pl_outbox_receiver_state *r, struct pl_str post)
{
	struct pl_outbox_way *w;
	HASH_FIND(hh, r->ways, key_of(post), post.n, w);
	return w;
}

static struct pl_outbox_queue *find_queue(const struct pl_outbox_way *w, struct pl_str alert)
{
	struct pl_outbox_queue *q;
	HASH_FIND(hh, w->queues, key_of(alert), alert.n, q);
	return q;
}

void pl_outbox_receiver_push(struct pl_outbox_receiver_state *r, struct pl_str post, struct pl_str alert,
			     struct pl_outbox_item *item)
{
	struct pl_outbox_way *w = find_way(r, post);
	if (w == NULL) {
		w = pl_calloc(1, sizeof *w);
		w->receiver = r;
		w->post = pl_strndup(post.p, post.n);
		w->backoff = (struct pl_backoff){
		    .first_ns = first_ns, .most_ns = most_ns, .seed = pl_str_hash(post, (uint64_t)pl_clock_mono_ns())};
		HASH_ADD_KEYPTR(hh, r->ways, w->post, post.n, w);
	}
	struct pl_outbox_queue *q = find_queue(w, alert);
	if (q == NULL) {
		q = pl_calloc(1, sizeof *q);
		q->way = w;
		q->alert = pl_strndup(alert.p, alert.n);
		q->backoff = (struct pl_backoff){
		    .first_ns = first_ns, .most_ns = most_ns, .seed = pl_str_hash(alert, (uint64_t)pl_clock_mono_ns())};
		HASH_ADD_KEYPTR(hh, w->queues, q->alert, alert.n, q);
	}
	item->queue = q;
	DL_APPEND(q->items, item);
	q->n++;
	w->n++;
	r->stats.waiting++;
	r->stats.bytes += item->n;
}

void pl_outbox_queue_tidy(struct pl_outbox_queue *q)
{
	struct pl_outbox_way *w = q->way;
	if (q->n > 0 || q->pins > 0)
		return;
	HASH_DEL(w->queues, q);
	free(q->alert);
	free(q);
	if (w->n > 0 || w->queues != NULL)
		return;
	HASH_DEL(w->receiver->ways, w);
	free(w->post);
	free(w);
}

void pl_outbox_item_leave(struct pl_outbox_item *item)
{
	struct pl_outbox_queue *q = item->queue;
	DL_DELETE(q->items, item);
	item->queue = NULL;
	q->n--;
	q->way->n--;
	q->way->receiver->stats.waiting--;
	q->way->receiver->stats.bytes -= item->n;
	pl_outbox_queue_tidy(q);
}

const struct pl_outbox_queue *pl_outbox_receiver_queue(const struct pl_outbox_receiver_state *r, struct pl_str post,
						       struct pl_str alert)
{
	const struct pl_outbox_way *w = find_way(r, post);
	return w != NULL ? find_queue(w, alert) : NULL;
}

/* What has failed more often waits for the others: it may be its own fault. */
static bool goes_before(const struct pl_outbox_queue *a, const struct pl_outbox_queue *b)
{
	if (a->backoff.failures != b->backoff.failures)
		return a->backoff.failures < b->backoff.failures;
	return a->items->seq < b->items->seq;
}

struct pl_outbox_item *pl_outbox_receiver_pick(const struct pl_outbox_receiver_state *r, int64_t mono_ns, int64_t *due)
{
	struct pl_outbox_item *best = NULL;
	*due = INT64_MAX;
	for (struct pl_outbox_way *w = r->ways; w != NULL; w = w->hh.next) {
		if (w->not_before > mono_ns) { /* none of its queues is due before, and there may be many */
			*due = w->not_before < *due ? w->not_before : *due;
			continue;
		}
		for (struct pl_outbox_queue *q = w->queues; q != NULL; q = q->hh.next) {
			if (q->items == NULL || !q->items->ready)
				continue;
			if (q->not_before < *due)
				*due = q->not_before;
			if (q->not_before <= mono_ns && (best == NULL || goes_before(q, best->queue)))
				best = q->items;
		}
	}
	return best;
}

void pl_outbox_queue_failed(struct pl_outbox_queue *q, int64_t mono_ns, int64_t asked_ns)
{
	q->not_before = mono_ns + pl_backoff_next(&q->backoff, asked_ns);
	q->way->not_before = mono_ns + pl_backoff_next(&q->way->backoff, asked_ns);
}

static void hurry(struct pl_outbox_way *w)
{
	for (struct pl_outbox_queue *q = w->queues; q != NULL; q = q->hh.next) {
		q->not_before = 0;
		pl_backoff_reset(&q->backoff);
	}
	pl_backoff_reset(&w->backoff);
	w->not_before = 0;
}

void pl_outbox_receiver_hurry(struct pl_outbox_receiver_state *r)
{
	for (struct pl_outbox_way *w = r->ways; w != NULL; w = w->hh.next)
		hurry(w);
}

void pl_outbox_queue_passed(struct pl_outbox_queue *q)
{
	/* One failure may have been the notice's own; several in a row were the receiver's, and it is back. */
	if (q->way->backoff.failures > 1)
		hurry(q->way);
	pl_backoff_reset(&q->way->backoff);
	q->way->not_before = 0;
	pl_backoff_reset(&q->backoff);
	q->not_before = 0;
}
