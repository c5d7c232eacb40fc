#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 64, LONGEST_DECIMAL = 20 };

void pl_buf_finish(struct pl_buf *b)
{
	free(b->p);
	*b = (struct pl_buf){0};
}

char *pl_buf_reserve(struct pl_buf *b, size_t more)
{
	if (b->p == NULL || b->cap - b->n < more) {
		size_t need = b->n + more, cap = b->cap > 0 ? b->cap : FIRST_CAPACITY;
		if (need < more || need > PTRDIFF_MAX)
			need = cap = SIZE_MAX; /* a size that nobody bounded: the allocation fails and says so */
		while (cap < need)
			cap += cap / 2 + FIRST_CAPACITY;
		b->p = pl_realloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void pl_buf_add(struct pl_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(pl_buf_reserve(b, n), p, n);
	b->n += n;
}

void pl_buf_add_str(struct pl_buf *b, struct pl_str s)
{
	pl_buf_add(b, s.p, s.n);
}

void pl_buf_add_cstr(struct pl_buf *b, const char *s)
{
	pl_buf_add(b, s, strlen(s));
}

void pl_buf_add_char(struct pl_buf *b, char c)
{
	*pl_buf_reserve(b, 1) = c;
	b->n++;
}

void pl_buf_add_u64(struct pl_buf *b, uint64_t v)
{
	char digits[LONGEST_DECIMAL];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	pl_buf_add(b, digits + at, sizeof digits - at);
}

void pl_buf_add_i64(struct pl_buf *b, int64_t v)
{
	if (v < 0)
		pl_buf_add_char(b, '-');
	pl_buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void pl_buf_addv(struct pl_buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	if (n > 0) {
		vsnprintf(pl_buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void pl_buf_addf(struct pl_buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	pl_buf_addv(b, format, args);
	va_end(args);
}

const char *pl_buf_cstr(struct pl_buf *b)
{
	*pl_buf_reserve(b, 1) = '\0';
	return b->p;
}

char *pl_buf_take(struct pl_buf *b)
{
	pl_buf_cstr(b);
	char *p = b->p;
	*b = (struct pl_buf){0};
	return p;
}
