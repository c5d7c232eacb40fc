/* A YAML (or JSON) document as a tree of nodes, each knowing where it stood. Made from libyaml's events.
 *
 * Bounded: depth, nodes and bytes. An alias points at its anchor's node and is never copied; yet the bounds hold for the tree as
 * it would be with every alias expanded, so that whoever walks it needs no bound of his own, and may recurse. Refused: an alias
 * inside the node that it names, duplicate keys, keys that are no scalars, merge keys (`<<`), a second document, tags beyond
 * YAML's own, bytes that are not UTF-8, control characters. */
#ifndef PL_CONFIG_NODE_H
#define PL_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "config/problems.h"

enum pl_node_kind { PL_NODE_SCALAR, PL_NODE_SEQUENCE, PL_NODE_MAPPING };

struct pl_node {
	enum pl_node_kind kind;
	struct pl_mark mark;
	struct pl_str text;      /* scalar: its text, UTF-8, may hold NUL */
	bool plain;              /* scalar: written without quotes, so that `null`, `~`, `true`, `15` mean more than text */
	struct pl_node **items;  /* sequence: n items; mapping: n keys */
	struct pl_node **values; /* mapping: n values */
	size_t n;
	/* Of the tree below, aliases expanded: levels (a scalar has 1), nodes (itself included), bytes of text. */
	uint32_t height, all_nodes;
	uint64_t all_bytes;
};

struct pl_node_limits {
	size_t max_bytes; /* of the text, and of all scalars with aliases expanded; 0: 16 MiB */
	size_t max_depth; /* 0: 64 */
	size_t max_nodes; /* 0: 1,000,000 */
};

/* Parses `text`; `file` names it in problems (copied into the arena). The tree lives in `arena`, `text` may go.
 * An empty document (or one that only says null) gives *out == NULL and PL_OK. On any error the problems say why and the result
 * is PL_EPARSE or PL_ELIMIT. */
PL_MUST_CHECK enum pl_err pl_node_parse(struct pl_arena *arena, const char *file, struct pl_str text,
					struct pl_node_limits limits, struct pl_problems *problems, struct pl_node **out);

/* Reads the file whole (bounded before it is read; regular files only, so that a FIFO cannot hang it) and parses it. PL_ENOENT,
 * PL_EACCES or PL_EIO when it cannot be read, which the problems tell too. */
PL_MUST_CHECK enum pl_err pl_node_parse_file(struct pl_arena *arena, const char *path, struct pl_node_limits limits,
					     struct pl_problems *problems, struct pl_node **out);

/* The value of `key` in a mapping; NULL when it is not there, or `mapping` is NULL or no mapping. */
struct pl_node *pl_node_get(const struct pl_node *mapping, const char *key);

/* True for a plain scalar that YAML reads as null: nothing, `~`, `null`. NULL counts too. */
bool pl_node_is_null(const struct pl_node *node);

#endif
