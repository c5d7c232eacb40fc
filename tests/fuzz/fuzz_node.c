/* YAML to nodes: any bytes either make a tree within its bounds or a problem with a place. */
#include <stdint.h>
#include <stdlib.h>

#include "config/node.h"
#include "config/schema.h"

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Walks the tree with aliases expanded, as a user would, and counts what the parser says it counted. */
static uint32_t walk(const struct pl_node *node, uint32_t depth, uint32_t max_depth)
{
	uint32_t nodes = 1;
	require(depth <= max_depth && node->mark.line > 0 && node->mark.column > 0 && node->height > 0);
	for (size_t i = 0; i < node->n; i++) {
		require(node->kind != PL_NODE_SCALAR && node->items[i]->height < node->height);
		nodes += walk(node->items[i], depth + 1, max_depth);
		if (node->kind != PL_NODE_MAPPING)
			continue;
		require(node->items[i]->kind == PL_NODE_SCALAR && node->values[i]->height < node->height);
		nodes += walk(node->values[i], depth + 1, max_depth);
	}
	require(nodes == node->all_nodes);
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_buf out = {0};
	struct pl_node *root;
	const struct pl_node_limits limits = {.max_bytes = 64 * 1024, .max_depth = 16, .max_nodes = 2000};
	enum pl_err err = pl_node_parse(&arena, "f", (struct pl_str){(const char *)data, size}, limits, &problems, &root);
	require((err == PL_OK) == (problems.n == 0));
	require(err == PL_OK || root == NULL);
	if (root != NULL) {
		walk(root, 1, 16);
		require(root->all_nodes <= limits.max_nodes && root->all_bytes <= limits.max_bytes);
		require(pl_node_fingerprint(root, NULL) == pl_node_fingerprint(root, NULL));
	}
	pl_problems_print(&problems, &out);
	require(pl_str_utf8(pl_buf_str(&out)));
	pl_buf_finish(&out);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return 0;
}
