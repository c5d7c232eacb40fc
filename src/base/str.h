/* A slice of bytes that somebody else owns. Not NUL-terminated; may hold any byte. */
#ifndef PL_BASE_STR_H
#define PL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pl_str {
	const char *p; /* borrowed; may be NULL when n is 0 */
	size_t n;      /* bytes */
};

#define PL_STR(LITERAL) ((struct pl_str){(LITERAL), sizeof(LITERAL) - 1})

static inline struct pl_str pl_str_of(const char *s)
{
	return (struct pl_str){s, s != NULL ? strlen(s) : 0};
}

static inline bool pl_str_eq(struct pl_str a, struct pl_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool pl_str_is(struct pl_str a, const char *s)
{
	return pl_str_eq(a, pl_str_of(s));
}

/* Bytewise order, a prefix before what it begins: <0, 0 or >0. */
int pl_str_cmp(struct pl_str a, struct pl_str b);

bool pl_str_starts(struct pl_str s, struct pl_str prefix);
bool pl_str_ends(struct pl_str s, struct pl_str suffix);

/* Without leading and trailing spaces, tabs, CR and LF. */
struct pl_str pl_str_trim(struct pl_str s);

/* Cuts `*rest` at its first `sep`: returns what stands before it and leaves what follows in `*rest`. Without a
 * `sep` returns all and leaves `*rest` empty with p == NULL, so that a loop `while (rest.p != NULL)` sees every part. */
struct pl_str pl_str_cut(struct pl_str *rest, char sep);

/* Whole-string integers: decimal digits, an optional `-` for the signed one. False when empty, otherwise shaped, or out of range.
 */
bool pl_str_i64(struct pl_str s, int64_t *out);
bool pl_str_u64(struct pl_str s, uint64_t *out);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool pl_str_utf8(struct pl_str s);

/* The length of the well-formed UTF-8 sequence that starts at p with n bytes left: 1 to 4, 0 if there is none. */
size_t pl_utf8_length(const char *p, size_t n);

/* Equal without telling by its duration where they differ; for secrets. The length may show. */
bool pl_str_eq_secret(struct pl_str a, struct pl_str b);

/* 64-bit xxHash (XXH3) of the bytes; stable over restarts and machines. */
uint64_t pl_str_hash(struct pl_str s, uint64_t seed);

#endif
