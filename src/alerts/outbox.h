/* What waits to be told to people: each notice for each receiver is a document in the state until the receiver has taken it.
 *
 * A receiver is an instance of a notifier, known by its name; for notices with a `post` URL each URL is a way of its own. Of one
 * alert everything goes one way in the order in which it was added, so that a recovery never overtakes its alarm; another alert
 * may pass while that one is being retried. Each receiver
 * gets one at a time. A failure is tried again after a wait that doubles from 1 s to 1 min, with jitter, or when the receiver
 * asked for it; the way waits, and the alert by itself.
 *
 * Told at least once: a notice that was sent just before a crash goes once more, with the same key.
 * All on the loop's thread. */
#ifndef PL_ALERTS_OUTBOX_H
#define PL_ALERTS_OUTBOX_H

#include "pipeline/plugin.h"
#include "store/state.h"

struct pl_outbox;

enum pl_outbox_end {
	PL_OUTBOX_SENT,
	PL_OUTBOX_REFUSED, /* by the receiver, for good */
	PL_OUTBOX_EXPIRED, /* older than max_age */
	PL_OUTBOX_DROPPED, /* there was no room */
	PL_OUTBOX_VOID,    /* a recovery whose alarm was given up */
	PL_OUTBOX_ENDS,
};
const char *pl_outbox_end_text(enum pl_outbox_end end); /* one word: "sent", "refused" ...; static */

/* Which event of which series of an alert; borrowed for the call. */
struct pl_outbox_event {
	struct pl_str alert, group;
	struct pl_str level; /* OK INFO WARNING CRITICAL */
};

struct pl_outbox_options {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_state *state; /* NULL: in memory only */
	size_t most;       /* notices that may wait; beyond them one is dropped: of the way with the most, the oldest without a
			    * recovery. 0: 10000 */
	size_t most_bytes; /* likewise; 0: 64 MiB */
	int64_t max_age;   /* ns until one is given up; 0: 72h */
	/* The end of a notice for one receiver, for each of its events; before its document is removed. May be NULL. */
	void (*settled)(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e,
			enum pl_outbox_end end);
	/* Has that receiver been told an alarm of this series that was not called off since? If not, giving up an alarm gives up
	 * the recovery that waits behind it. NULL: never. */
	bool (*reached)(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e);
	void *data;
	int64_t (*wall_ns)(void), (*mono_ns)(void); /* NULL: the clock's */
};

/* Blocks to load what waits. On failure `reason` says why. */
PL_MUST_CHECK enum pl_err pl_outbox_open(struct pl_outbox **out, const struct pl_outbox_options *options, char *reason,
					 size_t reason_size);

/* After the notifiers were closed (what is under way is then called off). `closed` from the loop, when the state has answered,
 * too. */
void pl_outbox_close(struct pl_outbox *o, void (*closed)(void *data), void *data);

struct pl_outbox_receiver {
	const char *name;
	const struct pl_notifier_ops *ops;
	void *self;
};

/* All receivers that there are from now on; copies. Instances that are not among them get nothing more, and may be closed then.
 * What waits for a name that is not there goes on waiting, until it is too old. */
void pl_outbox_receivers(struct pl_outbox *o, const struct pl_outbox_receiver *v, size_t n);

void pl_outbox_limits(struct pl_outbox *o, size_t most, int64_t max_age); /* as in the options */

/* Copies. `notice->key` is not used: the outbox makes one. `groups`: of the series of each event. All events are of one alert. */
void pl_outbox_add(struct pl_outbox *o, struct pl_str receiver, const struct pl_notice *notice, const struct pl_str *groups);

/* How many wait for a receiver (one under way included) of an alert's. */
size_t pl_outbox_waiting(const struct pl_outbox *o, struct pl_str receiver, struct pl_str post, struct pl_str alert);

/* Does what is due. The outbox calls it by its own timer. */
void pl_outbox_tick(struct pl_outbox *o);

struct pl_outbox_stats {
	const char *receiver;
	bool known;                     /* there is such a notifier now */
	uint64_t queued;                /* added, and loaded at the start */
	uint64_t retried;               /* attempts that failed and were put off */
	uint64_t ended[PL_OUTBOX_ENDS]; /* queued = waiting + their sum */
	size_t waiting, bytes;
};
/* Calls `each` for every receiver, in no order. */
void pl_outbox_each(const struct pl_outbox *o, void (*each)(void *data, const struct pl_outbox_stats *stats), void *data);

/* Appends a JSON array with an object of each receiver: name, known, waiting, oldest, lastError, lastErrorTime, nextAttempt,
 * sent, retried, refused, expired, dropped, void. */
void pl_outbox_json(const struct pl_outbox *o, struct pl_buf *out);

#endif
