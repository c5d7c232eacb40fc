#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/decode.h"
#include "config/suggest.h"

enum { SHOWN = 64 };

static void decode_section(const struct pl_decode_options *o, const char *kind, const void *plugin,
			   const struct pl_schema *schema, const struct pl_node *node, const struct pl_path *path,
			   struct pl_section *out)
{
	const struct pl_node empty = {.kind = PL_NODE_MAPPING, .mark = node->mark};
	if (pl_node_is_null(node))
		node = &empty;
	static const struct pl_field no_fields[] = {{0}};
	static const struct pl_schema nothing = {.name = "nothing", .size = 1, .fields = no_fields};
	const struct pl_schema *by = schema != NULL ? schema : &nothing;
	void *config = pl_arena_alloc(o->arena, by->size);
	pl_decode_mapping(o, by, node, node->mark, path, config);
	*out = (struct pl_section){
	    .kind = pl_arena_strdup(o->arena, kind),
	    .plugin = plugin,
	    .schema = by,
	    .config = config,
	    .mark = {pl_arena_strdup(o->arena, node->mark.file != NULL ? node->mark.file : ""), node->mark.line,
		     node->mark.column},
	    .fingerprint = pl_str_hash(pl_str_of(kind), pl_node_fingerprint(node, o)),
	};
}

static void complain_unknown(const struct pl_decode_options *o, int kind, const struct pl_node *key, const struct pl_path *path)
{
	struct pl_suggest suggest;
	struct pl_buf known = {0};
	const char *name;
	pl_suggest_init(&suggest, key->text);
	for (size_t i = 0; o->plugin_name != NULL && (name = o->plugin_name(kind, i)) != NULL; i++) {
		pl_suggest_offer(&suggest, name);
		pl_buf_addf(&known, "%s%s", i > 0 ? ", " : "", name);
	}
	struct pl_path here = pl_path_key(path, key->text);
	if (suggest.best != NULL)
		pl_decode_fail(o, key->mark, &here, "unknown kind (did you mean \"%s\"?)", suggest.best);
	else if (known.n > 0)
		pl_decode_fail(o, key->mark, &here, "unknown kind; there are: %s", pl_buf_cstr(&known));
	else
		pl_decode_fail(o, key->mark, &here, "unknown kind");
	pl_buf_finish(&known);
}

/* One {KIND: config}. */
static bool decode_one(const struct pl_decode_options *o, int kind, const struct pl_node *item, const struct pl_path *path,
		       struct pl_section *out)
{
	if (item->kind != PL_NODE_MAPPING || item->n != 1) {
		pl_decode_fail(o, item->mark, path, "expected a mapping of one key (the kind) to its settings, found %s%s",
			       pl_node_kind_text(item),
			       item->kind != PL_NODE_MAPPING ? ""
			       : item->n == 0                ? " without a key"
							     : " of several keys (indent the settings below their kind)");
		return false;
	}
	const struct pl_schema *schema = NULL;
	const struct pl_node *key = item->items[0];
	const void *plugin = NULL;
	if (o->plugin != NULL && strlen(key->text.p) == key->text.n)
		plugin = o->plugin(kind, key->text.p, &schema);
	if (plugin == NULL) {
		complain_unknown(o, kind, key, path);
		return false;
	}
	struct pl_path here = pl_path_key(path, key->text);
	decode_section(o, key->text.p, plugin, schema, item->values[0], &here, out);
	return true;
}

void pl_decode_plugins(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		       const struct pl_path *path, struct pl_sections *out)
{
	if (node->kind != PL_NODE_SEQUENCE) {
		pl_decode_fail(o, node->mark, path, "expected a list, found %s", pl_node_kind_text(node));
		return;
	}
	if (node->n == 0 && (field->flags & PL_FIELD_NONEMPTY))
		pl_decode_fail(o, node->mark, path, "must not be empty; leave it out for the default");
	out->v = pl_arena_alloc(o->arena, (node->n + 1) * sizeof *out->v);
	out->n = 0;
	for (size_t i = 0; i < node->n; i++) {
		struct pl_path here = pl_path_item(path, i);
		if (decode_one(o, pl_decode_kind(o, field), node->items[i], &here, &out->v[out->n]))
			out->n++;
	}
}

void pl_decode_plugin_keys(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			   const struct pl_path *path, struct pl_sections *out)
{
	size_t room = 0;
	*out = (struct pl_sections){0};
	for (size_t pass = 0; pass < 2; pass++) { /* count, then decode */
		if (pass == 1)
			out->v = pl_arena_alloc(o->arena, (room + 1) * sizeof *out->v);
		for (size_t i = 0; node != NULL && i < node->n; i++) {
			const struct pl_schema *schema = NULL;
			const struct pl_node *key = node->items[i], *list = node->values[i];
			const void *plugin = o->plugin != NULL ? o->plugin(pl_decode_kind(o, field), key->text.p, &schema) : NULL;
			if (plugin == NULL || strlen(key->text.p) != key->text.n || pl_node_is_null(list))
				continue;
			struct pl_path here = pl_path_key(path, key->text);
			if (list->kind != PL_NODE_SEQUENCE) {
				if (pass == 0)
					pl_decode_fail(o, list->mark, &here, "expected a list, found %s",
						       pl_node_kind_text(list));
				continue;
			}
			room += list->n;
			for (size_t k = 0; pass == 1 && k < list->n; k++) {
				struct pl_path item = pl_path_item(&here, k);
				if (pl_node_is_null(list->items[k]))
					pl_decode_fail(o, list->items[k]->mark, &item, "there is nothing in it");
				decode_section(o, key->text.p, plugin, schema, list->items[k], &item, &out->v[out->n++]);
			}
		}
	}
}
