/* A byte queue with a bound. Unlike base/buf.h it reports when memory is short: a library does not end its host. */
#ifndef PL_RELAY_BYTES_H
#define PL_RELAY_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise. The bytes are p[from .. n). */
struct pl_relay_bytes {
	char *p;
	size_t from, n, cap;
};

void pl_relay_bytes_finish(struct pl_relay_bytes *b); /* frees; empty and usable again */

/* Room for `more` bytes behind the last, if then no more than `limit` are in the queue. NULL: none; nothing has changed. */
char *pl_relay_bytes_room(struct pl_relay_bytes *b, size_t more, size_t limit);

/* Appends all or nothing. */
bool pl_relay_bytes_add(struct pl_relay_bytes *b, const void *p, size_t n, size_t limit);

void pl_relay_bytes_drop(struct pl_relay_bytes *b, size_t n); /* the first n, which have been used */

static inline size_t pl_relay_bytes_count(const struct pl_relay_bytes *b)
{
	return b->n - b->from;
}

#endif
