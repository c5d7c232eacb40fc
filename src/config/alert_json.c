#include <stdlib.h>
#include <string.h>

#include "config/alert.h"
#include "config/json_tree.h"
#include "config/scalar.h"
#include "config/suggest.h"
#include "format/json_out.h"

/* Tags and message at their bounds, each byte as \uXXXX, and as much again that nobody knows. */
enum { MAX_BYTES = 1024 * 1024, MAX_NODES = 10000, MAX_KEY = 64, SHOWN = 64 };

static const struct pl_field *field_of(const char *key)
{
	for (const struct pl_field *f = pl_alert_schema.fields; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

/* In small letters; NULL: too long to be one of ours. */
static const char *small_key(struct pl_arena *arena, struct pl_str key)
{
	if (key.n == 0 || key.n > MAX_KEY || memchr(key.p, '\0', key.n) != NULL)
		return NULL;
	char *small = pl_arena_strndup(arena, key.p, key.n);
	for (char *p = small; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return small;
}

static void warn_unknown(struct pl_problems *problems, const struct pl_node *key, const char *small)
{
	struct pl_suggest suggest;
	struct pl_buf path = {0};
	pl_suggest_init(&suggest, small != NULL ? pl_str_of(small) : key->text);
	for (const struct pl_field *f = pl_alert_schema.fields; f->key != NULL; f++)
		pl_suggest_offer(&suggest, f->key);
	pl_buf_add(&path, key->text.p, key->text.n < SHOWN ? key->text.n : SHOWN);
	if (suggest.best != NULL)
		pl_problems_warn(problems, key->mark, pl_buf_cstr(&path), "unknown, has no effect (did you mean \"%s\"?)",
				 suggest.best);
	else
		pl_problems_warn(problems, key->mark, pl_buf_cstr(&path), "unknown, has no effect");
	pl_buf_finish(&path);
}

/* What clients send that fill in a form: an empty text is a member that was not given. */
static bool is_empty(const struct pl_node *value)
{
	return pl_node_is_null(value) || (value->kind == PL_NODE_SCALAR && value->text.n == 0);
}

static struct pl_node *copy_of(struct pl_arena *arena, const struct pl_node *node)
{
	struct pl_node *copy = pl_arena_alloc(arena, sizeof *copy);
	*copy = *node;
	return copy;
}

/* The object as the table reads it: keys in small letters, without those that nobody knows. */
static struct pl_node *normalized(struct pl_arena *arena, const struct pl_node *object, struct pl_problems *problems)
{
	struct pl_node *out = copy_of(arena, object);
	out->items = pl_arena_alloc(arena, (object->n + 1) * sizeof(struct pl_node *));
	out->values = pl_arena_alloc(arena, (object->n + 1) * sizeof(struct pl_node *));
	out->n = 0;
	for (size_t i = 0; i < object->n; i++) {
		const char *small = small_key(arena, object->items[i]->text);
		const struct pl_field *f = small != NULL ? field_of(small) : NULL;
		if (f == NULL) {
			warn_unknown(problems, object->items[i], small);
			continue;
		}
		if (is_empty(object->values[i]))
			continue;
		if (pl_node_get(out, small) != NULL) {
			pl_problems_add(problems, object->items[i]->mark, small, "is given twice, in different letters");
			continue;
		}
		struct pl_node *key = copy_of(arena, object->items[i]), *value = object->values[i];
		key->text = pl_str_of(small);
		if (value->kind == PL_NODE_SCALAR && (f->type == PL_FIELD_DOUBLE || f->type == PL_FIELD_BOOL)) {
			value = copy_of(arena, value);
			value->plain = true; /* "95" is as good as 95 */
		}
		out->items[out->n] = key;
		out->values[out->n++] = value;
	}
	return out;
}

enum pl_err pl_alert_decode_json(struct pl_arena *arena, struct pl_str text, struct pl_problems *problems, struct pl_alert *out)
{
	struct pl_arena tree = {0};
	struct pl_node *root;
	size_t before = problems->n;
	const struct pl_node_limits limits = {.max_bytes = MAX_BYTES, .max_nodes = MAX_NODES};
	const struct pl_decode_options options = {.arena = arena, .problems = problems};
	*out = (struct pl_alert){0};
	enum pl_err err = pl_json_tree_parse(&tree, "", text, limits, problems, &root);
	if (err == PL_OK && (root == NULL || root->kind != PL_NODE_MAPPING)) {
		pl_problems_add(problems, (struct pl_mark){"", 1, 1}, "", "expected an object, {\"metric\": ...}");
		err = PL_EPARSE;
	}
	if (err == PL_OK)
		err = pl_schema_decode(&pl_alert_schema, normalized(&tree, root, problems), "", &options, out);
	out->mark = (struct pl_mark){0};
	pl_arena_finish(&tree);
	return problems->n > before ? PL_EPARSE : err;
}

/* ---- the way out ---- */

static void write_duration(struct pl_json *j, int64_t ns)
{
	struct pl_buf text = {0};
	pl_duration_print(ns, &text);
	pl_json_str(j, pl_buf_str(&text));
	pl_buf_finish(&text);
}

static void write_labels(struct pl_json *j, const struct pl_labels *labels)
{
	pl_json_object_begin(j);
	for (size_t i = 0; i < labels->n; i++) {
		pl_json_key_str(j, labels->v[i].name);
		pl_json_str(j, labels->v[i].value);
	}
	pl_json_object_end(j);
}

static void write_strings(struct pl_json *j, const struct pl_strings *strings)
{
	pl_json_array_begin(j);
	for (size_t i = 0; i < strings->n; i++)
		pl_json_cstr(j, strings->v[i]);
	pl_json_array_end(j);
}

/* Does it say nothing in this alert? */
static bool is_idle(const struct pl_alert *a, const struct pl_field *f, const void *at)
{
	if (strcmp(f->key, "percentile") == 0)
		return a->aggregate != PL_ALERT_PERCENTILE;
	if (strcmp(f->key, "change") == 0)
		return a->kind != PL_ALERT_RELATIVE;
	switch (f->type) {
	case PL_FIELD_LABELS:
		return ((const struct pl_labels *)at)->n == 0;
	case PL_FIELD_STRINGS:
		return ((const struct pl_strings *)at)->n == 0;
	case PL_FIELD_DURATION:
		return *(const int64_t *)at == 0;
	case PL_FIELD_STRING:
	case PL_FIELD_URL:
		return *(const char *const *)at == NULL;
	default:
		return false;
	}
}

static void write_member(struct pl_json *j, const struct pl_alert *a, const struct pl_field *f)
{
	const void *at = (const char *)a + f->offset;
	if (is_idle(a, f, at))
		return;
	pl_json_key(j, f->key);
	switch (f->type) {
	case PL_FIELD_BOOL:
		pl_json_bool(j, *(const bool *)at);
		break;
	case PL_FIELD_DOUBLE:
		pl_json_double(j, *(const double *)at);
		break;
	case PL_FIELD_DURATION:
		write_duration(j, *(const int64_t *)at);
		break;
	case PL_FIELD_ENUM:
		pl_json_cstr(j, f->choices[*(const int *)at]);
		break;
	case PL_FIELD_LABELS:
		write_labels(j, at);
		break;
	case PL_FIELD_STRINGS:
		write_strings(j, at);
		break;
	default:
		pl_json_cstr(j, *(const char *const *)at);
		break;
	}
}

void pl_alert_json(struct pl_json *j, const struct pl_alert *a, bool more)
{
	static const char *const first[] = {"id", "tags", "metric", "level", "operator", "threshold", "duration", "post", NULL};
	pl_json_object_begin(j);
	for (size_t i = 0; first[i] != NULL; i++)
		write_member(j, a, field_of(first[i]));
	for (const struct pl_field *f = pl_alert_schema.fields; f->key != NULL; f++) {
		size_t i = 0;
		while (first[i] != NULL && strcmp(first[i], f->key) != 0)
			i++;
		if (first[i] == NULL)
			write_member(j, a, f);
	}
	if (!more)
		pl_json_object_end(j);
}
