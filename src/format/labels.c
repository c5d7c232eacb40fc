#include "format/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/json_out.h"

/* Where `name` stands among v[0..n), or where it belongs. */
static size_t find(const struct pl_label *v, size_t n, struct pl_str name, bool *found)
{
	size_t low = 0, high = n;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = pl_str_cmp(v[middle].name, name);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct pl_str *pl_labels_get(struct pl_labels set, struct pl_str name)
{
	bool found;
	size_t at = find(set.v, set.n, name, &found);
	return found ? &set.v[at].value : NULL;
}

bool pl_labels_eq(struct pl_labels a, struct pl_labels b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!pl_str_eq(a.v[i].name, b.v[i].name) || !pl_str_eq(a.v[i].value, b.v[i].value))
			return false;
	return true;
}

uint64_t pl_labels_hash(struct pl_labels set, uint64_t seed)
{
	for (size_t i = 0; i < set.n; i++) {
		seed = pl_str_hash(set.v[i].name, seed);
		seed = pl_str_hash(set.v[i].value, seed);
	}
	return seed;
}

bool pl_label_name_valid(struct pl_str name)
{
	if (name.n == 0)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return true;
}

struct pl_labels pl_labels_copy(struct pl_arena *arena, struct pl_labels set)
{
	if (set.n == 0)
		return (struct pl_labels){NULL, 0};
	size_t bytes = 0;
	for (size_t i = 0; i < set.n; i++)
		bytes += set.v[i].name.n + set.v[i].value.n;
	struct pl_label *v = pl_arena_alloc(arena, set.n * sizeof *v);
	char *p = pl_arena_alloc(arena, bytes); /* one block: a set has many short strings */
	for (size_t i = 0; i < set.n; i++) {
		struct pl_str from[2] = {set.v[i].name, set.v[i].value}, to[2];
		for (size_t k = 0; k < 2; k++) {
			to[k] = (struct pl_str){p, from[k].n};
			if (from[k].n > 0)
				memcpy(p, from[k].p, from[k].n);
			p += from[k].n;
		}
		v[i] = (struct pl_label){to[0], to[1]};
	}
	return (struct pl_labels){v, set.n};
}

void pl_labels_json(struct pl_buf *out, struct pl_labels set)
{
	pl_buf_add_char(out, '{');
	for (size_t i = 0; i < set.n; i++) {
		if (i > 0)
			pl_buf_add_char(out, ',');
		pl_json_add_quoted(out, set.v[i].name);
		pl_buf_add_char(out, ':');
		pl_json_add_quoted(out, set.v[i].value);
	}
	pl_buf_add_char(out, '}');
}

void pl_labels_builder_finish(struct pl_labels_builder *b)
{
	free(b->v);
	*b = (struct pl_labels_builder){0};
}

void pl_labels_builder_clear(struct pl_labels_builder *b)
{
	b->n = 0;
}

void pl_labels_builder_set(struct pl_labels_builder *b, struct pl_str name, struct pl_str value)
{
	bool found;
	size_t at = find(b->v, b->n, name, &found);
	if (found) {
		b->v[at] = (struct pl_label){name, value}; /* the name too: the old one's bytes may not live as long */
		return;
	}
	if (b->n == b->cap) {
		b->cap = b->cap > 0 ? 2 * b->cap : 8;
		b->v = pl_realloc(b->v, b->cap * sizeof *b->v);
	}
	memmove(b->v + at + 1, b->v + at, (b->n - at) * sizeof *b->v);
	b->v[at] = (struct pl_label){name, value};
	b->n++;
}

void pl_labels_builder_remove(struct pl_labels_builder *b, struct pl_str name)
{
	bool found;
	size_t at = find(b->v, b->n, name, &found);
	if (!found)
		return;
	b->n--;
	memmove(b->v + at, b->v + at + 1, (b->n - at) * sizeof *b->v);
}

struct pl_labels pl_labels_builder_view(const struct pl_labels_builder *b)
{
	return (struct pl_labels){b->v, b->n};
}
