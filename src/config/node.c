#include "config/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/anchors.h"
#include "config/file.h"
#include "config/text.h"

enum { DEFAULT_BYTES = 16 * 1024 * 1024, DEFAULT_DEPTH = 64, DEFAULT_NODES = 1000000, SHOWN = 64, MAX_WHY = 256 };

/* A sequence or mapping whose end has not come yet. A mapping's keys and values come in turns. */
struct frame {
	struct pl_node *node;
	struct pl_node **children;
	size_t n, cap;
};

struct builder {
	struct pl_arena *arena;
	struct pl_problems *problems;
	struct pl_node_limits limits;
	const char *file;
	struct frame *frames;
	size_t depth, cap;
	struct pl_anchors anchors;
	struct pl_node *root;
	size_t made; /* nodes */
	bool document_seen, stopped;
	enum pl_err err;
};

static struct pl_mark mark_at(const struct builder *b, yaml_mark_t at)
{
	return (struct pl_mark){b->file, (uint32_t)at.line + 1, (uint32_t)at.column + 1};
}

static void __attribute__((format(printf, 3, 4))) complain(struct builder *b, struct pl_mark mark, const char *format, ...)
{
	char text[MAX_WHY];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pl_problems_add(b->problems, mark, "", "%s", text);
	if (b->err == PL_OK)
		b->err = PL_EPARSE;
}

/* The same, and the parse ends here. */
static void stop(struct builder *b, enum pl_err err, struct pl_mark mark, const char *text)
{
	if (b->stopped)
		return;
	complain(b, mark, "%s", text);
	b->err = err;
	b->stopped = true;
}

static int by_text(const void *a, const void *b)
{
	const struct pl_node *x = *(struct pl_node *const *)a, *y = *(struct pl_node *const *)b;
	int order = pl_str_cmp(x->text, y->text);
	if (order != 0)
		return order;
	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	return (x->mark.column > y->mark.column) - (x->mark.column < y->mark.column);
}

struct duplicate {
	const struct pl_node *first, *again;
};

static int by_place(const void *a, const void *b)
{
	const struct pl_node *x = ((const struct duplicate *)a)->again, *y = ((const struct duplicate *)b)->again;
	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	return (x->mark.column > y->mark.column) - (x->mark.column < y->mark.column);
}

/* `sorted` by text and, among equals, by place. */
static void complain_duplicates(struct builder *b, struct pl_node **sorted, size_t n)
{
	struct duplicate *found = pl_calloc(n, sizeof *found);
	size_t n_found = 0;
	for (size_t i = 1, start = 0; i < n; i++) {
		if (!pl_str_eq(sorted[i]->text, sorted[start]->text))
			start = i;
		else
			found[n_found++] = (struct duplicate){sorted[start], sorted[i]};
	}
	qsort(found, n_found, sizeof *found, by_place);
	for (size_t i = 0; i < n_found; i++) {
		const struct pl_node *again = found[i].again;
		int shown = again->text.n > SHOWN ? SHOWN : (int)again->text.n;
		complain(b, again->mark, "duplicate key \"%.*s\" (first on line %u)", shown, again->text.p,
			 (unsigned)found[i].first->mark.line);
	}
	free(found);
}

static void check_keys(struct builder *b, const struct pl_node *mapping)
{
	bool duplicates = false;
	struct pl_node **sorted = pl_calloc(mapping->n + 1, sizeof *sorted);
	size_t n = 0;
	for (size_t i = 0; i < mapping->n; i++) {
		struct pl_node *key = mapping->items[i];
		if (key->kind != PL_NODE_SCALAR)
			complain(b, key->mark, "a key must be text, not a list or a mapping");
		else if (key->plain && pl_str_is(key->text, "<<"))
			complain(b, key->mark,
				 "merge keys (<<) are not supported; write the keys out, or alias whole values (*name)");
		else
			sorted[n++] = key;
	}
	qsort(sorted, n, sizeof(struct pl_node *), by_text);
	for (size_t i = 1; i < n && !duplicates; i++)
		duplicates = pl_str_eq(sorted[i]->text, sorted[i - 1]->text);
	if (duplicates)
		complain_duplicates(b, sorted, n);
	free(sorted);
}

/* Puts a finished node, or an alias of one, into what is being built, within the bounds. */
static void place(struct builder *b, struct pl_node *node, struct pl_mark mark)
{
	if (b->depth == 0) {
		b->root = node;
		return;
	}
	struct frame *f = &b->frames[b->depth - 1];
	struct pl_node *parent = f->node;
	if (f->n == f->cap) {
		f->cap = f->cap > 0 ? f->cap * 2 : 8;
		f->children = pl_realloc(f->children, f->cap * sizeof(struct pl_node *));
	}
	f->children[f->n++] = node;
	if (node->height >= parent->height)
		parent->height = node->height + 1;
	uint64_t nodes = (uint64_t)parent->all_nodes + node->all_nodes;
	parent->all_bytes += node->all_bytes;
	if (b->depth + node->height > b->limits.max_depth)
		stop(b, PL_ELIMIT, mark, "nested too deep");
	else if (nodes > b->limits.max_nodes)
		stop(b, PL_ELIMIT, mark, "too many values (aliases count as often as they are used)");
	else if (parent->all_bytes > b->limits.max_bytes)
		stop(b, PL_ELIMIT, mark, "too much text (aliases count as often as they are used)");
	else
		parent->all_nodes = (uint32_t)nodes;
}

static struct pl_node *make(struct builder *b, const yaml_event_t *event, enum pl_node_kind kind, const yaml_char_t *anchor)
{
	struct pl_node *node = pl_arena_alloc(b->arena, sizeof *node);
	node->kind = kind;
	node->mark = mark_at(b, event->start_mark);
	node->height = 1;
	node->all_nodes = 1;
	if (anchor != NULL)
		pl_anchors_set(&b->anchors, (const char *)anchor, node);
	if (++b->made > b->limits.max_nodes)
		stop(b, PL_ELIMIT, node->mark, "too many values");
	return node;
}

static void check_tag(struct builder *b, const yaml_event_t *event, const char *tag, const char *const *known)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *name = tag;
	if (tag == NULL || strcmp(name, "!") == 0)
		return;
	for (; strncmp(name, prefix, sizeof prefix - 1) == 0 && *known != NULL; known++)
		if (strcmp(name + sizeof prefix - 1, *known) == 0)
			return;
	complain(b, mark_at(b, event->start_mark),
		 "a tag that is not supported; leave it out, or put a text that begins with ! in quotes");
}

static void on_scalar(struct builder *b, const yaml_event_t *event)
{
	static const char *const tags[] = {"str", "int", "float", "bool", "null", NULL};
	struct pl_node *node = make(b, event, PL_NODE_SCALAR, event->data.scalar.anchor);
	const char *tag = (const char *)event->data.scalar.tag;
	bool as_text = tag != NULL && (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !as_text;
	node->text = pl_arena_str(b->arena, (struct pl_str){(const char *)event->data.scalar.value, event->data.scalar.length});
	node->all_bytes = node->text.n;
	check_tag(b, event, tag, tags);
	place(b, node, node->mark);
}

static void on_open(struct builder *b, const yaml_event_t *event, enum pl_node_kind kind)
{
	static const char *const sequence_tags[] = {"seq", NULL}, *const mapping_tags[] = {"map", NULL};
	bool sequence = kind == PL_NODE_SEQUENCE;
	struct pl_node *node =
	    make(b, event, kind, sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor);
	const yaml_char_t *tag = sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
	check_tag(b, event, (const char *)tag, sequence ? sequence_tags : mapping_tags);
	if (b->depth >= b->limits.max_depth) {
		stop(b, PL_ELIMIT, node->mark, "nested too deep");
		return;
	}
	if (b->depth == b->cap) {
		b->cap = b->cap > 0 ? b->cap * 2 : 16;
		b->frames = pl_realloc(b->frames, b->cap * sizeof *b->frames);
	}
	b->frames[b->depth++] = (struct frame){.node = node};
}

static void on_close(struct builder *b)
{
	struct frame *f = &b->frames[--b->depth];
	struct pl_node *node = f->node;
	size_t step = node->kind == PL_NODE_MAPPING ? 2 : 1;
	node->n = f->n / step;
	node->items = pl_arena_alloc(b->arena, (node->n + 1) * sizeof(struct pl_node *));
	if (step == 2)
		node->values = pl_arena_alloc(b->arena, (node->n + 1) * sizeof(struct pl_node *));
	for (size_t i = 0; i < node->n; i++) {
		node->items[i] = f->children[i * step];
		if (step == 2)
			node->values[i] = f->children[i * step + 1];
	}
	free(f->children);
	if (step == 2)
		check_keys(b, node);
	place(b, node, node->mark);
}

static void on_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct pl_mark mark = mark_at(b, event->start_mark);
	struct pl_node *node = pl_anchors_get(&b->anchors, name);
	bool open = false;
	for (size_t i = 0; i < b->depth; i++)
		open = open || b->frames[i].node == node;
	if (node != NULL && !open) {
		place(b, node, mark);
		return;
	}
	if (node == NULL)
		complain(b, mark, "an alias without an anchor before it; put a text that begins with * in quotes");
	else
		complain(b, mark, "the alias *%.64s stands inside the very value that &%.64s names", name, name);
	b->stopped = true;
}

static void on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->document_seen) {
			stop(b, PL_EPARSE, mark_at(b, event->start_mark), "a second document begins here; only one is allowed");
			break;
		}
		b->document_seen = true;
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(b, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(b, event, PL_NODE_SEQUENCE);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(b, event, PL_NODE_MAPPING);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(b);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(b, event);
		break;
	case YAML_STREAM_END_EVENT:
		b->stopped = true;
		break;
	default:
		break;
	}
}

/* What people trip over most often, seen from where libyaml gave up (`at` counts from 0). */
static const char *hint_for(struct pl_str text, yaml_mark_t at)
{
	struct pl_str line = {NULL, 0};
	for (size_t i = 0; i <= at.line && (i == 0 || text.p != NULL); i++)
		line = pl_str_cut(&text, '\n');
	if (at.column < line.n && line.p[at.column] == '\t')
		return "; a tab stands here, use spaces";
	if (line.n > 0 && memmem(line.p, line.n, "${", 2) != NULL)
		return "; between { } or [ ] write \"${NAME}\" in quotes";
	return "";
}

static void complain_syntax(struct builder *b, const yaml_parser_t *parser, struct pl_str text)
{
	char context[MAX_WHY] = "";
	const char *hint = hint_for(text, parser->problem_mark);
	const char *what = parser->problem != NULL ? parser->problem : "cannot be read";
	if (parser->context != NULL)
		snprintf(context, sizeof context, " (%s, line %zu)", parser->context, parser->context_mark.line + 1);
	if (parser->error == YAML_READER_ERROR)
		complain(b, (struct pl_mark){b->file, 0, 0}, "not valid YAML: %s", what);
	else
		complain(b, mark_at(b, parser->problem_mark), "not valid YAML: %s%s%s", what, context, hint);
}

static void run(struct builder *b, struct pl_str text)
{
	yaml_parser_t parser;
	yaml_event_t event;
	if (!yaml_parser_initialize(&parser)) {
		stop(b, PL_EIO, (struct pl_mark){b->file, 0, 0}, "out of memory");
		return;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	while (!b->stopped) {
		if (!yaml_parser_parse(&parser, &event)) {
			complain_syntax(b, &parser, text);
			break;
		}
		on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

static struct pl_node_limits with_defaults(struct pl_node_limits l)
{
	return (struct pl_node_limits){
	    .max_bytes = l.max_bytes > 0 ? l.max_bytes : DEFAULT_BYTES,
	    .max_depth = l.max_depth > 0 ? l.max_depth : DEFAULT_DEPTH,
	    .max_nodes = l.max_nodes > 0 ? l.max_nodes : DEFAULT_NODES,
	};
}

enum pl_err pl_node_parse(struct pl_arena *arena, const char *file, struct pl_str text, struct pl_node_limits limits,
			  struct pl_problems *problems, struct pl_node **out)
{
	struct builder b = {
	    .arena = arena, .problems = problems, .limits = with_defaults(limits), .file = pl_arena_strdup(arena, file)};
	*out = NULL;
	if (text.n > b.limits.max_bytes) {
		pl_problems_add(problems, (struct pl_mark){b.file, 0, 0}, "", "is larger than %zu bytes", b.limits.max_bytes);
		return PL_ELIMIT;
	}
	struct pl_text_flaw flaw = pl_text_check(&text);
	if (flaw.reason != NULL) {
		complain(&b, (struct pl_mark){b.file, flaw.line, flaw.column}, "not valid YAML: %s", flaw.reason);
		return b.err;
	}
	run(&b, text);
	for (size_t i = 0; i < b.depth; i++)
		free(b.frames[i].children);
	free(b.frames);
	pl_anchors_finish(&b.anchors);
	if (b.err == PL_OK && !pl_node_is_null(b.root))
		*out = b.root;
	return b.err;
}

enum pl_err pl_node_parse_file(struct pl_arena *arena, const char *path, struct pl_node_limits limits,
			       struct pl_problems *problems, struct pl_node **out)
{
	struct pl_buf text = {0};
	char why[MAX_WHY];
	*out = NULL;
	enum pl_err err = pl_file_read(path, with_defaults(limits).max_bytes, &text, why, sizeof why);
	if (err != PL_OK)
		pl_problems_add(problems, (struct pl_mark){path, 0, 0}, "", "%s", why);
	else
		err = pl_node_parse(arena, path, pl_buf_str(&text), limits, problems, out);
	pl_buf_finish(&text);
	return err;
}

struct pl_node *pl_node_get(const struct pl_node *mapping, const char *key)
{
	for (size_t i = 0; mapping != NULL && mapping->kind == PL_NODE_MAPPING && i < mapping->n; i++)
		if (pl_str_is(mapping->items[i]->text, key))
			return mapping->values[i];
	return NULL;
}

bool pl_node_is_null(const struct pl_node *node)
{
	if (node == NULL)
		return true;
	return node->kind == PL_NODE_SCALAR && node->plain &&
	       (node->text.n == 0 || pl_str_is(node->text, "~") || pl_str_is(node->text, "null") ||
		pl_str_is(node->text, "Null") || pl_str_is(node->text, "NULL"));
}
