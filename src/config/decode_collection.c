#include <stdlib.h>
#include <string.h>

#include "config/decode.h"

enum { MAX_NAME = 512 }; /* YAML allows short keys a thousand characters */

static bool check_kind(const struct pl_decode_options *o, const struct pl_node *node, const struct pl_path *path,
		       enum pl_node_kind kind, const char *expected)
{
	if (node->kind == kind)
		return true;
	pl_decode_fail(o, node->mark, path, "expected %s, found %s", expected, pl_node_kind_text(node));
	return false;
}

static bool decode_item(const struct pl_decode_options *o, const struct pl_node *node, const struct pl_path *path, unsigned flags,
			struct pl_str *out)
{
	struct pl_buf hold = {0};
	struct pl_str text;
	bool expanded;
	bool good = pl_decode_text(o, node, path, flags, "text", &hold, &text, &expanded);
	*out = pl_arena_str(o->arena, text);
	pl_buf_finish(&hold);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return pl_str_cmp(((const struct pl_label *)a)->name, ((const struct pl_label *)b)->name);
}

static void decode_labels(const struct pl_decode_options *o, unsigned flags, const struct pl_node *node,
			  const struct pl_path *path, struct pl_labels *at)
{
	if (!check_kind(o, node, path, PL_NODE_MAPPING, "a mapping of label names to values"))
		return;
	struct pl_label *v = pl_arena_alloc(o->arena, (node->n + 1) * sizeof *v);
	size_t n = 0;
	for (size_t i = 0; i < node->n; i++) {
		const struct pl_node *key = node->items[i], *value = node->values[i];
		struct pl_path here = pl_path_key(path, key->text);
		if (key->text.n > MAX_NAME) {
			pl_decode_fail(o, key->mark, &here, "a name of more than %d bytes", MAX_NAME);
			continue;
		}
		if (!(flags & PL_FIELD_ANY_NAME) && !pl_label_name_valid(key->text)) {
			pl_decode_fail(o, key->mark, &here, "no label name; it takes letters, digits and _, and no digit first");
			continue;
		}
		v[n].name = pl_arena_str(o->arena, key->text);
		v[n].value = (struct pl_str){"", 0};
		if (pl_node_is_null(value) || decode_item(o, value, &here, flags, &v[n].value))
			n++;
	}
	qsort(v, n, sizeof *v, by_name);
	*at = (struct pl_labels){v, n};
}

static void decode_strings(const struct pl_decode_options *o, unsigned flags, const struct pl_node *node,
			   const struct pl_path *path, struct pl_strings *at)
{
	if ((flags & PL_FIELD_ALL) && node->kind == PL_NODE_SCALAR &&
	    (pl_str_is(node->text, "true") || pl_str_is(node->text, "false"))) {
		at->v = pl_arena_alloc(o->arena, sizeof *at->v);
		at->v[0] = "{}";
		at->n = pl_str_is(node->text, "true");
		return;
	}
	if (!check_kind(o, node, path, PL_NODE_SEQUENCE,
			flags & PL_FIELD_ALL ? "true, false or a list of texts" : "a list of texts"))
		return;
	if (node->n == 0 && (flags & PL_FIELD_NONEMPTY))
		pl_decode_fail(o, node->mark, path, "must not be empty");
	at->v = pl_arena_alloc(o->arena, (node->n + 1) * sizeof *at->v);
	at->n = 0;
	for (size_t i = 0; i < node->n; i++) {
		struct pl_path here = pl_path_item(path, i);
		struct pl_str text;
		if (decode_item(o, node->items[i], &here, flags, &text))
			at->v[at->n++] = flags & PL_FIELD_PATHS ? pl_decode_resolve(o, text) : text.p;
	}
}

static int by_param_name(const void *a, const void *b)
{
	return strcmp(((const struct pl_param *)a)->name, ((const struct pl_param *)b)->name);
}

static void decode_params(const struct pl_decode_options *o, unsigned flags, const struct pl_node *node,
			  const struct pl_path *path, struct pl_params *at)
{
	if (!check_kind(o, node, path, PL_NODE_MAPPING, "a mapping of names to lists of texts"))
		return;
	at->v = pl_arena_alloc(o->arena, (node->n + 1) * sizeof *at->v);
	at->n = 0;
	for (size_t i = 0; i < node->n; i++) {
		struct pl_param *param = &at->v[at->n];
		struct pl_path here = pl_path_key(path, node->items[i]->text);
		if (node->items[i]->text.n > MAX_NAME) {
			pl_decode_fail(o, node->items[i]->mark, &here, "a name of more than %d bytes", MAX_NAME);
			continue;
		}
		if (node->items[i]->text.n > 0 && memchr(node->items[i]->text.p, '\0', node->items[i]->text.n) != NULL) {
			pl_decode_fail(o, node->items[i]->mark, path, "a name holds a NUL character");
			continue;
		}
		param->name = pl_arena_str(o->arena, node->items[i]->text).p;
		decode_strings(o, flags & ~(unsigned)PL_FIELD_NONEMPTY, node->values[i], &here, &param->values);
		at->n++;
	}
	qsort(at->v, at->n, sizeof *at->v, by_param_name);
}

static int by_item_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void pl_decode_map(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		   const struct pl_path *path, struct pl_list *at)
{
	size_t size = field->schema->size;
	if (!check_kind(o, node, path, PL_NODE_MAPPING, "a mapping of names to mappings"))
		return;
	char *v = pl_arena_alloc(o->arena, (node->n + 1) * size);
	for (size_t i = 0; i < node->n; i++) {
		const struct pl_node *key = node->items[i];
		struct pl_path here = pl_path_key(path, key->text);
		if (key->text.n > MAX_NAME || (key->text.n > 0 && memchr(key->text.p, '\0', key->text.n) != NULL)) {
			pl_decode_fail(o, key->mark, path, "a name of more than %d bytes, or with a NUL character", MAX_NAME);
			continue;
		}
		const struct pl_node empty = {.kind = PL_NODE_MAPPING, .mark = key->mark};
		const struct pl_node *value = pl_node_is_null(node->values[i]) ? &empty : node->values[i];
		char *item = v + at->n++ * size;
		pl_decode_mapping(o, field->schema, value, value->mark, &here, item);
		const char *name = pl_arena_str(o->arena, key->text).p;
		memcpy(item, &name, sizeof name);
	}
	at->v = v;
	qsort(v, at->n, size, by_item_name);
}

void pl_decode_collection(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			  const struct pl_path *path, void *at)
{
	switch (field->type) {
	case PL_FIELD_LABELS:
		decode_labels(o, field->flags, node, path, at);
		break;
	case PL_FIELD_STRINGS:
		decode_strings(o, field->flags, node, path, at);
		break;
	default:
		decode_params(o, field->flags, node, path, at);
		break;
	}
}
