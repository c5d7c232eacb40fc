#include "config/json_tree.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/text.h"

enum { DEFAULT_BYTES = 16 * 1024 * 1024, DEFAULT_DEPTH = 64, DEFAULT_NODES = 1000000 };

struct reader {
	struct pl_arena *arena;
	struct pl_problems *problems;
	struct pl_node_limits limits;
	const char *p, *end;
	const char *counted; /* up to where `at` was counted */
	struct pl_mark at;
	struct pl_node **stack; /* children of the open arrays and objects */
	size_t n_stack, cap_stack;
	size_t nodes, depth;
	struct pl_buf string; /* of the last string */
	enum pl_err err;
};

/* Where p is. It only moves forward, so that counting all columns costs one pass. */
static struct pl_mark mark(struct reader *r)
{
	for (; r->counted < r->p; r->counted++) {
		if (*r->counted == '\n') {
			r->at.line++;
			r->at.column = 1;
		} else if (((unsigned char)*r->counted & 0xC0) != 0x80) {
			r->at.column++;
		}
	}
	return r->at;
}

/* Notes the first error only: what follows it makes no sense any more. */
static bool fail(struct reader *r, enum pl_err err, const char *text)
{
	if (r->err == PL_OK)
		pl_problems_add(r->problems, mark(r), "", "%s", text);
	r->err = err;
	return false;
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool hex4(struct reader *r, uint32_t *out)
{
	*out = 0;
	if (r->end - r->p < 4)
		return fail(r, PL_EPARSE, "\\u needs four hexadecimal digits");
	for (int i = 0; i < 4; i++) {
		char c = *r->p;
		unsigned digit;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a' + 10);
		else
			return fail(r, PL_EPARSE, "\\u needs four hexadecimal digits");
		*out = *out << 4 | digit;
		r->p++;
	}
	return true;
}

static void add_utf8(struct pl_buf *b, uint32_t c)
{
	if (c < 0x80) {
		pl_buf_add_char(b, (char)c);
		return;
	}
	if (c < 0x800) {
		pl_buf_add_char(b, (char)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			pl_buf_add_char(b, (char)(0xE0 | c >> 12));
		} else {
			pl_buf_add_char(b, (char)(0xF0 | c >> 18));
			pl_buf_add_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
		}
		pl_buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
	}
	pl_buf_add_char(b, (char)(0x80 | (c & 0x3F)));
}

/* Behind `\u`. */
static bool read_unicode(struct reader *r)
{
	uint32_t c, low;
	if (!hex4(r, &c))
		return false;
	if (c >= 0xDC00 && c <= 0xDFFF)
		return fail(r, PL_EPARSE, "the second half of a surrogate pair stands alone");
	if (c >= 0xD800 && c <= 0xDBFF) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return fail(r, PL_EPARSE, "the first half of a surrogate pair stands alone");
		r->p += 2;
		if (!hex4(r, &low))
			return false;
		if (low < 0xDC00 || low > 0xDFFF)
			return fail(r, PL_EPARSE, "the first half of a surrogate pair stands alone");
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	add_utf8(&r->string, c);
	return true;
}

static bool read_escape(struct reader *r)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	if (r->p == r->end)
		return fail(r, PL_EPARSE, "the string has no end");
	char c = *r->p;
	if (c == 'u') {
		r->p++;
		return read_unicode(r);
	}
	const char *at = c != '\0' ? strchr(letters, c) : NULL;
	if (at == NULL)
		return fail(r, PL_EPARSE, "behind a backslash one of \" \\ / b f n r t u must stand");
	pl_buf_add_char(&r->string, meanings[at - letters]);
	r->p++;
	return true;
}

/* p is at the opening quote. */
static bool read_string(struct reader *r)
{
	pl_buf_clear(&r->string);
	for (r->p++;;) {
		const char *start = r->p;
		while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
			r->p++;
		pl_buf_add(&r->string, start, (size_t)(r->p - start));
		if (r->p == r->end)
			return fail(r, PL_EPARSE, "the string has no end");
		if (*r->p == '"') {
			r->p++;
			return true;
		}
		if (*r->p != '\\')
			return fail(r, PL_EPARSE, "a control character in a string must be escaped (\\n, \\t, \\u00..)");
		r->p++;
		if (!read_escape(r))
			return false;
	}
}

static bool is_digit(const struct reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool digits(struct reader *r)
{
	if (!is_digit(r))
		return fail(r, PL_EPARSE, "a digit must stand here");
	while (is_digit(r))
		r->p++;
	return true;
}

static bool read_number(struct reader *r)
{
	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0') {
		r->p++;
		if (is_digit(r))
			return fail(r, PL_EPARSE, "a number does not begin with 0");
	} else if (!digits(r)) {
		return false;
	}
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		return digits(r);
	}
	return true;
}

static bool read_word(struct reader *r)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < PL_COUNT_OF(words); i++) {
		struct pl_str word = pl_str_of(words[i]);
		if (pl_str_starts((struct pl_str){r->p, (size_t)(r->end - r->p)}, word)) {
			r->p += word.n;
			return true;
		}
	}
	return fail(r, PL_EPARSE,
		    "a value must stand here: \"text\", a list [...], an object {...}, a number, true, false, null");
}

static void push(struct reader *r, struct pl_node *node)
{
	if (r->n_stack == r->cap_stack) {
		r->cap_stack = r->cap_stack == 0 ? 64 : r->cap_stack * 2;
		r->stack = pl_realloc(r->stack, r->cap_stack * sizeof(struct pl_node *));
	}
	r->stack[r->n_stack++] = node;
}

static struct pl_node *make(struct reader *r, enum pl_node_kind kind)
{
	if (++r->nodes > r->limits.max_nodes) {
		fail(r, PL_ELIMIT, "too many values");
		return NULL;
	}
	struct pl_node *node = pl_arena_alloc(r->arena, sizeof *node);
	node->kind = kind;
	node->mark = mark(r);
	node->height = 1;
	node->all_nodes = 1;
	return node;
}

static struct pl_node *read_scalar(struct reader *r)
{
	struct pl_node *node = make(r, PL_NODE_SCALAR);
	if (node == NULL)
		return NULL;
	const char *start = r->p;
	struct pl_str text;
	if (*r->p == '"') {
		if (!read_string(r))
			return NULL;
		text = pl_buf_str(&r->string);
	} else {
		bool number = *r->p == '-' || is_digit(r);
		if (number ? !read_number(r) : !read_word(r))
			return NULL;
		node->plain = true;
		text = (struct pl_str){start, (size_t)(r->p - start)};
	}
	node->text = pl_arena_str(r->arena, text);
	node->all_bytes = text.n;
	return node;
}

static struct pl_node *read_value(struct reader *r);

static bool push_value(struct reader *r)
{
	struct pl_node *node = read_value(r);
	if (node == NULL)
		return false;
	push(r, node);
	return true;
}

static bool push_member(struct reader *r)
{
	if (r->p == r->end || *r->p != '"')
		return fail(r, PL_EPARSE, "a key in quotes must stand here");
	if (!push_value(r))
		return false;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return fail(r, PL_EPARSE, "a colon must stand between key and value");
	r->p++;
	return push_value(r);
}

static int by_text(const void *a, const void *b)
{
	const struct pl_node *x = *(struct pl_node *const *)a, *y = *(struct pl_node *const *)b;
	int order = pl_str_cmp(x->text, y->text);
	return order != 0 ? order : (x > y) - (x < y);
}

static bool keys_differ(struct reader *r, const struct pl_node *object)
{
	struct pl_node **sorted = pl_alloc((object->n + 1) * sizeof(struct pl_node *));
	if (object->n > 0)
		memcpy(sorted, object->items, object->n * sizeof(struct pl_node *));
	qsort(sorted, object->n, sizeof(struct pl_node *), by_text);
	for (size_t i = 1; i < object->n && r->err == PL_OK; i++) {
		if (!pl_str_eq(sorted[i - 1]->text, sorted[i]->text))
			continue;
		const struct pl_node *a = sorted[i - 1], *b = sorted[i];
		bool a_later = a->mark.line != b->mark.line ? a->mark.line > b->mark.line : a->mark.column > b->mark.column;
		int shown = b->text.n < 64 ? (int)b->text.n : 64;
		pl_problems_add(r->problems, (a_later ? a : b)->mark, "", "duplicate key \"%.*s\"", shown, b->text.p);
		r->err = PL_EPARSE;
	}
	free(sorted);
	return r->err == PL_OK;
}

/* Takes what was pushed since `from` as the children of `node`. */
static void take_children(struct reader *r, struct pl_node *node, size_t from)
{
	size_t step = node->kind == PL_NODE_MAPPING ? 2 : 1;
	node->n = (r->n_stack - from) / step;
	node->items = pl_arena_alloc(r->arena, (node->n + 1) * sizeof(struct pl_node *));
	if (step == 2)
		node->values = pl_arena_alloc(r->arena, (node->n + 1) * sizeof(struct pl_node *));
	for (size_t i = from; i < r->n_stack; i++) {
		struct pl_node *child = r->stack[i];
		((i - from) % step == 0 ? node->items : node->values)[(i - from) / step] = child;
		node->all_nodes += child->all_nodes;
		node->all_bytes += child->all_bytes;
		if (child->height >= node->height)
			node->height = child->height + 1;
	}
	r->n_stack = from;
}

/* p is at the opening bracket. */
static struct pl_node *read_container(struct reader *r, enum pl_node_kind kind)
{
	char closing = kind == PL_NODE_MAPPING ? '}' : ']';
	size_t from = r->n_stack;
	struct pl_node *node = make(r, kind);
	if (node == NULL)
		return NULL;
	if (++r->depth > r->limits.max_depth) {
		fail(r, PL_ELIMIT, "nested too deep");
		return NULL;
	}
	r->p++;
	for (bool first = true;; first = false) {
		skip_space(r);
		if (first && r->p < r->end && *r->p == closing)
			break;
		if (kind == PL_NODE_MAPPING ? !push_member(r) : !push_value(r))
			return NULL;
		skip_space(r);
		if (r->p < r->end && *r->p == closing)
			break;
		if (r->p == r->end || *r->p != ',') {
			fail(r, PL_EPARSE,
			     kind == PL_NODE_MAPPING ? "a comma or } must stand here" : "a comma or ] must stand here");
			return NULL;
		}
		r->p++;
	}
	r->p++;
	r->depth--;
	take_children(r, node, from);
	return kind == PL_NODE_MAPPING && !keys_differ(r, node) ? NULL : node;
}

/* Recursive; the depth is bounded. */
static struct pl_node *read_value(struct reader *r)
{
	skip_space(r);
	if (r->p == r->end) {
		fail(r, PL_EPARSE, "the text ends where a value must stand");
		return NULL;
	}
	if (*r->p == '{')
		return read_container(r, PL_NODE_MAPPING);
	return *r->p == '[' ? read_container(r, PL_NODE_SEQUENCE) : read_scalar(r);
}

enum pl_err pl_json_tree_parse(struct pl_arena *arena, const char *file, struct pl_str text, struct pl_node_limits limits,
			       struct pl_problems *problems, struct pl_node **out)
{
	struct reader r = {.arena = arena, .problems = problems, .limits = limits, .at = {pl_arena_strdup(arena, file), 1, 1}};
	*out = NULL;
	if (r.limits.max_bytes == 0)
		r.limits.max_bytes = DEFAULT_BYTES;
	if (r.limits.max_depth == 0)
		r.limits.max_depth = DEFAULT_DEPTH;
	if (r.limits.max_nodes == 0)
		r.limits.max_nodes = DEFAULT_NODES;
	if (text.n > r.limits.max_bytes) {
		pl_problems_add(problems, (struct pl_mark){r.at.file, 0, 0}, "", "%zu bytes, the limit is %zu", text.n,
				r.limits.max_bytes);
		return PL_ELIMIT;
	}
	struct pl_text_flaw flaw = pl_text_check(&text);
	if (flaw.reason != NULL) {
		pl_problems_add(problems, (struct pl_mark){r.at.file, flaw.line, flaw.column}, "", "%s", flaw.reason);
		return PL_EPARSE;
	}
	r.p = r.counted = text.p;
	r.end = text.p + text.n;
	struct pl_node *root = read_value(&r);
	if (root != NULL) {
		skip_space(&r);
		if (r.p < r.end)
			fail(&r, PL_EPARSE, "nothing may stand behind the document's end");
	}
	free(r.stack);
	pl_buf_finish(&r.string);
	if (r.err == PL_OK && !pl_node_is_null(root))
		*out = root;
	return r.err;
}
