#include "pipeline/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Two accounts that are shown as their sum: the disk's own, as it was last published, and `memory`, of all that is not on disk.
 * A batch that is written moves from the one to the other under the lock. */
struct pl_queue {
	pthread_mutex_t lock; /* guards all below */
	struct pl_lane lanes[PL_LANES];
	struct pl_lane *writing; /* its first batch that is not written is being written now; nobody drops it */
	uint64_t max_bytes;
	enum pl_drop_policy policy;
	bool has_disk;
	bool reader_idle; /* with a disk: it was not woken since it found nothing to write */
	uint64_t wake_at; /* so many live bytes are to wake a reader that is not idle; UINT64_MAX: none */
	struct pl_queue_account memory;
	struct pl_spool_account disk;
	const struct pl_queue *expected; /* what it will inherit from; NULL: nothing. Locked after this one */
	uint64_t forgotten;              /* batches that are on disk only since they were let go */
};

struct pl_queue *pl_queue_create(uint64_t max_bytes, enum pl_drop_policy policy)
{
	struct pl_queue *q = pl_calloc(1, sizeof *q);
	pthread_mutex_init(&q->lock, NULL);
	q->max_bytes = max_bytes;
	q->policy = policy;
	q->reader_idle = true;
	q->wake_at = UINT64_MAX;
	return q;
}

void pl_queue_destroy(struct pl_queue *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < PL_LANES; i++)
		pl_lane_finish(&q->lanes[i]);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool is_written(struct pl_lane_item item)
{
	return item.ref.segment != 0;
}

/* ---- the bound ---- */

static bool fits(const struct pl_queue *q, const struct pl_batch *b)
{
	uint64_t held = 0;
	for (size_t i = 0; i < PL_LANES; i++)
		held += q->lanes[i].cost;
	return held + pl_batch_cost(b) <= q->max_bytes;
}

/* Lets the oldest batch go that is on disk. */
static bool forget_written(struct pl_queue *q)
{
	struct pl_lane *live = &q->lanes[PL_LANE_LIVE];
	if (live->lent >= live->written)
		return false;
	pl_batch_release(pl_lane_take(live, live->lent).batch);
	q->forgotten++;
	return true;
}

static void drop(struct pl_queue *q, struct pl_lane_item item, enum pl_drop why)
{
	if (!is_written(item)) {
		q->memory.points_queued -= item.batch->points;
		q->memory.dropped[why] += item.batch->points;
	}
	pl_batch_release(item.batch);
}

static bool is_being_written(const struct pl_queue *q, const struct pl_lane *l, size_t i)
{
	return q->writing == l && l->written == i;
}

/* The oldest batch that is neither lent nor on its way to the disk. */
static bool drop_oldest(struct pl_queue *q)
{
	static const enum pl_lane_name order[] = {PL_LANE_BEHIND, PL_LANE_LIVE, PL_LANE_HELD};
	for (size_t k = 0; k < PL_COUNT_OF(order); k++) {
		struct pl_lane *l = &q->lanes[order[k]];
		size_t i = l->lent;
		i += is_being_written(q, l, i);
		if (i >= l->n)
			continue;
		drop(q, pl_lane_take(l, i), PL_DROP_FULL_OLDEST);
		return true;
	}
	return false;
}

static bool make_room(struct pl_queue *q, const struct pl_batch *b)
{
	if (pl_batch_cost(b) > q->max_bytes)
		return false;
	while (!fits(q, b) && forget_written(q))
		continue;
	while (q->policy == PL_POLICY_DROP_OLDEST && !fits(q, b) && drop_oldest(q))
		continue;
	return fits(q, b);
}

/* ---- in ---- */

static bool wakes(struct pl_queue *q)
{
	bool wake = q->reader_idle || (!q->has_disk && q->lanes[PL_LANE_LIVE].bytes >= q->wake_at);
	if (wake)
		q->wake_at = UINT64_MAX;
	q->reader_idle = false;
	return wake;
}

bool pl_queue_put(struct pl_queue *q, struct pl_batch *b)
{
	pthread_mutex_lock(&q->lock);
	bool wake = false;
	struct pl_lane *live = &q->lanes[PL_LANE_LIVE];
	q->memory.points_in += b->points;
	q->memory.bytes_in += b->n;
	if (make_room(q, b)) {
		pl_lane_push(live, (struct pl_lane_item){.batch = pl_batch_share(b)});
		q->memory.points_queued += b->points;
		if (!q->has_disk)
			live->ready = live->n;
		wake = wakes(q);
	} else {
		q->memory.dropped[PL_DROP_FULL_NEWEST] += b->points;
	}
	pthread_mutex_unlock(&q->lock);
	return wake;
}

/* ---- out ---- */

bool pl_queue_wait_for(struct pl_queue *q, uint64_t bytes, int64_t before_mono_ns)
{
	pthread_mutex_lock(&q->lock);
	const struct pl_lane *live = &q->lanes[PL_LANE_LIVE];
	bool wait = live->n > 0 && live->bytes < bytes && pl_lane_at(live, 0)->batch->sealed_mono_ns >= before_mono_ns;
	q->wake_at = wait ? bytes : UINT64_MAX;
	pthread_mutex_unlock(&q->lock);
	return wait;
}

size_t pl_queue_lend(struct pl_queue *q, enum pl_lane_name lane, size_t max_bytes, struct pl_lane_item *out, size_t cap)
{
	pthread_mutex_lock(&q->lock);
	struct pl_lane *l = &q->lanes[lane];
	size_t k = 0, bytes = 0;
	while (k < l->ready && k < cap) {
		struct pl_lane_item item = *pl_lane_at(l, k);
		if (k > 0 && (bytes + item.batch->n > max_bytes || !pl_route_eq(item.batch->route, out[0].batch->route)))
			break;
		bytes += item.batch->n;
		out[k++] = item;
	}
	l->lent = k;
	if (lane == PL_LANE_LIVE) {
		q->wake_at = UINT64_MAX;
		if (!q->has_disk)
			q->reader_idle = k == 0;
	}
	pthread_mutex_unlock(&q->lock);
	return k;
}

static void settle_one(struct pl_queue *q, struct pl_lane_item item, const struct pl_spool_outcome *o)
{
	q->memory.bytes_out += item.batch->n;
	if (!is_written(item)) {
		q->memory.points_queued -= item.batch->points - o->moved;
		q->memory.points_out += o->out;
		q->memory.points_quarantined += o->quarantined;
		for (size_t d = 0; d < PL_DROP_COUNT; d++)
			q->memory.dropped[d] += o->dropped[d];
	}
	pl_batch_release(item.batch);
}

void pl_queue_settle(struct pl_queue *q, enum pl_lane_name lane, size_t n, const struct pl_spool_outcome *outcomes,
		     struct pl_batch *held, const struct pl_spool_account *disk)
{
	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < n; i++)
		settle_one(q, pl_lane_take(&q->lanes[lane], 0), &outcomes[i]);
	q->lanes[lane].lent = 0;
	if (held != NULL) {
		struct pl_lane *l = &q->lanes[PL_LANE_HELD];
		pl_lane_push(l, (struct pl_lane_item){.batch = held});
		l->ready = l->n;
	}
	if (disk != NULL)
		q->disk = *disk;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_take_back(struct pl_queue *q, enum pl_lane_name lane)
{
	pthread_mutex_lock(&q->lock);
	q->lanes[lane].lent = 0;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_shed(struct pl_queue *q, int64_t before_mono_ns, uint64_t most_bytes)
{
	pthread_mutex_lock(&q->lock);
	struct pl_lane *live = &q->lanes[PL_LANE_LIVE], *behind = &q->lanes[PL_LANE_BEHIND];
	while (live->n > 0 && live->lent == 0) {
		struct pl_lane_item first = *pl_lane_at(live, 0);
		bool old = first.batch->sealed_mono_ns < before_mono_ns;
		if (is_written(first) && (old || live->cost > most_bytes)) {
			forget_written(q);
		} else if (!is_written(first) && old && !is_being_written(q, live, 0)) {
			pl_lane_push(behind, pl_lane_take(live, 0));
			behind->ready = behind->n;
		} else {
			break;
		}
	}
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_expire(struct pl_queue *q, int64_t before_mono_ns)
{
	pthread_mutex_lock(&q->lock);
	for (size_t k = 0; k < PL_LANES; k++) {
		struct pl_lane *l = &q->lanes[k];
		while (l->lent == 0 && l->n > 0 && q->writing != l && !is_written(*pl_lane_at(l, 0)) &&
		       pl_lane_at(l, 0)->batch->sealed_mono_ns < before_mono_ns)
			drop(q, pl_lane_take(l, 0), PL_DROP_TOO_OLD);
	}
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_abandon(struct pl_queue *q, enum pl_drop why)
{
	pthread_mutex_lock(&q->lock);
	for (size_t k = 0; k < PL_LANES; k++)
		while (q->lanes[k].n > 0)
			drop(q, pl_lane_take(&q->lanes[k], 0), why);
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_set_limit(struct pl_queue *q, uint64_t max_bytes, enum pl_drop_policy policy)
{
	pthread_mutex_lock(&q->lock);
	q->max_bytes = max_bytes;
	q->policy = policy;
	pthread_mutex_unlock(&q->lock);
}

/* ---- the account ---- */

static void add_account(struct pl_queue_account *to, const struct pl_queue_account *from)
{
	to->points_in += from->points_in;
	to->points_out += from->points_out;
	to->points_queued += from->points_queued;
	to->points_quarantined += from->points_quarantined;
	to->bytes_in += from->bytes_in;
	to->bytes_out += from->bytes_out;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		to->dropped[d] += from->dropped[d];
}

static void add_disk(struct pl_queue_account *a, const struct pl_queue *q)
{
	const struct pl_spool_account *d = &q->disk;
	a->has_disk = true;
	a->disk = *d;
	a->points_in += d->points_in;
	a->points_out += d->points_out;
	a->points_queued += d->points_pending;
	a->points_quarantined += d->points_quarantined;
	for (size_t i = 0; i < PL_DROP_COUNT; i++)
		a->dropped[i] += d->dropped[i];
	size_t here = q->lanes[PL_LANE_LIVE].written;
	a->on_disk_only = d->records_pending > here ? d->records_pending - here : 0;
}

/* What is still another's. */
static void add_expected(struct pl_queue_account *a, const struct pl_queue_account *b)
{
	add_account(a, b);
	a->bytes_queued += b->bytes_queued;
	a->batches_queued += b->batches_queued;
	a->live_points += b->live_points;
	a->live_bytes += b->live_bytes;
	a->held_points += b->held_points;
	a->memory_only_points += b->memory_only_points;
	if (b->oldest_mono_ns != 0 && (a->oldest_mono_ns == 0 || b->oldest_mono_ns < a->oldest_mono_ns))
		a->oldest_mono_ns = b->oldest_mono_ns;
	a->has_disk = b->has_disk;
	a->on_disk_only = b->on_disk_only;
	a->disk = b->disk;
}

struct pl_queue_account pl_queue_account(const struct pl_queue *q)
{
	struct pl_queue *unlocked = (struct pl_queue *)q;
	pthread_mutex_lock(&unlocked->lock);
	struct pl_queue_account a = q->memory;
	a.memory_only_points = a.points_queued;
	if (q->has_disk)
		add_disk(&a, q);
	for (size_t k = 0; k < PL_LANES; k++) {
		const struct pl_lane *l = &q->lanes[k];
		a.bytes_queued += l->bytes;
		a.batches_queued += l->n;
		int64_t oldest = l->n > 0 ? pl_lane_at(l, 0)->batch->sealed_mono_ns : 0;
		if (oldest != 0 && (a.oldest_mono_ns == 0 || oldest < a.oldest_mono_ns))
			a.oldest_mono_ns = oldest;
	}
	a.live_points = q->lanes[PL_LANE_LIVE].points;
	a.live_bytes = q->lanes[PL_LANE_LIVE].bytes;
	a.held_points = q->lanes[PL_LANE_HELD].points;
	a.bytes_limit = q->max_bytes;
	if (q->expected != NULL) {
		struct pl_queue_account theirs = pl_queue_account(q->expected);
		add_expected(&a, &theirs);
	}
	pthread_mutex_unlock(&unlocked->lock);
	return a;
}

/* ---- the heir ---- */

static void append_lane(struct pl_lane *to, struct pl_lane *from)
{
	while (from->n > 0)
		pl_lane_push(to, pl_lane_take(from, 0));
}

void pl_queue_expect(struct pl_queue *to, const struct pl_queue *from)
{
	pthread_mutex_lock(&to->lock);
	to->expected = from;
	pthread_mutex_unlock(&to->lock);
}

void pl_queue_inherit(struct pl_queue *to, struct pl_queue *from)
{
	pthread_mutex_lock(&to->lock);
	to->expected = NULL;
	to->has_disk = from->has_disk;
	to->disk = from->disk;
	for (size_t k = 0; k < PL_LANES; k++) {
		struct pl_lane *l = &to->lanes[k];
		if (from->has_disk) { /* what is written comes first, and is what `from` had */
			append_lane(&from->lanes[k], l);
			struct pl_lane swapped = *l;
			*l = from->lanes[k];
			from->lanes[k] = swapped;
		} else {
			append_lane(l, &from->lanes[k]);
		}
		l->ready = to->has_disk && k == PL_LANE_LIVE ? l->written : l->n;
	}
	add_account(&to->memory, &from->memory);
	to->forgotten += from->forgotten;
	memset(&from->memory, 0, sizeof from->memory);
	static const struct pl_batch nothing;
	make_room(to, &nothing);
	to->reader_idle = true;
	pthread_mutex_unlock(&to->lock);
}

/* ---- the disk ---- */

void pl_queue_use_disk(struct pl_queue *q, const struct pl_spool_account *disk)
{
	pthread_mutex_lock(&q->lock);
	q->has_disk = true;
	q->disk = *disk;
	q->lanes[PL_LANE_LIVE].ready = q->lanes[PL_LANE_LIVE].written;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_publish(struct pl_queue *q, const struct pl_spool_account *disk, uint64_t bytes_out)
{
	pthread_mutex_lock(&q->lock);
	q->disk = *disk;
	q->memory.bytes_out += bytes_out;
	pthread_mutex_unlock(&q->lock);
}

/* What is lent unwritten waits for its verdict: it may never have to be written. */
static struct pl_lane *lane_to_write(struct pl_queue *q)
{
	struct pl_lane *behind = &q->lanes[PL_LANE_BEHIND], *live = &q->lanes[PL_LANE_LIVE];
	if (behind->n > 0)
		return behind->lent == 0 ? behind : NULL;
	return live->written < live->n && live->lent <= live->written ? live : NULL;
}

bool pl_queue_unwritten(struct pl_queue *q, struct pl_batch **b)
{
	pthread_mutex_lock(&q->lock);
	q->writing = lane_to_write(q);
	q->reader_idle = q->writing == NULL;
	if (q->writing != NULL)
		*b = pl_batch_share(pl_lane_at(q->writing, q->writing->written)->batch);
	pthread_mutex_unlock(&q->lock);
	return q->writing != NULL;
}

void pl_queue_written(struct pl_queue *q, struct pl_spool_ref ref, const struct pl_spool_account *disk)
{
	pthread_mutex_lock(&q->lock);
	struct pl_lane *l = q->writing;
	uint64_t points = pl_lane_at(l, l->written)->batch->points;
	q->memory.points_in -= points;
	q->memory.points_queued -= points;
	q->disk = *disk;
	pl_lane_mark_written(l, ref);
	if (l == &q->lanes[PL_LANE_BEHIND]) {
		pl_batch_release(pl_lane_take(l, 0).batch);
		q->forgotten++;
	}
	q->writing = NULL;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_unwritable(struct pl_queue *q)
{
	pthread_mutex_lock(&q->lock);
	drop(q, pl_lane_take(q->writing, q->writing->written), PL_DROP_FULL_NEWEST);
	q->writing = NULL;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_not_written(struct pl_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->writing = NULL;
	q->lanes[PL_LANE_LIVE].ready = q->lanes[PL_LANE_LIVE].n;
	q->reader_idle = true;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_forget_dropped(struct pl_queue *q, bool (*is_there)(void *data, uint64_t segment), void *data)
{
	pthread_mutex_lock(&q->lock);
	struct pl_lane *live = &q->lanes[PL_LANE_LIVE];
	for (size_t i = live->lent; i < live->written;) {
		if (is_there(data, pl_lane_at(live, i)->ref.segment))
			i++;
		else
			pl_batch_release(pl_lane_take(live, i).batch);
	}
	pthread_mutex_unlock(&q->lock);
}

struct pl_spool_ref pl_queue_first_written(const struct pl_queue *q, uint64_t *forgotten)
{
	struct pl_queue *unlocked = (struct pl_queue *)q;
	pthread_mutex_lock(&unlocked->lock);
	const struct pl_lane *live = &q->lanes[PL_LANE_LIVE];
	struct pl_spool_ref ref = live->written > 0 ? pl_lane_at(live, 0)->ref : (struct pl_spool_ref){0};
	*forgotten = q->forgotten;
	pthread_mutex_unlock(&unlocked->lock);
	return ref;
}
