/* The samples that 256 neighbouring series have at one moment, packed into one blob. A scraped page has one time for hundreds of
 * samples, so that a frame costs what a row does, and a sample three to five bytes.
 *
 * Format 1: for each sample, by rising offset, a varint (LEB128) of `step << 2 | kind`, where step is the distance to the offset
 * before (the first counts from -1), then the value by its kind:
 *   0  whole number: zigzag varint
 *   1  IEEE 754 double, 8 bytes little-endian
 *   2  hundredths: zigzag varint, divided by 100
 *   3  IEEE 754 single, 4 bytes little-endian
 * Every kind gives back exactly the double that went in. */
#ifndef PL_OUT_LOCAL_FRAME_H
#define PL_OUT_LOCAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { PL_LOCAL_FRAME_SERIES = 256 };

struct pl_local_frame_sample {
	unsigned offset; /* of its series in the chunk, below PL_LOCAL_FRAME_SERIES */
	double value;
};

/* Zero-initialise for each frame. */
struct pl_local_frame_writer {
	unsigned next; /* lowest offset that may follow */
};

/* Appends one sample; offsets must rise. */
void pl_local_frame_add(struct pl_local_frame_writer *w, struct pl_buf *out, unsigned offset, double value);

/* Takes one sample off *rest. PL_ENOENT at the end, PL_EPARSE when the bytes are no frame. `*next` starts at 0 and is the
 * reader's. */
PL_MUST_CHECK enum pl_err pl_local_frame_next(struct pl_str *rest, unsigned *next, struct pl_local_frame_sample *out);

/* Appends the union of two frames to `out`; where both have a sample the one of `newer` stays. `*samples` is their number. */
PL_MUST_CHECK enum pl_err pl_local_frame_merge(struct pl_str older, struct pl_str newer, struct pl_buf *out, unsigned *samples);

#endif
