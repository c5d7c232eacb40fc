#ifndef PL_ALERTS_OUTBOX_PRIVATE_H
#define PL_ALERTS_OUTBOX_PRIVATE_H

#include "alerts/outbox.h"
#include "alerts/outbox_way.h"

struct pl_outbox {
	struct pl_outbox_options options;
	struct pl_outbox_receiver_state *receivers; /* uthash by name */
	size_t n, bytes;                            /* that wait */
	uint64_t nonce, next_seq;
	uv_timer_t timer;
	struct pl_outbox_removal *removals; /* utlist: those that the state has not taken yet */
	size_t calls;                       /* to the state, not answered yet */
	struct pl_incident storing;
	bool closing, timer_closed;
	void (*closed)(void *data);
	void *closed_data;
};

/* A document that is to go. */
struct pl_outbox_removal {
	struct pl_outbox_removal *prev, *next; /* utlist */
	struct pl_outbox *outbox;
	uint64_t seq;
};

void pl_outbox_free(struct pl_outbox *o); /* nothing is under way any more */

#endif
