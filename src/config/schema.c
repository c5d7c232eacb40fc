#include "config/schema.h"

#include <stdarg.h>
#include <string.h>

#include "config/decode.h"
#include "config/suggest.h"

enum { SHOWN = 64 };

void pl_path_print(const struct pl_path *path, struct pl_buf *out)
{
	if (path == NULL)
		return;
	pl_path_print(path->up, out);
	if (path->key.p == NULL) {
		pl_buf_addf(out, "[%zu]", path->index);
		return;
	}
	if (out->n > 0 && path->key.n > 0)
		pl_buf_add_char(out, '.');
	pl_buf_add(out, path->key.p, path->up != NULL && path->key.n > SHOWN ? SHOWN : path->key.n);
}

void pl_decode_fail(const struct pl_decode_options *o, struct pl_mark mark, const struct pl_path *path, const char *format, ...)
{
	struct pl_buf where = {0}, what = {0};
	va_list args;
	va_start(args, format);
	pl_buf_addv(&what, format, args);
	va_end(args);
	pl_path_print(path, &where);
	pl_problems_add(o->problems, mark, pl_buf_cstr(&where), "%s", pl_buf_cstr(&what));
	pl_buf_finish(&where);
	pl_buf_finish(&what);
}

void pl_check_fail(const struct pl_check *c, const char *key, const char *format, ...)
{
	const struct pl_node *at = pl_node_get(c->node, key);
	struct pl_mark mark = at != NULL ? at->mark : c->node != NULL ? c->node->mark : (struct pl_mark){0};
	struct pl_buf where = {0}, what = {0};
	va_list args;
	va_start(args, format);
	pl_buf_addv(&what, format, args);
	va_end(args);
	pl_buf_addf(&where, "%s%s%s", c->path, c->path[0] != '\0' ? "." : "", key);
	pl_problems_add(c->problems, mark, pl_buf_cstr(&where), "%s", pl_buf_cstr(&what));
	pl_buf_finish(&where);
	pl_buf_finish(&what);
}

const char *pl_node_kind_text(const struct pl_node *node)
{
	if (pl_node_is_null(node))
		return "nothing";
	return node->kind == PL_NODE_SCALAR ? "text" : node->kind == PL_NODE_SEQUENCE ? "a list" : "a mapping";
}

/* KEY_file of a secret called KEY. */
static bool is_file_key(const struct pl_field *f, struct pl_str key)
{
	size_t n = strlen(f->key);
	return f->type == PL_FIELD_SECRET && key.n == n + 5 && memcmp(key.p, f->key, n) == 0 &&
	       memcmp(key.p + n, "_file", 5) == 0;
}

static const struct pl_field *find_field(const struct pl_decode_options *o, const struct pl_schema *schema, const char *key)
{
	const struct pl_field *found = NULL;
	const struct pl_schema *of_plugin;
	for (const struct pl_field *f = schema->fields; f->key != NULL; f++) {
		if (f->type == PL_FIELD_PLUGIN_KEYS) {
			if (o->plugin != NULL && o->plugin(pl_decode_kind(o, f), key, &of_plugin) != NULL)
				return f;
		} else if (strcmp(f->key, key) == 0 || is_file_key(f, pl_str_of(key))) {
			found = f;
		}
	}
	return found;
}

static bool is_foreign(const struct pl_field *f)
{
	return f->type == PL_FIELD_REFUSED || f->type == PL_FIELD_IGNORED;
}

/* Keys that would do are offered first, so that a refused one is only named when nothing else is as near. */
static const char *nearest(const struct pl_decode_options *o, const struct pl_schema *schema, struct pl_str key,
			   char secret_file[SHOWN])
{
	struct pl_suggest s;
	pl_suggest_init(&s, key);
	for (int refused = 0; refused < 2; refused++) {
		for (const struct pl_field *f = schema->fields; f->key != NULL; f++) {
			const char *name;
			if (f->type == PL_FIELD_PLUGIN_KEYS) {
				for (size_t i = 0;
				     o->plugin_name != NULL && (name = o->plugin_name(pl_decode_kind(o, f), i)) != NULL; i++)
					pl_suggest_offer(&s, name);
			} else if (is_foreign(f) == (refused == 1)) {
				pl_suggest_offer(&s, f->key);
			}
			size_t before = s.distance, n = strlen(f->key);
			if (f->type != PL_FIELD_SECRET || n + sizeof "_file" > SHOWN)
				continue;
			char candidate[SHOWN];
			memcpy(candidate, f->key, n);
			memcpy(candidate + n, "_file", sizeof "_file");
			pl_suggest_offer(&s, candidate);
			if (s.distance < before)
				s.best = memcpy(secret_file, candidate, sizeof candidate);
		}
	}
	return s.best;
}

static void check_key(const struct pl_decode_options *o, const struct pl_schema *schema, const struct pl_node *key,
		      const struct pl_node *value, const struct pl_path *path)
{
	struct pl_path here = pl_path_key(path, key->text);
	const struct pl_field *f = find_field(o, schema, key->text.p);
	char room[SHOWN];
	if (strlen(key->text.p) != key->text.n)
		f = NULL;
	if (f != NULL && is_foreign(f)) {
		pl_decode_foreign(o, f, key, value, &here);
	} else if (f == NULL) {
		/* Looking for a name costs; those beyond the kept ones are only counted. */
		const char *name = o->problems->n < PL_PROBLEMS_KEPT ? nearest(o, schema, key->text, room) : NULL;
		if (name != NULL)
			pl_decode_fail(o, key->mark, &here, "unknown key (did you mean \"%s\"?)", name);
		else
			pl_decode_fail(o, key->mark, &here, "unknown key");
	}
}

static void decode_list(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			const struct pl_path *path, struct pl_list *at)
{
	if (node->kind != PL_NODE_SEQUENCE) {
		pl_decode_fail(o, node->mark, path, "expected a list, found %s", pl_node_kind_text(node));
		return;
	}
	if (node->n == 0 && (field->flags & PL_FIELD_NONEMPTY))
		pl_decode_fail(o, node->mark, path, "must not be empty");
	char *v = pl_arena_alloc(o->arena, (node->n + 1) * field->schema->size);
	for (size_t i = 0; i < node->n; i++) {
		struct pl_path here = pl_path_item(path, i);
		const struct pl_node empty = {.kind = PL_NODE_MAPPING, .mark = node->items[i]->mark};
		const struct pl_node *item = pl_node_is_null(node->items[i]) ? &empty : node->items[i];
		pl_decode_mapping(o, field->schema, item, item->mark, &here, v + i * field->schema->size);
	}
	*at = (struct pl_list){v, node->n};
}

static void decode_secret(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *mapping,
			  const struct pl_path *path, struct pl_secret *at)
{
	const struct pl_node *file = NULL, *value = pl_node_get(mapping, field->key);
	struct pl_str file_key = {NULL, 0};
	for (size_t i = 0; mapping != NULL && i < mapping->n; i++) {
		if (is_file_key(field, mapping->items[i]->text)) {
			file_key = mapping->items[i]->text;
			file = mapping->values[i];
		}
	}
	struct pl_path here = pl_path_key(path, pl_str_of(field->key)), file_here = pl_path_key(path, file_key);
	const struct pl_field text = {.type = PL_FIELD_STRING, .flags = field->flags},
			      name = {.type = PL_FIELD_PATH, .flags = PL_FIELD_NONEMPTY};
	if (value != NULL && file != NULL)
		pl_decode_fail(o, file->mark, &file_here, "give either %s or %s_file, not both", field->key, field->key);
	if (value != NULL)
		pl_decode_scalar(o, &text, value, &here, &at->value);
	if (file != NULL)
		pl_decode_scalar(o, &name, file, &file_here, &at->file);
}

static void decode_present(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
			   const struct pl_path *path, void *at)
{
	switch (field->type) {
	case PL_FIELD_LABELS:
	case PL_FIELD_STRINGS:
	case PL_FIELD_PARAMS:
		pl_decode_collection(o, field, node, path, at);
		break;
	case PL_FIELD_OBJECT:
		pl_decode_mapping(o, field->schema, node, node->mark, path, at);
		break;
	case PL_FIELD_OPTIONAL: {
		void *object = pl_arena_alloc(o->arena, field->schema->size);
		pl_decode_mapping(o, field->schema, node, node->mark, path, object);
		memcpy(at, &object, sizeof object);
		break;
	}
	case PL_FIELD_LIST:
		decode_list(o, field, node, path, at);
		break;
	case PL_FIELD_MAP:
		pl_decode_map(o, field, node, path, at);
		break;
	case PL_FIELD_PLUGINS:
		pl_decode_plugins(o, field, node, path, at);
		break;
	default:
		pl_decode_scalar(o, field, node, path, at);
		break;
	}
}

static bool is_scalar(enum pl_field_type type)
{
	return type <= PL_FIELD_PATH;
}

static void decode_fallback(const struct pl_decode_options *o, const struct pl_field *field, struct pl_mark mark,
			    const struct pl_path *path, void *at)
{
	struct pl_decode_options own = *o;
	own.getenv = NULL;
	if (field->type == PL_FIELD_OBJECT) {
		pl_decode_mapping(o, field->schema, NULL, mark, path, at);
	} else if (field->fallback != NULL && is_scalar(field->type)) {
		const struct pl_node node = {.kind = PL_NODE_SCALAR,
					     .mark = mark,
					     .text = pl_str_of(field->fallback),
					     .plain = field->fallback[0] != '\0'};
		struct pl_field unbounded = *field;
		unbounded.flags &= ~(unsigned)PL_FIELD_NONEMPTY;
		unbounded.min = unbounded.max = 0;
		pl_decode_scalar(&own, &unbounded, &node, path, at);
	} else if (field->fallback != NULL) {
		struct pl_node *node;
		struct pl_arena arena = {0};
		if (pl_node_parse(&arena, "(default)", pl_str_of(field->fallback), (struct pl_node_limits){0}, o->problems,
				  &node) == PL_OK &&
		    node != NULL)
			decode_present(&own, field, node, path, at);
		pl_arena_finish(&arena);
	}
}

static void decode_field(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *mapping,
			 struct pl_mark mark, const struct pl_path *path, void *at)
{
	const struct pl_node *node = pl_node_get(mapping, field->key);
	struct pl_path here = pl_path_key(path, pl_str_of(field->key));
	if (is_foreign(field))
		return;
	if (field->type == PL_FIELD_PLUGIN_KEYS) {
		pl_decode_plugin_keys(o, field, mapping, path, at);
		return;
	}
	if (field->type == PL_FIELD_SECRET) {
		struct pl_secret *secret = at;
		size_t before = o->problems->n;
		decode_secret(o, field, mapping, path, secret);
		if ((field->flags & PL_FIELD_REQUIRED) && mapping != NULL && !pl_secret_given(secret) && o->problems->n == before)
			pl_decode_fail(o, mark, path, "the key \"%s\" (or \"%s_file\") is missing", field->key, field->key);
		return;
	}
	bool absent = node == NULL || (!is_scalar(field->type) && pl_node_is_null(node));
	if (absent && mapping != NULL && (field->flags & PL_FIELD_REQUIRED))
		pl_decode_fail(o, mark, path, "the key \"%s\" is missing", field->key);
	if (absent || is_scalar(field->type)) /* a wrong scalar leaves its default */
		decode_fallback(o, field, mark, &here, at);
	if (!absent)
		decode_present(o, field, node, &here, at);
}

void pl_decode_mapping(const struct pl_decode_options *o, const struct pl_schema *schema, const struct pl_node *node,
		       struct pl_mark mark, const struct pl_path *path, void *object)
{
	memset(object, 0, schema->size);
	if (node != NULL && node->kind != PL_NODE_MAPPING) {
		pl_decode_fail(o, node->mark, path, "expected a mapping (key: value), found %s", pl_node_kind_text(node));
		node = NULL;
	}
	for (size_t i = 0; node != NULL && i < node->n; i++)
		check_key(o, schema, node->items[i], node->values[i], path);
	for (const struct pl_field *f = schema->fields; f->key != NULL; f++)
		decode_field(o, f, node, mark, path, (char *)object + f->offset);
	if (schema->check != NULL) {
		struct pl_buf text = {0};
		pl_path_print(path, &text);
		const struct pl_check check = {o->problems, o->arena, node, pl_buf_cstr(&text), o->data};
		schema->check(object, &check);
		pl_buf_finish(&text);
	}
}

enum pl_err pl_schema_decode(const struct pl_schema *schema, const struct pl_node *node, const char *path,
			     const struct pl_decode_options *options, void *object)
{
	size_t before = options->problems->n;
	struct pl_path root = {.key = pl_str_of(path)};
	const struct pl_node empty = {.kind = PL_NODE_MAPPING, .mark = node != NULL ? node->mark : (struct pl_mark){0}};
	if (node != NULL && pl_node_is_null(node))
		node = &empty;
	pl_decode_mapping(options, schema, node, empty.mark, &root, object);
	return options->problems->n == before ? PL_OK : PL_EPARSE;
}
