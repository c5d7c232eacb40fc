/* Spreads members over an interval by a hash, so that in each moment a few of them are due and never all at once. */
#ifndef PL_IN_RELAY_WHEEL_H
#define PL_IN_RELAY_WHEEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct pl_in_relay_spoke { /* embedded in a member; zero-initialise */
	TAILQ_ENTRY(pl_in_relay_spoke) of_slot;
	uint64_t hash;
	size_t slot;     /* index + 1; 0: in no wheel */
	uint64_t turn;   /* the last one that it was due in, + 1; 0: none so far */
	uint64_t missed; /* for `due`: intervals since the last time in which it was not called */
};

TAILQ_HEAD(pl_in_relay_slot, pl_in_relay_spoke);

struct pl_in_relay_wheel {
	struct pl_in_relay_slot *slots; /* owned */
	size_t n_slots, n_members;
	uint64_t interval_ms;
	uint64_t served; /* the last slot served, counted since time began */
};

void pl_in_relay_wheel_init(struct pl_in_relay_wheel *w, uint64_t interval_ms, uint64_t now_ms); /* interval_ms >= 1 */
void pl_in_relay_wheel_finish(struct pl_in_relay_wheel *w);                                      /* without members */

/* Due each time that the clock is hash mod interval, to the slot. */
void pl_in_relay_wheel_add(struct pl_in_relay_wheel *w, struct pl_in_relay_spoke *s);
void pl_in_relay_wheel_remove(struct pl_in_relay_wheel *w, struct pl_in_relay_spoke *s); /* nothing if it is in none */

/* Calls `due` for each member whose moment came since the last turn: once, however many intervals that is ago. `due` may remove
 * the one that it is called for and no other, and must not add. */
void pl_in_relay_wheel_turn(struct pl_in_relay_wheel *w, uint64_t now_ms, void (*due)(void *data, struct pl_in_relay_spoke *s),
			    void *data);
uint64_t pl_in_relay_wheel_wait(const struct pl_in_relay_wheel *w, uint64_t now_ms); /* ms until the next slot */

#endif
