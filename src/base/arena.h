/* Memory that is freed all at once. Zero-initialise, pl_arena_finish when done. Not for concurrent use. */
#ifndef PL_BASE_ARENA_H
#define PL_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct pl_arena {
	struct pl_arena_block *blocks;
	size_t used; /* bytes handed out */
};

void pl_arena_finish(struct pl_arena *a);           /* frees everything; a is empty and usable again */
void *pl_arena_alloc(struct pl_arena *a, size_t n); /* zeroed, aligned for any type */
char *pl_arena_strndup(struct pl_arena *a, const char *s, size_t n);
char *pl_arena_strdup(struct pl_arena *a, const char *s);
struct pl_str pl_arena_str(struct pl_arena *a, struct pl_str s); /* a copy that lives as long as the arena, NUL behind it */
char *pl_arena_printf(struct pl_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
