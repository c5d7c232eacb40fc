/* A JSON text (RFC 8259, strictly) as the tree that config/node.h makes of YAML. libyaml reads most of JSON, but no surrogate
 * pairs, no tabs in some places and no long keys; and it takes much that JSON forbids. */
#ifndef PL_CONFIG_JSON_TREE_H
#define PL_CONFIG_JSON_TREE_H

#include "config/node.h"

/* As pl_node_parse. Strings are scalars that are not plain; numbers, true, false and null are plain ones. An empty text is an
 * error; `null` gives *out == NULL. */
PL_MUST_CHECK enum pl_err pl_json_tree_parse(struct pl_arena *arena, const char *file, struct pl_str text,
					     struct pl_node_limits limits, struct pl_problems *problems, struct pl_node **out);

#endif
