/* Names and values of line protocol written through a raw pointer, for those who reserved the room. Private to format/. */
#ifndef PL_FORMAT_LP_PUT_H
#define PL_FORMAT_LP_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "short copies put the first byte lowest");

enum pl_lp_part { PL_LP_MEASUREMENT, PL_LP_KEY, PL_LP_TAG_VALUE };

/* No text grows to more than this; PL_LP_SLACK bytes behind it may be written to, too. */
#define PL_LP_WORST(N) (2 * (N) + 1)
enum { PL_LP_SLACK = 16 };

/* Escapes byte by byte; returns the end. */
char *pl_lp_put_slowly(char *w, struct pl_str s, enum pl_lp_part part);

typedef signed char pl_lp_lane __attribute__((vector_size(16)));
typedef uint64_t pl_lp_words __attribute__((vector_size(16)));

/* Nonzero in the lanes that may need an escape: controls, space, `,`, `=`, `\`, DEL, and what is not ASCII (negative here). */
static inline pl_lp_lane pl_lp_suspects(pl_lp_lane v)
{
	return (pl_lp_lane)((v <= ' ') | (v == ',') | (v == '=') | (v == '\\') | (v == 0x7F));
}

static inline bool pl_lp_none(pl_lp_lane v)
{
	uint64_t half[2];
	memcpy(half, &v, sizeof half);
	return (half[0] | half[1]) == 0;
}

/* Up to 7 bytes as one word, without reading behind them; the rest of the word is zero. */
static inline uint64_t pl_lp_load_short(const char *p, size_t n)
{
	if (n >= 4) { /* two overlapping halves; where they overlap they are equal */
		uint32_t low, high;
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return low | (uint64_t)high << (8 * (n - 4));
	}
	if (n == 0)
		return 0;
	return (unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << (8 * (n / 2)) |
	       (uint64_t)(unsigned char)p[n - 1] << (8 * (n - 1));
}

/* Copies n bytes; writes up to 8 bytes behind them. */
static inline void pl_lp_copy(char *w, const char *p, size_t n)
{
	if (n < 8) {
		uint64_t word = pl_lp_load_short(p, n);
		memcpy(w, &word, 8);
	} else if (n <= 16) {
		uint64_t low, high;
		memcpy(&low, p, 8);
		memcpy(&high, p + n - 8, 8);
		memcpy(w, &low, 8);
		memcpy(w + n - 8, &high, 8);
	} else {
		memcpy(w, p, n);
	}
}

/* Copies n bytes and says whether none of them is a suspect; writes up to 8 bytes behind them. */
static inline bool pl_lp_copy_clean(char *w, const char *p, size_t n)
{
	if (n < 8) {
		const uint64_t harmless = UINT64_C(0x6161616161616161);
		uint64_t word = pl_lp_load_short(p, n);
		memcpy(w, &word, 8);
		pl_lp_words words = {word | harmless << (8 * n), harmless};
		return pl_lp_none(pl_lp_suspects((pl_lp_lane)words));
	}
	if (n < 16) {
		uint64_t low, high;
		memcpy(&low, p, 8);
		memcpy(&high, p + n - 8, 8);
		memcpy(w, &low, 8);
		memcpy(w + n - 8, &high, 8);
		/* Put together in a register: a vector read back from two stores of words waits until both are in the cache. */
		pl_lp_words words = {low, high};
		return pl_lp_none(pl_lp_suspects((pl_lp_lane)words));
	}
	pl_lp_lane v, suspects;
	memcpy(&v, p + n - 16, sizeof v);
	memcpy(w + n - 16, &v, sizeof v);
	suspects = pl_lp_suspects(v);
	for (size_t i = 0; i < n - 16; i += 16) {
		memcpy(&v, p + i, sizeof v);
		memcpy(w + i, &v, sizeof v);
		suspects |= pl_lp_suspects(v);
	}
	return pl_lp_none(suspects);
}

/* Escapes `s`; needs PL_LP_WORST(s.n) + PL_LP_SLACK bytes at w; returns the end. */
static inline char *pl_lp_put(char *w, struct pl_str s, enum pl_lp_part part)
{
	if (s.n > 0 && pl_lp_copy_clean(w, s.p, s.n) && (part != PL_LP_MEASUREMENT || *w != '#'))
		return w + s.n;
	return pl_lp_put_slowly(w, s, part);
}

#endif
