/* A set of 64-bit hashes, each with a number beside it. Internal to the exposition checker.
 * What hashes alike is taken for the same: for a million members that errs once in a hundred million pages. */
#ifndef PL_FORMAT_EXPOSITION_SET_H
#define PL_FORMAT_EXPOSITION_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PL_EXPOSITION_SET_MAX = 1000000 };

/* Zero-initialise. */
struct pl_exposition_set {
	struct pl_exposition_set_slot *slots;
	size_t n, cap;
};

void pl_exposition_set_finish(struct pl_exposition_set *s);
void pl_exposition_set_clear(struct pl_exposition_set *s);

/* The number beside `hash`, or NULL. */
const size_t *pl_exposition_set_get(const struct pl_exposition_set *s, uint64_t hash);

/* Adds a hash that is not in the set. PL_ELIMIT beyond PL_EXPOSITION_SET_MAX. */
PL_MUST_CHECK enum pl_err pl_exposition_set_add(struct pl_exposition_set *s, uint64_t hash, size_t number);

#endif
