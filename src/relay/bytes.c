#include "relay/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 4096, KEPT_CAP = 65536 };

void pl_relay_bytes_finish(struct pl_relay_bytes *b)
{
	free(b->p);
	*b = (struct pl_relay_bytes){0};
}

char *pl_relay_bytes_room(struct pl_relay_bytes *b, size_t more, size_t limit)
{
	size_t held = pl_relay_bytes_count(b);
	if (more > limit || held > limit - more)
		return NULL;
	if (b->cap - b->n >= more)
		return b->p + b->n;
	if (b->from > 0) {
		memmove(b->p, b->p + b->from, held);
		b->from = 0;
		b->n = held;
	}
	if (b->cap - b->n < more) {
		size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
		while (cap - b->n < more)
			cap *= 2;
		char *p = realloc(b->p, cap);
		if (p == NULL)
			return NULL;
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

bool pl_relay_bytes_add(struct pl_relay_bytes *b, const void *p, size_t n, size_t limit)
{
	if (n == 0)
		return true;
	char *to = pl_relay_bytes_room(b, n, limit);
	if (to == NULL)
		return false;
	memcpy(to, p, n);
	b->n += n;
	return true;
}

void pl_relay_bytes_drop(struct pl_relay_bytes *b, size_t n)
{
	b->from += n;
	if (b->from < b->n)
		return;
	b->from = b->n = 0;
	if (b->cap > KEPT_CAP)
		pl_relay_bytes_finish(b);
}
