/* The tags of a series as the database keeps them: `key=value,key=value`, sorted by key, a backslash before each backslash, comma
 * and equals sign of theirs. Unlike in line protocol every name and value can be expressed, and in one way only. */
#ifndef PL_OUT_LOCAL_TAGSET_H
#define PL_OUT_LOCAL_TAGSET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "format/labels.h"

void pl_local_tagset_write(struct pl_buf *out, struct pl_labels tags); /* appends */

/* The value of `key`, resolved in `scratch` (cleared first); empty when there is no such tag. Never fails: text that is no tag
 * set has no tags. */
struct pl_str pl_local_tagset_get(struct pl_str set, struct pl_str key, struct pl_buf *scratch);

#endif
