/* A label set: names and values, sorted bytewise by name, names unique.
 * Names match [a-zA-Z_][a-zA-Z0-9_]*, values are any UTF-8 (https://prometheus.io/docs/concepts/data_model/). */
#ifndef PL_FORMAT_LABELS_H
#define PL_FORMAT_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct pl_label {
	struct pl_str name, value;
};

/* A view; whoever made it says who owns the bytes. */
struct pl_labels {
	const struct pl_label *v;
	size_t n;
};

/* The value of `name`, or NULL. */
const struct pl_str *pl_labels_get(struct pl_labels set, struct pl_str name);
bool pl_labels_eq(struct pl_labels a, struct pl_labels b);
uint64_t pl_labels_hash(struct pl_labels set, uint64_t seed); /* stable over restarts */
bool pl_label_name_valid(struct pl_str name);
struct pl_labels pl_labels_copy(struct pl_arena *arena, struct pl_labels set); /* all bytes copied into the arena */

/* Appends {"name":"value",...}. */
void pl_labels_json(struct pl_buf *out, struct pl_labels set);

/* Builds a set. Zero-initialise; keeps its sorted array in `v` (owned), the strings stay borrowed. */
struct pl_labels_builder {
	struct pl_label *v;
	size_t n, cap;
};

void pl_labels_builder_finish(struct pl_labels_builder *b);
void pl_labels_builder_clear(struct pl_labels_builder *b);
void pl_labels_builder_set(struct pl_labels_builder *b, struct pl_str name,
			   struct pl_str value); /* adds or replaces; borrows both */
void pl_labels_builder_remove(struct pl_labels_builder *b, struct pl_str name);
struct pl_labels pl_labels_builder_view(const struct pl_labels_builder *b); /* borrowed until the next change */

#endif
