#include "config/target_file.h"

#include <stdio.h>

#include "base/mem.h"
#include "config/json_tree.h"
#include "config/node.h"

enum { MAX_LABELS = 128, SHOWN = 64 };

struct reader {
	struct pl_arena *arena;
	struct pl_problems *problems;
	struct pl_str origin; /* a file or a URL */
	struct pl_str origin_label;
	bool json;
	size_t targets; /* of all groups so far */
	struct pl_labels_builder labels;
	enum pl_err err;
};

bool pl_target_file_name_valid(struct pl_str name)
{
	static const char *const endings[] = {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"};
	for (size_t i = 0; i < PL_COUNT_OF(endings); i++)
		if (pl_str_ends(name, pl_str_of(endings[i])))
			return true;
	return false;
}

static bool is_json(struct pl_str path)
{
	return pl_str_ends(path, PL_STR(".json")) || pl_str_ends(path, PL_STR(".JSON"));
}

__attribute__((format(printf, 4, 5))) static void fail(struct reader *r, const struct pl_node *at, const char *path,
						       const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pl_problems_add(r->problems, at->mark, path, "%s", text);
	r->err = PL_EPARSE;
}

static const char *kind_name(const struct reader *r, const struct pl_node *node)
{
	if (pl_node_is_null(node))
		return "null";
	switch (node->kind) {
	case PL_NODE_SEQUENCE:
		return "a list";
	case PL_NODE_MAPPING:
		return "a mapping";
	default:
		return r->json && node->plain ? "a number, true or false" : "text";
	}
}

/* YAML's plain 9100 or true are text where text is wanted; JSON has quotes for that. */
static bool is_text(const struct reader *r, const struct pl_node *node)
{
	return node->kind == PL_NODE_SCALAR && !pl_node_is_null(node) && !(r->json && node->plain);
}

static void read_targets(struct reader *r, const struct pl_node *list, const char *path, struct pl_target_file_group *group)
{
	char at[128];
	if (pl_node_is_null(list))
		return;
	if (list->kind != PL_NODE_SEQUENCE) {
		fail(r, list, path, "must be a list of host:port, not %s", kind_name(r, list));
		return;
	}
	if (list->n > PL_TARGET_FILE_MAX_TARGETS - r->targets) {
		if (r->err != PL_ELIMIT)
			fail(r, list, path, "the file has more than %d targets", PL_TARGET_FILE_MAX_TARGETS);
		r->err = PL_ELIMIT;
		return;
	}
	r->targets += list->n;
	struct pl_str *targets = pl_arena_alloc(r->arena, (list->n + 1) * sizeof *targets);
	struct pl_mark *places = pl_arena_alloc(r->arena, (list->n + 1) * sizeof *places);
	for (size_t i = 0; i < list->n; i++) {
		const struct pl_node *item = list->items[i];
		targets[i] = item->text;
		places[i] = item->mark;
		if (is_text(r, item))
			continue;
		snprintf(at, sizeof at, "%s[%zu]", path, i);
		fail(r, item, at, "a target is text, \"host:port\", not %s", kind_name(r, item));
	}
	group->targets = targets;
	group->n_targets = list->n;
	group->marks = places;
}

static void read_labels(struct reader *r, const struct pl_node *mapping, const char *path)
{
	char at[128 + SHOWN];
	if (pl_node_is_null(mapping))
		return;
	if (mapping->kind != PL_NODE_MAPPING) {
		fail(r, mapping, path, "must be a mapping of names to values, not %s", kind_name(r, mapping));
		return;
	}
	if (mapping->n > MAX_LABELS) {
		fail(r, mapping, path, "%zu labels, the limit is %d", mapping->n, MAX_LABELS);
		return;
	}
	for (size_t i = 0; i < mapping->n; i++) {
		const struct pl_node *key = mapping->items[i], *value = mapping->values[i];
		int shown = key->text.n < SHOWN ? (int)key->text.n : SHOWN;
		snprintf(at, sizeof at, "%s.%.*s", path, shown, key->text.p);
		if (!pl_label_name_valid(key->text))
			fail(r, key, at, "no label name: it must match [a-zA-Z_][a-zA-Z0-9_]*");
		if (is_text(r, value))
			pl_labels_builder_set(&r->labels, key->text, value->text);
		else if (!pl_node_is_null(value)) /* as in Prometheus null stands for no value, which is no label */
			fail(r, value, at, "a label's value is text, not %s%s", kind_name(r, value),
			     r->json && value->kind == PL_NODE_SCALAR ? " (put it in quotes)" : "");
	}
}

static void read_group(struct reader *r, const struct pl_node *node, size_t index, struct pl_target_file_group *group)
{
	char path[48];
	group->mark = node->mark;
	snprintf(path, sizeof path, "[%zu]", index);
	if (node->kind != PL_NODE_MAPPING) {
		fail(r, node, path, "a group is a mapping with targets and perhaps labels, not %s", kind_name(r, node));
		return;
	}
	pl_labels_builder_clear(&r->labels);
	for (size_t i = 0; i < node->n; i++) {
		const struct pl_node *key = node->items[i];
		if (pl_str_is(key->text, "targets")) {
			snprintf(path, sizeof path, "[%zu].targets", index);
			read_targets(r, node->values[i], path, group);
		} else if (pl_str_is(key->text, "labels")) {
			snprintf(path, sizeof path, "[%zu].labels", index);
			read_labels(r, node->values[i], path);
		} else {
			int shown = key->text.n < SHOWN ? (int)key->text.n : SHOWN;
			snprintf(path, sizeof path, "[%zu]", index);
			fail(r, key, path, "unknown key \"%.*s\"; a group has targets and labels", shown, key->text.p);
		}
	}
	pl_labels_builder_set(&r->labels, r->origin_label, r->origin);
	struct pl_labels view = pl_labels_builder_view(&r->labels);
	struct pl_label *v = pl_arena_alloc(r->arena, view.n * sizeof *v);
	memcpy(v, view.v, view.n * sizeof *v); /* the texts are the tree's, in the same arena */
	group->labels = (struct pl_labels){v, view.n};
}

static enum pl_err read_all(struct reader *r, struct pl_str text, struct pl_target_file *out)
{
	const struct pl_node_limits limits = {.max_bytes = PL_TARGET_FILE_MAX_BYTES, .max_nodes = PL_TARGET_FILE_MAX_NODES};
	struct pl_node *root;
	*out = (struct pl_target_file){0};
	enum pl_err err = (r->json ? pl_json_tree_parse : pl_node_parse)(r->arena, r->origin.p, text, limits, r->problems, &root);
	if (err != PL_OK)
		return err;
	if (root == NULL) {
		pl_problems_add(r->problems, (struct pl_mark){r->origin.p, 0, 0}, "",
				"there is nothing in it; a file without targets is written as []");
		return PL_EPARSE;
	}
	if (root->kind != PL_NODE_SEQUENCE) {
		fail(r, root, "", "must be a list of groups (each with targets and perhaps labels), not %s", kind_name(r, root));
		return PL_EPARSE;
	}
	out->n = root->n;
	out->groups = pl_arena_alloc(r->arena, (root->n + 1) * sizeof *out->groups);
	for (size_t i = 0; i < root->n; i++)
		read_group(r, root->items[i], i, &out->groups[i]);
	pl_labels_builder_finish(&r->labels);
	return r->err;
}

enum pl_err pl_target_file_parse(struct pl_arena *arena, const char *path, struct pl_str text, struct pl_problems *problems,
				 struct pl_target_file *out)
{
	struct reader r = {.arena = arena, .problems = problems, .origin_label = PL_STR("__meta_filepath")};
	r.origin = pl_arena_str(arena, pl_str_of(path));
	r.json = is_json(r.origin);
	return read_all(&r, text, out);
}

enum pl_err pl_target_answer_parse(struct pl_arena *arena, const char *url, struct pl_str text, struct pl_problems *problems,
				   struct pl_target_file *out)
{
	struct reader r = {.arena = arena, .problems = problems, .json = true, .origin_label = PL_STR("__meta_url")};
	r.origin = pl_arena_str(arena, pl_str_of(url));
	return read_all(&r, text, out);
}
