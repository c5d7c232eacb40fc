#include "pipeline/builder.h"

#include <stdlib.h>

#include "base/mem.h"

/* Lines of this many bytes become a batch of their own, which saves copying them. */
enum { TAKE_WHOLE_BYTES = 32 * 1024 };

struct pl_builder_slot {
	struct pl_route *route;
	struct pl_buf lines;
	uint32_t points;
	int64_t opened_mono_ns; /* of the first line; meaningless while there is none */
};

void pl_builder_init(struct pl_builder *b, void (*sealed)(void *data, struct pl_batch *b), void *data)
{
	*b = (struct pl_builder){.sealed = sealed, .data = data};
}

static void drop_slot(struct pl_builder *b, size_t i)
{
	pl_route_release(b->slots[i].route);
	pl_buf_finish(&b->slots[i].lines);
	b->slots[i] = b->slots[--b->n];
}

void pl_builder_finish(struct pl_builder *b)
{
	while (b->n > 0)
		drop_slot(b, b->n - 1);
	free(b->slots);
	b->slots = NULL;
}

static void seal(struct pl_builder *b, struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct pl_batch *batch = pl_batch_create(route, lines, points);
	b->sealed(b->data, batch);
	pl_batch_release(batch);
}

static void seal_slot(struct pl_builder *b, struct pl_builder_slot *s)
{
	if (s->lines.n > 0)
		seal(b, s->route, &s->lines, s->points);
	s->points = 0;
}

static struct pl_builder_slot *slot_of(struct pl_builder *b, struct pl_route *route)
{
	for (size_t i = 0; i < b->n; i++)
		if (pl_route_eq(b->slots[i].route, route))
			return &b->slots[i];
	b->slots = pl_realloc(b->slots, (b->n + 1) * sizeof *b->slots);
	b->slots[b->n] = (struct pl_builder_slot){.route = pl_route_share(route)};
	return &b->slots[b->n++];
}

void pl_builder_add(struct pl_builder *b, struct pl_route *route, struct pl_buf *lines, uint32_t points, int64_t mono_ns)
{
	if (lines->n >= TAKE_WHOLE_BYTES) {
		seal(b, route, lines, points);
		return;
	}
	struct pl_builder_slot *s = slot_of(b, route);
	if (s->lines.n + lines->n > PL_BATCH_SEAL_BYTES)
		seal_slot(b, s);
	if (s->lines.n == 0)
		s->opened_mono_ns = mono_ns;
	pl_buf_add(&s->lines, lines->p, lines->n);
	s->points += points;
	pl_buf_clear(lines);
}

int64_t pl_builder_flush(struct pl_builder *b, int64_t mono_ns)
{
	int64_t next = INT64_MAX;
	for (size_t i = b->n; i-- > 0;) {
		struct pl_builder_slot *s = &b->slots[i];
		if (s->lines.n > 0 && mono_ns < s->opened_mono_ns + PL_BATCH_SEAL_NS) {
			int64_t due = s->opened_mono_ns + PL_BATCH_SEAL_NS;
			next = due < next ? due : next;
			continue;
		}
		seal_slot(b, s);
		drop_slot(b, i);
	}
	return next;
}
