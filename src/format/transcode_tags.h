/* The tags of a sample some of whose labels cannot keep their names. Private to the transcoder. */
#ifndef PL_FORMAT_TRANSCODE_TAGS_H
#define PL_FORMAT_TRANSCODE_TAGS_H

#include <stdbool.h>

#include "format/transcode.h"

/* The bit of a label name in pl_transcode_target.taken. */
static inline uint64_t pl_transcode_name_bit(struct pl_str name)
{
	if (name.n == 0)
		return UINT64_MAX;
	unsigned first = (unsigned char)name.p[0], last = (unsigned char)name.p[name.n - 1];
	return UINT64_C(1) << ((first * 5 + last * 11 + (unsigned)name.n * 3) & 63);
}

/* Is the name of the i-th label taken, by the target or an earlier label of the sample, or not to be used? */
bool pl_transcode_name_taken(const struct pl_transcode *t, const struct pl_sample *sample, size_t i);

/* Appends all tags to `out`, the target's included, with names changed where needed. */
void pl_transcode_tags(struct pl_transcode *t, struct pl_buf *out, const struct pl_sample *sample);

#endif
