#include "in_relay/collectors.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "format/lineproto.h"

void pl_in_relay_collectors_finish(struct pl_in_relay_collectors *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i]);
	free(all->v);
	*all = (struct pl_in_relay_collectors){0};
}

/* ---- tags ---- */

/* The key as InfluxDB will have it: two that become the same there must be one here. */
static struct pl_str settle_key(struct pl_arena *arena, struct pl_str key)
{
	struct pl_buf escaped = {0}, plain = {0};
	pl_lp_add_key(&escaped, key);
	pl_lp_unescape(&plain, pl_buf_str(&escaped));
	struct pl_str settled = pl_str_eq(pl_buf_str(&plain), key) ? key : pl_arena_str(arena, pl_buf_str(&plain));
	pl_buf_finish(&escaped);
	pl_buf_finish(&plain);
	return settled;
}

void pl_in_relay_add_tags(struct pl_buf *out, struct pl_str name, struct pl_str given, struct pl_str host,
			  const struct pl_in_relay_tagging *tagging)
{
	struct pl_arena arena = {0};
	struct pl_labels_builder b = {0};
	for (size_t i = 0; i < tagging->external.n; i++)
		pl_labels_builder_set(&b, tagging->external.v[i].name, tagging->external.v[i].value);
	if (tagging->collector_tag)
		pl_labels_builder_set(&b, PL_STR("collector"), name);
	pl_labels_builder_set(&b, PL_STR("host"), host);
	while (given.p != NULL) {
		struct pl_str value = pl_str_cut(&given, ','), key = pl_str_cut(&value, ':');
		if (value.p != NULL && key.n > 0)
			pl_labels_builder_set(&b, settle_key(&arena, key), value);
	}
	pl_lp_add_tags(out, pl_labels_builder_view(&b));
	pl_labels_builder_finish(&b);
	pl_arena_finish(&arena);
}

/* ---- the list ---- */

/* Where `name` is, or where it would be. */
static size_t place_of(const struct pl_in_relay_collectors *all, struct pl_str name, bool *found)
{
	size_t low = 0, high = all->n;
	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = pl_str_cmp(name, pl_in_relay_collector_name(all->v[middle]));
		*found = order == 0;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

const struct pl_in_relay_collector *pl_in_relay_collectors_find(const struct pl_in_relay_collectors *all, struct pl_str name)
{
	bool found;
	size_t at = place_of(all, name, &found);
	return found ? all->v[at] : NULL;
}

static size_t size_of(const struct pl_in_relay_collector *c)
{
	return sizeof *c + c->name_n + c->given_n + c->tags_n;
}

static struct pl_in_relay_collector *make(struct pl_str name, struct pl_str given, struct pl_str host,
					  const struct pl_in_relay_tagging *tagging)
{
	struct pl_buf text = {0};
	uint32_t n_given = 0;
	pl_buf_add_str(&text, name);
	pl_buf_add_str(&text, given);
	pl_in_relay_add_tags(&text, name, given, host, tagging);
	for (struct pl_str rest = given; rest.p != NULL; n_given++)
		pl_str_cut(&rest, ',');
	struct pl_in_relay_collector *c = pl_alloc(sizeof *c + text.n);
	c->name_n = (uint32_t)name.n;
	c->given_n = (uint32_t)given.n;
	c->tags_n = (uint32_t)(text.n - name.n - given.n);
	c->n_given = n_given;
	if (text.n > 0)
		memcpy(c->text, text.p, text.n);
	pl_buf_finish(&text);
	return c;
}

static void replace(struct pl_in_relay_collectors *all, size_t at, struct pl_in_relay_collector *c)
{
	all->bytes -= size_of(all->v[at]);
	all->bytes += size_of(c);
	free(all->v[at]);
	all->v[at] = c;
}

void pl_in_relay_collectors_set(struct pl_in_relay_collectors *all, struct pl_str name, struct pl_str given, struct pl_str host,
				const struct pl_in_relay_tagging *tagging)
{
	bool found;
	size_t at = place_of(all, name, &found);
	struct pl_in_relay_collector *c = make(name, given, host, tagging);
	if (found) {
		replace(all, at, c);
		return;
	}
	if (all->n == all->cap) {
		all->cap = all->cap > 0 ? 2 * all->cap : 4;
		all->v = pl_realloc(all->v, all->cap * sizeof *all->v);
	}
	memmove(all->v + at + 1, all->v + at, (all->n - at) * sizeof *all->v);
	all->v[at] = c;
	all->n++;
	all->bytes += size_of(c);
}

void pl_in_relay_collectors_remove(struct pl_in_relay_collectors *all, struct pl_str name)
{
	bool found;
	size_t at = place_of(all, name, &found);
	if (!found)
		return;
	all->bytes -= size_of(all->v[at]);
	free(all->v[at]);
	all->n--;
	memmove(all->v + at, all->v + at + 1, (all->n - at) * sizeof *all->v);
}

void pl_in_relay_collectors_retag(struct pl_in_relay_collectors *all, struct pl_str host,
				  const struct pl_in_relay_tagging *tagging)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct pl_in_relay_collector *old = all->v[i];
		replace(all, i, make(pl_in_relay_collector_name(old), pl_in_relay_collector_given(old), host, tagging));
	}
}

void pl_in_relay_collectors_names(const struct pl_in_relay_collectors *all, struct pl_buf *out)
{
	for (size_t i = 0; i < all->n; i++) {
		if (i > 0)
			pl_buf_add_char(out, ',');
		pl_buf_add_str(out, pl_in_relay_collector_name(all->v[i]));
	}
}
