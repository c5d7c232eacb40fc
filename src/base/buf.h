/* A growable byte buffer. Zero-initialise (`struct pl_buf b = {0}`), pl_buf_finish when done. */
#ifndef PL_BASE_BUF_H
#define PL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct pl_buf {
	char *p; /* owned; not NUL-terminated unless pl_buf_cstr was called last */
	size_t n, cap;
};

void pl_buf_finish(struct pl_buf *b); /* frees; b is empty and usable again */
char *pl_buf_reserve(struct pl_buf *b,
		     size_t more); /* room for `more` bytes at the end; returns where they go; then add to b->n */
void pl_buf_add(struct pl_buf *b, const void *p, size_t n);
void pl_buf_add_str(struct pl_buf *b, struct pl_str s);
void pl_buf_add_cstr(struct pl_buf *b, const char *s);
void pl_buf_add_char(struct pl_buf *b, char c);
void pl_buf_add_i64(struct pl_buf *b, int64_t v);  /* decimal */
void pl_buf_add_u64(struct pl_buf *b, uint64_t v); /* decimal */
void pl_buf_addf(struct pl_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pl_buf_addv(struct pl_buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0), nonnull(2)));
const char *pl_buf_cstr(struct pl_buf *b); /* NUL after the last byte (not counted in n); borrowed until the next change */
char *pl_buf_take(struct pl_buf *b);       /* gives the NUL-terminated block to the caller (free()); b is empty */

static inline void pl_buf_clear(struct pl_buf *b)
{
	b->n = 0;
}

static inline struct pl_str pl_buf_str(const struct pl_buf *b)
{
	return (struct pl_str){b->p, b->n};
}

#endif
