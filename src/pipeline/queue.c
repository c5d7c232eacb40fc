#include "pipeline/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a batch costs beside its lines: the struct, two heap headers, its place in the ring. */
enum { BATCH_OVERHEAD = sizeof(struct pl_batch) + 48, FIRST_SLOTS = 16 };

struct pl_queue {
	pthread_mutex_t lock; /* guards all below */
	struct pl_batch **ring;
	size_t slots, head, n; /* slots is a power of two */
	size_t lent;           /* the first ones */
	uint64_t held;         /* bytes with overhead */
	uint64_t max_bytes;
	enum pl_drop_policy policy;
	bool reader_idle;
	uint64_t wake_at; /* so many bytes queued are to wake a reader that is not idle; UINT64_MAX: none */
	struct pl_queue_account account;
};

struct pl_queue *pl_queue_create(uint64_t max_bytes, enum pl_drop_policy policy)
{
	struct pl_queue *q = pl_calloc(1, sizeof *q);
	pthread_mutex_init(&q->lock, NULL);
	q->slots = FIRST_SLOTS;
	q->ring = pl_calloc(q->slots, sizeof *q->ring);
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
	pl_queue_abandon(q, PL_DROP_SHUTDOWN);
	pthread_mutex_destroy(&q->lock);
	free(q->ring);
	free(q);
}

static struct pl_batch **slot(struct pl_queue *q, size_t i)
{
	return &q->ring[(q->head + i) & (q->slots - 1)];
}

static void make_room(struct pl_queue *q)
{
	if (q->n < q->slots)
		return;
	struct pl_batch **wider = pl_calloc(q->slots * 2, sizeof *wider);
	for (size_t i = 0; i < q->n; i++)
		wider[i] = *slot(q, i);
	free(q->ring);
	q->ring = wider;
	q->slots *= 2;
	q->head = 0;
}

static void account_in(struct pl_queue *q, const struct pl_batch *b)
{
	q->account.points_queued += b->points;
	q->account.bytes_queued += b->n;
	q->account.batches_queued++;
	q->held += b->n + BATCH_OVERHEAD;
}

static void account_gone(struct pl_queue *q, const struct pl_batch *b)
{
	q->account.points_queued -= b->points;
	q->account.bytes_queued -= b->n;
	q->account.batches_queued--;
	q->held -= b->n + BATCH_OVERHEAD;
}

/* Drops the oldest batch that is not lent, moving the lent ones over its place. */
static void drop_oldest(struct pl_queue *q)
{
	struct pl_batch *b = *slot(q, q->lent);
	for (size_t i = q->lent; i > 0; i--)
		*slot(q, i) = *slot(q, i - 1);
	q->head++;
	q->n--;
	account_gone(q, b);
	q->account.dropped[PL_DROP_FULL_OLDEST] += b->points;
	pl_batch_release(b);
}

static bool fits(const struct pl_queue *q, const struct pl_batch *b)
{
	return q->held + b->n + BATCH_OVERHEAD <= q->max_bytes;
}

bool pl_queue_put(struct pl_queue *q, struct pl_batch *b)
{
	pthread_mutex_lock(&q->lock);
	bool wake = false;
	q->account.points_in += b->points;
	q->account.bytes_in += b->n;
	if (q->policy == PL_POLICY_DROP_OLDEST && b->n + BATCH_OVERHEAD <= q->max_bytes)
		while (!fits(q, b) && q->n > q->lent)
			drop_oldest(q);
	if (fits(q, b)) {
		make_room(q);
		*slot(q, q->n++) = pl_batch_share(b);
		account_in(q, b);
		wake = q->reader_idle || q->account.bytes_queued >= q->wake_at;
		if (wake)
			q->wake_at = UINT64_MAX;
		q->reader_idle = false;
	} else {
		q->account.dropped[PL_DROP_FULL_NEWEST] += b->points;
	}
	pthread_mutex_unlock(&q->lock);
	return wake;
}

bool pl_queue_wait_for(struct pl_queue *q, uint64_t bytes)
{
	pthread_mutex_lock(&q->lock);
	bool wait = q->n > 0 && q->account.bytes_queued < bytes;
	q->wake_at = wait ? bytes : UINT64_MAX;
	pthread_mutex_unlock(&q->lock);
	return wait;
}

size_t pl_queue_lend(struct pl_queue *q, size_t max_bytes, struct pl_batch **out, size_t cap)
{
	pthread_mutex_lock(&q->lock);
	q->wake_at = UINT64_MAX;
	size_t k = 0, bytes = 0;
	while (k < q->n && k < cap) {
		struct pl_batch *b = *slot(q, k);
		if (k > 0 && (bytes + b->n > max_bytes || !pl_route_eq(b->route, out[0]->route)))
			break;
		bytes += b->n;
		out[k++] = b;
	}
	q->lent = k;
	q->reader_idle = k == 0;
	pthread_mutex_unlock(&q->lock);
	return k;
}

static struct pl_batch *take_first(struct pl_queue *q)
{
	struct pl_batch *b = *slot(q, 0);
	q->head++;
	q->n--;
	account_gone(q, b);
	return b;
}

void pl_queue_settle(struct pl_queue *q, size_t n_done, uint32_t refused, enum pl_drop why)
{
	pthread_mutex_lock(&q->lock);
	uint64_t points = 0;
	for (size_t i = 0; i < n_done; i++) {
		struct pl_batch *b = take_first(q);
		points += b->points;
		q->account.bytes_out += b->n;
		pl_batch_release(b);
	}
	uint64_t lost = refused < points ? refused : points;
	q->account.dropped[why] += lost;
	q->account.points_out += points - lost;
	q->lent = 0;
	pthread_mutex_unlock(&q->lock);
}

bool pl_queue_split_first(struct pl_queue *q)
{
	struct pl_batch *first, *second;
	pthread_mutex_lock(&q->lock);
	q->lent = 0;
	bool split = pl_batch_split(*slot(q, 0), &first, &second);
	if (split) {
		pl_batch_release(take_first(q));
		make_room(q);
		q->head--;
		*slot(q, 0) = second;
		q->n++;
		make_room(q);
		q->head--;
		*slot(q, 0) = first;
		q->n++;
		account_in(q, first);
		account_in(q, second);
	}
	pthread_mutex_unlock(&q->lock);
	return split;
}

uint64_t pl_queue_move(struct pl_queue *from, struct pl_queue *to)
{
	struct pl_batch *b;
	uint64_t points = 0;
	while (pl_queue_lend(from, 0, &b, 1) == 1) {
		pl_queue_put(to, b);
		points += b->points;
		pl_queue_settle(from, 1, 0, PL_DROP_SHUTDOWN);
	}
	return points;
}

void pl_queue_abandon(struct pl_queue *q, enum pl_drop why)
{
	pthread_mutex_lock(&q->lock);
	while (q->n > 0) {
		struct pl_batch *b = take_first(q);
		q->account.dropped[why] += b->points;
		pl_batch_release(b);
	}
	q->lent = 0;
	pthread_mutex_unlock(&q->lock);
}

void pl_queue_set_limit(struct pl_queue *q, uint64_t max_bytes, enum pl_drop_policy policy)
{
	pthread_mutex_lock(&q->lock);
	q->max_bytes = max_bytes;
	q->policy = policy;
	pthread_mutex_unlock(&q->lock);
}

struct pl_queue_account pl_queue_account(const struct pl_queue *q)
{
	struct pl_queue *unlocked = (struct pl_queue *)q;
	pthread_mutex_lock(&unlocked->lock);
	struct pl_queue_account account = q->account;
	account.bytes_limit = q->max_bytes;
	account.oldest_mono_ns = q->n > 0 ? (*slot(unlocked, 0))->sealed_mono_ns : 0;
	pthread_mutex_unlock(&unlocked->lock);
	return account;
}
