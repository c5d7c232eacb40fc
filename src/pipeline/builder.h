/* Gathers lines of one worker into batches, one open batch per route. A batch is sealed at 256 KiB or one second after its first
 * line. */
#ifndef PL_PIPELINE_BUILDER_H
#define PL_PIPELINE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/batch.h"

enum { PL_BATCH_SEAL_BYTES = 256 * 1024 };
#define PL_BATCH_SEAL_NS (INT64_C(1000) * 1000 * 1000)

struct pl_builder_slot;

struct pl_builder {
	struct pl_builder_slot *slots; /* owned; one per route seen, the idle ones freed at a flush */
	size_t n;
	void (*sealed)(void *data, struct pl_batch *b); /* takes a reference if it keeps the batch */
	void *data;
};

void pl_builder_init(struct pl_builder *b, void (*sealed)(void *data, struct pl_batch *b), void *data);
void pl_builder_finish(struct pl_builder *b); /* what was not flushed is lost: flush first */

/* Takes complete lines; `lines` is left empty, keeping or giving away its memory. */
void pl_builder_add(struct pl_builder *b, struct pl_route *route, struct pl_buf *lines, uint32_t points, int64_t mono_ns);

/* Seals every open batch that is due at mono_ns; INT64_MAX: all. Returns when the next one is due, INT64_MAX if none is open. */
int64_t pl_builder_flush(struct pl_builder *b, int64_t mono_ns);

#endif
