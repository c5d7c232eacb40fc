/* One notice for one receiver, as it waits: the document's text, and what the outbox must know of it without reading that. */
#ifndef PL_ALERTS_OUTBOX_ITEM_H
#define PL_ALERTS_OUTBOX_ITEM_H

#include "alerts/outbox.h"

struct pl_outbox_mark {
	uint64_t group; /* hash */
	bool alarm;     /* the level is not OK */
};

struct pl_outbox_item {
	struct pl_outbox_item *prev, *next; /* utlist, of its queue */
	struct pl_outbox_queue *queue;      /* NULL: it has left */
	struct pl_outbox *outbox;
	uint64_t seq;
	int64_t wall_ns; /* when it was added */
	char *text;      /* owned */
	size_t n;
	struct pl_outbox_mark *marks; /* of its events, in order; owned */
	size_t n_marks;
	unsigned puts;  /* writes under way */
	bool ready;     /* it was stored once, or cannot be: may be sent */
	bool in_flight; /* being sent */
};

/* A notice read back; valid as long as the arena. */
struct pl_outbox_content {
	struct pl_str receiver;
	int64_t wall_ns;
	struct pl_notice notice;
	const struct pl_str *groups; /* of each event */
};

struct pl_outbox_item *pl_outbox_item_create(uint64_t seq, struct pl_str receiver, int64_t wall_ns,
					     const struct pl_notice *notice, const struct pl_str *groups);
void pl_outbox_item_destroy(struct pl_outbox_item *i);

/* From a document. NULL: it is damaged or of another version. */
struct pl_outbox_item *pl_outbox_item_load(uint64_t seq, struct pl_str text, struct pl_arena *arena,
					   struct pl_outbox_content *out);

/* False: the text is no document (of ours). */
PL_MUST_CHECK bool pl_outbox_content_read(struct pl_arena *arena, struct pl_str text, struct pl_outbox_content *out);

/* Takes away event `i`; the text is another then. */
void pl_outbox_item_strike(struct pl_outbox_item *item, size_t i);

bool pl_outbox_item_calls_off(const struct pl_outbox_item *i); /* has a recovery */

#endif
