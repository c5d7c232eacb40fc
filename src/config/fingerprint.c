#include <string.h>

#include "config/env.h"
#include "config/schema.h"

/* Kinds must not be confused: "" is not [] is not {}. */
enum { SCALAR_SEED = 1, QUOTED_SEED = 2, SEQUENCE_SEED = 3, MAPPING_SEED = 4 };

static uint64_t mix(uint64_t a, uint64_t b)
{
	const uint64_t pair[2] = {a, b};
	return pl_str_hash((struct pl_str){(const char *)pair, sizeof pair}, 0);
}

static uint64_t of_text(const struct pl_node *node, const struct pl_decode_options *o)
{
	uint64_t seed = pl_node_is_null(node) ? SCALAR_SEED : QUOTED_SEED;
	uint64_t hash = pl_str_hash(node->text, seed);
	if (o != NULL && o->getenv != NULL && pl_env_mentioned(node->text)) {
		struct pl_buf out = {0}, why = {0};
		if (pl_env_expand(node->text, o->getenv, o->data, &out, &why) == PL_OK)
			hash = pl_str_hash(pl_buf_str(&out), seed);
		if (out.n > 0)
			explicit_bzero(out.p, out.n);
		pl_buf_finish(&out);
		pl_buf_finish(&why);
	}
	return hash;
}

/* Recursion and work are bounded by the document's limits, which count aliases as often as they are used. */
uint64_t pl_node_fingerprint(const struct pl_node *node, const struct pl_decode_options *options)
{
	if (node == NULL)
		return 0;
	if (node->kind == PL_NODE_SCALAR)
		return of_text(node, options);
	uint64_t hash = node->kind == PL_NODE_SEQUENCE ? SEQUENCE_SEED : MAPPING_SEED;
	for (size_t i = 0; i < node->n; i++) {
		if (node->kind == PL_NODE_SEQUENCE)
			hash = mix(hash, pl_node_fingerprint(node->items[i], options));
		else /* a sum does not care for the order */
			hash += mix(pl_str_hash(node->items[i]->text, 0), pl_node_fingerprint(node->values[i], options));
	}
	return mix(hash, node->n);
}
