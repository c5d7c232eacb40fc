#include "pipeline/lane.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_SLOTS = 16 };

void pl_lane_finish(struct pl_lane *l)
{
	while (l->n > 0)
		pl_batch_release(pl_lane_take(l, 0).batch);
	free(l->ring);
	*l = (struct pl_lane){0};
}

static void widen(struct pl_lane *l)
{
	size_t slots = l->slots > 0 ? l->slots * 2 : FIRST_SLOTS;
	struct pl_lane_item *wider = pl_calloc(slots, sizeof *wider);
	for (size_t i = 0; i < l->n; i++)
		wider[i] = *pl_lane_at(l, i);
	free(l->ring);
	l->ring = wider;
	l->slots = slots;
	l->head = 0;
}

void pl_lane_push(struct pl_lane *l, struct pl_lane_item item)
{
	if (l->n == l->slots)
		widen(l);
	*pl_lane_at(l, l->n++) = item;
	l->points += item.batch->points;
	l->bytes += item.batch->n;
	l->cost += pl_batch_cost(item.batch);
}

void pl_lane_mark_written(struct pl_lane *l, struct pl_spool_ref ref)
{
	struct pl_lane_item *item = pl_lane_at(l, l->written++);
	item->ref = ref;
	l->written_points += item->batch->points;
	if (l->ready < l->written)
		l->ready = l->written;
}

struct pl_lane_item pl_lane_take(struct pl_lane *l, size_t i)
{
	struct pl_lane_item item = *pl_lane_at(l, i);
	for (size_t k = i; k > 0; k--)
		*pl_lane_at(l, k) = *pl_lane_at(l, k - 1);
	l->head++;
	l->n--;
	if (i < l->written) {
		l->written--;
		l->written_points -= item.batch->points;
	}
	l->ready -= i < l->ready;
	l->lent -= i < l->lent;
	l->points -= item.batch->points;
	l->bytes -= item.batch->n;
	l->cost -= pl_batch_cost(item.batch);
	return item;
}
