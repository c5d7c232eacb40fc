/* Where the outbox's items wait: by receiver, by way (the receiver itself, or a URL), by alert. */
#ifndef PL_ALERTS_OUTBOX_WAY_H
#define PL_ALERTS_OUTBOX_WAY_H

#include <uthash.h>

#include "alerts/outbox_item.h"
#include "base/incident.h"
#include "pipeline/backoff.h"

/* Of one alert, in order. */
struct pl_outbox_queue {
	struct pl_outbox_way *way;
	struct pl_outbox_item *items; /* utlist; never empty but while it is being made or sent from */
	struct pl_backoff backoff;
	int64_t not_before; /* mono */
	size_t n;
	unsigned pins; /* by those who walk it: it stays though it is empty */
	char *alert;
	UT_hash_handle hh;
};

struct pl_outbox_way {
	struct pl_outbox_receiver_state *receiver;
	struct pl_outbox_queue *queues; /* uthash by alert */
	struct pl_backoff backoff;
	int64_t not_before; /* mono */
	size_t n;           /* items */
	char *post;
	UT_hash_handle hh;
};

struct pl_outbox_receiver_state {
	struct pl_outbox *outbox;
	char *name;
	const struct pl_notifier_ops *ops; /* NULL: there is no such notifier now */
	void *self;
	struct pl_outbox_way *ways; /* uthash by post */
	struct pl_outbox_stats stats;
	struct pl_incident trouble, loss; /* it does not take any; some were given up */
	char error[256];
	int64_t error_wall_ns; /* 0: none yet */
	int64_t due;           /* mono: when it next has something to send; INT64_MAX: it has not */
	/* What is being sent. */
	struct pl_outbox_item *item; /* NULL: nothing is */
	void *item_self;             /* the instance that sends it */
	struct pl_notice_delivery delivery;
	struct pl_arena arena;
	struct pl_outbox_content content;
	bool running; /* its loop of sends is on the stack */
	UT_hash_handle hh;
};

struct pl_outbox_receiver_state *pl_outbox_receiver_find(struct pl_outbox_receiver_state **all, struct pl_str name);
struct pl_outbox_receiver_state *pl_outbox_receiver_get(struct pl_outbox_receiver_state **all, struct pl_str name,
							struct pl_outbox *o);
void pl_outbox_receiver_destroy(struct pl_outbox_receiver_state **all, struct pl_outbox_receiver_state *r); /* nothing waits */

/* Takes the item to the end of its queue, made when it is not there. */
void pl_outbox_receiver_push(struct pl_outbox_receiver_state *r, struct pl_str post, struct pl_str alert,
			     struct pl_outbox_item *item);

/* Takes the item out; its queue and way go when they are empty. */
void pl_outbox_item_leave(struct pl_outbox_item *item);
void pl_outbox_queue_tidy(struct pl_outbox_queue *q); /* frees it and its way when they are empty */

const struct pl_outbox_queue *pl_outbox_receiver_queue(const struct pl_outbox_receiver_state *r, struct pl_str post,
						       struct pl_str alert);

/* The next that may be sent at `mono_ns`, or NULL and when there may be one: INT64_MAX: nothing waits but for the disk. */
struct pl_outbox_item *pl_outbox_receiver_pick(const struct pl_outbox_receiver_state *r, int64_t mono_ns, int64_t *due);

void pl_outbox_queue_failed(struct pl_outbox_queue *q, int64_t mono_ns, int64_t asked_ns);
void pl_outbox_queue_passed(struct pl_outbox_queue *q);
void pl_outbox_receiver_hurry(struct pl_outbox_receiver_state *r); /* forgets that anything failed */

#endif
