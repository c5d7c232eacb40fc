#include "in_relay/wheel.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FINEST_MS = 20, MOST_SLOTS = 4096 };

static uint64_t slot_at(const struct pl_in_relay_wheel *w, uint64_t now_ms)
{
	return now_ms / w->interval_ms * w->n_slots + now_ms % w->interval_ms * w->n_slots / w->interval_ms;
}

void pl_in_relay_wheel_init(struct pl_in_relay_wheel *w, uint64_t interval_ms, uint64_t now_ms)
{
	uint64_t n = interval_ms / FINEST_MS;
	*w = (struct pl_in_relay_wheel){.interval_ms = interval_ms, .n_slots = n < 1 ? 1 : n > MOST_SLOTS ? MOST_SLOTS : n};
	w->slots = pl_calloc(w->n_slots, sizeof *w->slots);
	for (size_t i = 0; i < w->n_slots; i++)
		TAILQ_INIT(&w->slots[i]);
	w->served = slot_at(w, now_ms);
}

void pl_in_relay_wheel_finish(struct pl_in_relay_wheel *w)
{
	free(w->slots);
	*w = (struct pl_in_relay_wheel){0};
}

void pl_in_relay_wheel_add(struct pl_in_relay_wheel *w, struct pl_in_relay_spoke *s)
{
	size_t slot = s->hash % w->n_slots;
	TAILQ_INSERT_TAIL(&w->slots[slot], s, of_slot);
	s->slot = slot + 1;
	s->turn = 0;
	w->n_members++;
}

void pl_in_relay_wheel_remove(struct pl_in_relay_wheel *w, struct pl_in_relay_spoke *s)
{
	if (s->slot == 0)
		return;
	TAILQ_REMOVE(&w->slots[s->slot - 1], s, of_slot);
	s->slot = 0;
	w->n_members--;
}

static void serve(struct pl_in_relay_wheel *w, uint64_t slot, void (*due)(void *data, struct pl_in_relay_spoke *s), void *data)
{
	uint64_t turn = slot / w->n_slots + 1;
	for (struct pl_in_relay_spoke *s = TAILQ_FIRST(&w->slots[slot % w->n_slots]), *next; s != NULL; s = next) {
		next = TAILQ_NEXT(s, of_slot);
		s->missed = s->turn == 0 ? 0 : turn - s->turn - 1;
		s->turn = turn;
		due(data, s);
	}
}

void pl_in_relay_wheel_turn(struct pl_in_relay_wheel *w, uint64_t now_ms, void (*due)(void *data, struct pl_in_relay_spoke *s),
			    void *data)
{
	uint64_t to = slot_at(w, now_ms), from = w->served;
	if (to - from > w->n_slots)
		from = to - w->n_slots;
	w->served = to;
	for (uint64_t slot = from + 1; slot <= to; slot++)
		serve(w, slot, due, data);
}

uint64_t pl_in_relay_wheel_wait(const struct pl_in_relay_wheel *w, uint64_t now_ms)
{
	uint64_t next = w->served + 1;
	uint64_t at = next / w->n_slots * w->interval_ms + (next % w->n_slots * w->interval_ms + w->n_slots - 1) / w->n_slots;
	return at > now_ms ? at - now_ms : 0;
}
