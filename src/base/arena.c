#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An arena that holds little costs little: there is one for every static_configs entry. */
enum { FIRST_BLOCK_BYTES = 512, BLOCK_BYTES = 4096, ALIGN = alignof(max_align_t) };

struct pl_arena_block {
	struct pl_arena_block *next;
	size_t used, cap;
	alignas(max_align_t) char bytes[];
};

void pl_arena_finish(struct pl_arena *a)
{
	for (struct pl_arena_block *b = a->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct pl_arena){0};
}

void *pl_arena_alloc(struct pl_arena *a, size_t n)
{
	if (n > PTRDIFF_MAX - BLOCK_BYTES)
		pl_alloc(SIZE_MAX); /* a size that nobody bounded: fails and says so */
	size_t need = (n + ALIGN - 1) / ALIGN * ALIGN;
	struct pl_arena_block *b = a->blocks;
	if (b == NULL || b->cap - b->used < need) {
		size_t usual = (b == NULL ? FIRST_BLOCK_BYTES : BLOCK_BYTES) - sizeof *b;
		size_t cap = need > usual / 4 ? need : usual;
		struct pl_arena_block *fresh = pl_alloc(sizeof *fresh + cap);
		fresh->used = 0;
		fresh->cap = cap;
		if (b != NULL && cap == need) { /* keep the open block in front; the large one is full at once */
			fresh->next = b->next;
			b->next = fresh;
		} else {
			fresh->next = b;
			a->blocks = fresh;
		}
		b = fresh;
	}
	void *p = b->bytes + b->used;
	b->used += need;
	a->used += need;
	return memset(p, 0, n);
}

char *pl_arena_strndup(struct pl_arena *a, const char *s, size_t n)
{
	char *copy = pl_arena_alloc(a, n + 1);
	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

char *pl_arena_strdup(struct pl_arena *a, const char *s)
{
	return pl_arena_strndup(a, s, strlen(s));
}

struct pl_str pl_arena_str(struct pl_arena *a, struct pl_str s)
{
	return (struct pl_str){pl_arena_strndup(a, s.p, s.n), s.n};
}

char *pl_arena_printf(struct pl_arena *a, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	char *p = pl_arena_alloc(a, n > 0 ? (size_t)n + 1 : 1);
	if (n > 0)
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	va_end(args);
	return p;
}
