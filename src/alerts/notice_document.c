#include "alerts/notice_document.h"

#include <math.h>
#include <stdlib.h>

#include "config/json_tree.h"

enum { MOST_BYTES = 16 * 1024 * 1024, MOST_DEPTH = 12, MOST_NODES = 200000, MOST_NUMBER_BYTES = 64 };

void pl_notice_put_str(struct pl_json *j, const char *key, struct pl_str s)
{
	pl_json_key(j, key);
	pl_json_str(j, s);
}

void pl_notice_put_i64(struct pl_json *j, const char *key, int64_t v)
{
	pl_json_key(j, key);
	pl_json_i64(j, v);
}

void pl_notice_event_write(struct pl_json *j, const struct pl_notice_event *e)
{
	pl_json_object_begin(j);
	pl_notice_put_str(j, "alert", e->alert);
	pl_notice_put_str(j, "id", e->id);
	pl_notice_put_str(j, "message", e->message);
	pl_notice_put_str(j, "level", e->level);
	pl_notice_put_str(j, "previous", e->previous);
	pl_notice_put_str(j, "cause", e->cause);
	pl_json_key(j, "tags");
	pl_json_object_begin(j);
	for (size_t i = 0; i < e->tags.n; i++) {
		pl_json_key_str(j, e->tags.v[i].name);
		pl_json_str(j, e->tags.v[i].value);
	}
	pl_json_object_end(j);
	pl_notice_put_i64(j, "time", e->wall_ns);
	pl_notice_put_i64(j, "duration", e->duration_ns);
	pl_json_key(j, "value");
	pl_json_double(j, e->value);
	pl_json_key(j, "reminder");
	pl_json_bool(j, e->reminder);
	pl_notice_put_str(j, "body", e->body);
	pl_json_object_end(j);
}

struct pl_str pl_notice_str(const struct pl_node *object, const char *key)
{
	const struct pl_node *v = pl_node_get(object, key);
	return v != NULL && v->kind == PL_NODE_SCALAR && !v->plain ? v->text : (struct pl_str){"", 0};
}

int64_t pl_notice_i64(const struct pl_node *object, const char *key)
{
	const struct pl_node *v = pl_node_get(object, key);
	int64_t number;
	return v != NULL && v->kind == PL_NODE_SCALAR && v->plain && pl_str_i64(v->text, &number) ? number : 0;
}

static double read_double(const struct pl_node *v)
{
	char text[MOST_NUMBER_BYTES + 1];
	if (v == NULL || v->kind != PL_NODE_SCALAR || !v->plain || v->text.n > MOST_NUMBER_BYTES || pl_node_is_null(v))
		return NAN;
	memcpy(text, v->text.p, v->text.n);
	text[v->text.n] = '\0';
	return strtod(text, NULL);
}

static struct pl_labels read_tags(struct pl_arena *arena, const struct pl_node *tags)
{
	struct pl_labels_builder b = {0};
	for (size_t i = 0; tags != NULL && tags->kind == PL_NODE_MAPPING && i < tags->n; i++) {
		const struct pl_node *v = tags->values[i];
		if (v != NULL && v->kind == PL_NODE_SCALAR)
			pl_labels_builder_set(&b, tags->items[i]->text, v->text);
	}
	struct pl_labels copy = pl_labels_copy(arena, pl_labels_builder_view(&b));
	pl_labels_builder_finish(&b);
	return copy;
}

bool pl_notice_event_read(struct pl_arena *arena, const struct pl_node *node, struct pl_notice_event *out)
{
	if (node == NULL || node->kind != PL_NODE_MAPPING)
		return false;
	const struct pl_node *reminder = pl_node_get(node, "reminder");
	*out = (struct pl_notice_event){
	    .alert = pl_notice_str(node, "alert"),
	    .id = pl_notice_str(node, "id"),
	    .message = pl_notice_str(node, "message"),
	    .level = pl_notice_str(node, "level"),
	    .previous = pl_notice_str(node, "previous"),
	    .cause = pl_notice_str(node, "cause"),
	    .tags = read_tags(arena, pl_node_get(node, "tags")),
	    .wall_ns = pl_notice_i64(node, "time"),
	    .duration_ns = pl_notice_i64(node, "duration"),
	    .value = read_double(pl_node_get(node, "value")),
	    .reminder = reminder != NULL && reminder->kind == PL_NODE_SCALAR && pl_str_is(reminder->text, "true"),
	    .body = pl_notice_str(node, "body"),
	};
	return true;
}

struct pl_node *pl_notice_document(struct pl_arena *arena, struct pl_str text, int64_t v)
{
	struct pl_node_limits limits = {.max_bytes = MOST_BYTES, .max_depth = MOST_DEPTH, .max_nodes = MOST_NODES};
	struct pl_problems problems = {0};
	struct pl_node *root = NULL;
	enum pl_err err = pl_json_tree_parse(arena, "document", text, limits, &problems, &root);
	pl_problems_finish(&problems);
	return err == PL_OK && root != NULL && root->kind == PL_NODE_MAPPING && pl_notice_i64(root, "v") == v ? root : NULL;
}
