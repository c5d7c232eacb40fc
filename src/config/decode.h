/* Shared by the files that decode by schema tables; not for other rooms. */
#ifndef PL_CONFIG_DECODE_H
#define PL_CONFIG_DECODE_H

#include "config/schema.h"

/* Where in the document: a chain up to the root, made text only when somebody complains. */
struct pl_path {
	const struct pl_path *up;
	struct pl_str key; /* p NULL: an item, by `index` */
	size_t index;
};

static inline struct pl_path pl_path_key(const struct pl_path *up, struct pl_str key)
{
	return (struct pl_path){up, key, 0};
}

static inline struct pl_path pl_path_item(const struct pl_path *up, size_t index)
{
	return (struct pl_path){up, {NULL, 0}, index};
}

static inline int pl_decode_kind(const struct pl_decode_options *o, const struct pl_field *field)
{
	return o->plugin_kinds != NULL ? o->plugin_kinds[field->plugin_kind] : field->plugin_kind;
}

void pl_path_print(const struct pl_path *path, struct pl_buf *out);

void pl_decode_fail(const struct pl_decode_options *o, struct pl_mark mark, const struct pl_path *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "text", "a list", "a mapping", "nothing". */
const char *pl_node_kind_text(const struct pl_node *node);

/* The scalar's text, environment expanded unless `flags` forbid it; `hold` keeps it. False after a complaint: it is no scalar
 * (but `expected`), null, or cannot be expanded. *expanded: something of the environment is in it. */
bool pl_decode_text(const struct pl_decode_options *o, const struct pl_node *node, const struct pl_path *path, unsigned flags,
		    const char *expected, struct pl_buf *hold, struct pl_str *text, bool *expanded);

/* A file's name, taken relative to the configuration's directory, in the arena. */
const char *pl_decode_resolve(const struct pl_decode_options *o, struct pl_str name);

/* One value of a scalar type (BOOL .. PATH, not SECRET) into the struct's member at `at`, which stays as it is when wrong. */
void pl_decode_scalar(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		      const struct pl_path *path, void *at);

/* LABELS, STRINGS, PARAMS. */
void pl_decode_collection(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			  const struct pl_path *path, void *at);

/* A mapping by its table; `node` NULL: all defaults, `mark` is then the place to complain at. */
void pl_decode_mapping(const struct pl_decode_options *o, const struct pl_schema *schema, const struct pl_node *node,
		       struct pl_mark mark, const struct pl_path *path, void *object);

/* REFUSED, IGNORED: `key` and `value` as they stand in the mapping, `path` that of the key. */
void pl_decode_foreign(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *key,
		       const struct pl_node *value, const struct pl_path *path);

/* MAP: `node` is the mapping of names. */
void pl_decode_map(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		   const struct pl_path *path, struct pl_list *at);

/* PLUGINS: `node` is the sequence. */
void pl_decode_plugins(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		       const struct pl_path *path, struct pl_sections *out);

/* PLUGIN_KEYS: `node` is the mapping whose keys are looked through. */
void pl_decode_plugin_keys(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			   const struct pl_path *path, struct pl_sections *out);

#endif
