/* What the outbox tells of itself, and its end. */
#include <stdlib.h>
#include <utlist.h>

#include "alerts/notice_document.h"
#include "alerts/outbox_private.h"
#include "base/clock.h"

size_t pl_outbox_waiting(const struct pl_outbox *o, struct pl_str receiver, struct pl_str post, struct pl_str alert)
{
	struct pl_outbox_receiver_state *all = o->receivers;
	const struct pl_outbox_receiver_state *r = pl_outbox_receiver_find(&all, receiver);
	const struct pl_outbox_queue *q = r != NULL ? pl_outbox_receiver_queue(r, post, alert) : NULL;
	return q != NULL ? q->n : 0;
}

void pl_outbox_each(const struct pl_outbox *o, void (*each)(void *data, const struct pl_outbox_stats *stats), void *data)
{
	for (const struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next)
		each(data, &r->stats);
}

static int64_t oldest_of(const struct pl_outbox_receiver_state *r)
{
	int64_t oldest = INT64_MAX;
	for (const struct pl_outbox_way *w = r->ways; w != NULL; w = w->hh.next)
		for (const struct pl_outbox_queue *q = w->queues; q != NULL; q = q->hh.next)
			if (q->items != NULL && q->items->wall_ns < oldest)
				oldest = q->items->wall_ns;
	return oldest;
}

static void put_time(struct pl_json *j, const char *key, bool given, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_json_key(j, key);
	pl_json_cstr(j, given ? pl_clock_text(wall_ns, text) : NULL);
}

static void put_receiver(struct pl_json *j, const struct pl_outbox *o, const struct pl_outbox_receiver_state *r)
{
	int64_t oldest = oldest_of(r), wall_ns = o->options.wall_ns(), due;
	pl_outbox_receiver_pick(r, o->options.mono_ns(), &due);
	bool next = r->ops != NULL && r->item == NULL && due != INT64_MAX;
	int64_t wait = next && due > o->options.mono_ns() ? due - o->options.mono_ns() : 0;
	pl_json_object_begin(j);
	pl_notice_put_str(j, "name", pl_str_of(r->name));
	pl_json_key(j, "known");
	pl_json_bool(j, r->stats.known);
	pl_notice_put_i64(j, "waiting", (int64_t)r->stats.waiting);
	put_time(j, "oldest", oldest != INT64_MAX, oldest);
	pl_notice_put_str(j, "lastError", pl_str_of(r->error));
	put_time(j, "lastErrorTime", r->error_wall_ns != 0, r->error_wall_ns);
	put_time(j, "nextAttempt", next, wall_ns + wait);
	pl_notice_put_i64(j, "retried", (int64_t)r->stats.retried);
	for (int end = 0; end < PL_OUTBOX_ENDS; end++)
		pl_notice_put_i64(j, pl_outbox_end_text((enum pl_outbox_end)end), (int64_t)r->stats.ended[end]);
	pl_json_object_end(j);
}

void pl_outbox_json(const struct pl_outbox *o, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	pl_json_array_begin(&j);
	for (const struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next)
		put_receiver(&j, o, r);
	pl_json_array_end(&j);
}

static void free_way(struct pl_outbox_way *w)
{
	struct pl_outbox_queue *q, *next;
	struct pl_outbox_item *i, *next_item;
	w->n += 1; /* stays until all its queues are gone */
	HASH_ITER(hh, w->queues, q, next)
	{
		q->pins++;
		DL_FOREACH_SAFE(q->items, i, next_item)
		{
			pl_outbox_item_leave(i);
			pl_outbox_item_destroy(i);
		}
		q->pins--;
		pl_outbox_queue_tidy(q);
	}
	HASH_DEL(w->receiver->ways, w);
	free(w->post);
	free(w);
}

void pl_outbox_free(struct pl_outbox *o)
{
	struct pl_outbox_receiver_state *r, *next;
	struct pl_outbox_removal *removal, *next_removal;
	HASH_ITER(hh, o->receivers, r, next)
	{
		struct pl_outbox_way *w, *next_way;
		HASH_ITER(hh, r->ways, w, next_way)
		free_way(w);
		pl_outbox_receiver_destroy(&o->receivers, r);
	}
	DL_FOREACH_SAFE(o->removals, removal, next_removal)
	free(removal);
	free(o);
}
