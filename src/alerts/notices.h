/* Who is told what of an alert's events, and when. Between an event and the outbox.
 *
 * Of each series of an alert (a group of Kapacitor's) it is remembered at which level it is and which level each receiver was
 * told; whenever these differ and nothing speaks against it, the receiver is told. What speaks against it:
 *
 * - cooldown: after an alarm no further one of the series within it, unless the level rises above that of the last; at its end
 * what is still so is told. A recovery is never kept back by it.
 * - group_wait: what changes within it after the first change of an alert goes as one notice, the worst of each series and its
 * last; to the alert's `post` URL each by itself, as pulse's receivers know it.
 * - hold: while our own pipeline is behind, a deadman alert says more of us than of the series. Such an alarm is held until the
 *   pipeline has caught up and the alert's duration has passed without a sign of life.
 * - no group: the group "nil" of a deadman alert that has group tags stands for no series: recorded, never told.
 *
 * A recovery goes to everyone whom an alarm was told, whatever the alert says by then; the end of an alert counts as a recovery.
 * A reminder repeats what is still so, unless the last words still wait to be sent.
 *
 * All of it is kept in the state, so that it goes on after a restart. All on the loop's thread. */
#ifndef PL_ALERTS_NOTICES_H
#define PL_ALERTS_NOTICES_H

#include "alerts/event.h"
#include "alerts/outbox.h"

struct pl_notices;

/* The receiver that stands for an alert's own `post` URL. */
#define PL_NOTICES_POST "post"

struct pl_notices_options {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_state *state; /* NULL: in memory only */
	size_t outbox;          /* as in pl_outbox_options */
	int64_t outbox_age;     /* likewise */
	size_t most;            /* series remembered; beyond them the one longest OK is forgotten, then the oldest. 0: 20000 */
	size_t most_bytes;      /* likewise; 0: 64 MiB */
	/* The alert of that id as it is now, valid for the call; NULL: there is none, what its receivers are told. */
	const struct pl_alert *(*find)(void *data, struct pl_str id);
	void *data;
	int64_t (*wall_ns)(void), (*mono_ns)(void); /* NULL: the clock's */
};

/* Blocks to load what was known and what waits. On failure `reason` says why. */
PL_MUST_CHECK enum pl_err pl_notices_open(struct pl_notices **out, const struct pl_notices_options *options, char *reason,
					  size_t reason_size);

/* To be called once when `find` can answer. */
void pl_notices_start(struct pl_notices *n);

/* After the notifiers were closed, before the state. */
void pl_notices_close(struct pl_notices *n, void (*closed)(void *data), void *data);

struct pl_outbox *pl_notices_outbox(struct pl_notices *n); /* its own: for the receivers, limits and figures */

/* Names of the notifiers of alerts that name none. Copies. */
void pl_notices_notify(struct pl_notices *n, struct pl_strings names);

/* What became of an event. */
enum pl_notices_fate {
	PL_NOTICES_TAKEN,
	PL_NOTICES_DUPLICATE, /* said before: nothing to record either */
	PL_NOTICES_HELD,      /* cause "pipeline" */
	PL_NOTICES_QUIET,     /* cause "no group" */
};
const char *pl_notices_cause(enum pl_notices_fate fate); /* "", or the cause to record; static */

/* `group`: Kapacitor's; `title`: see pl_tick_title. Copies. */
enum pl_notices_fate pl_notices_event(struct pl_notices *n, const struct pl_alert *a, struct pl_str group, struct pl_str title,
				      const struct pl_alert_event *e);

/* The pipeline is behind, or has caught up. At the start it counts as having caught up just then. */
void pl_notices_pipeline(struct pl_notices *n, bool behind);

/* Would an alarm of this alert be held now? */
bool pl_notices_hold(const struct pl_notices *n, const struct pl_alert *a);

/* The alert ends, or begins anew as another: everyone whom an alarm was told is told that it is over; `cause`: "deleted",
 * "disabled", "changed". */
void pl_notices_end(struct pl_notices *n, struct pl_str alert, const char *cause);

/* Alerts came, changed or went: looks at all that is remembered; series of alerts that are gone or not enabled end. */
void pl_notices_reload(struct pl_notices *n);

/* Does what is due. It is called by its own timer. */
void pl_notices_tick(struct pl_notices *n);

/* How many series of an alert are not OK, and the highest level of theirs. */
size_t pl_notices_firing(const struct pl_notices *n, struct pl_str alert, int *level);

struct pl_notices_stats {
	size_t series, firing, held, bytes; /* now */
	uint64_t told, reminders;           /* events given to the outbox, for each receiver */
	uint64_t duplicates;
	uint64_t cooled;    /* alarms kept back by a cooldown */
	uint64_t forgotten; /* series, for want of room */
};
struct pl_notices_stats pl_notices_stats(const struct pl_notices *n);

#endif
