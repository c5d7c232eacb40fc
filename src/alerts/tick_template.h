/* The templates of tick/, as they are embedded in the program, and how one is filled.
 *
 * Line by line: comments and empty lines are left out; a line that begins with [word] is kept once for each i from 0 on as long
 * as `keep` says so; each @word@ in it is replaced by what `put` appends. */
#ifndef PL_ALERTS_TICK_TEMPLATE_H
#define PL_ALERTS_TICK_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

extern const unsigned char pl_tick_threshold[], pl_tick_deadman[], pl_tick_relative[];
extern const size_t pl_tick_threshold_size, pl_tick_deadman_size, pl_tick_relative_size;

struct pl_tick_filler {
	bool (*keep)(const void *data, struct pl_str word, size_t i);
	void (*put)(const void *data, struct pl_str word, size_t i, struct pl_buf *out);
	const void *data;
};
void pl_tick_template_fill(struct pl_str text, const struct pl_tick_filler *filler, struct pl_buf *out);

#endif
