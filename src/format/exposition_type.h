/* The metric types, and which samples a family of each type has. */
#ifndef PL_FORMAT_EXPOSITION_TYPE_H
#define PL_FORMAT_EXPOSITION_TYPE_H

#include "format/exposition.h"

/* The type's name in TYPE lines of the format. Static storage. */
const char *pl_metric_type_name(enum pl_exposition_format format, enum pl_metric_type type);

/* False when the format has no type of this name. */
bool pl_metric_type_parse(enum pl_exposition_format format, struct pl_str name, enum pl_metric_type *out);

/* What may stand behind the family's name in its samples' names, ending with NULL; "" is the family's own name. Static storage.
 */
const char *const *pl_metric_type_suffixes(enum pl_exposition_format format, enum pl_metric_type type);

/* The suffix (static storage) that makes `sample` one of the family's samples, or NULL when it is none. */
const char *pl_metric_type_suffix(enum pl_exposition_format format, enum pl_metric_type type, struct pl_str family,
				  struct pl_str sample);

#endif
