#include "format/transcode_gather.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_INDEX = 64, KEPT_BYTES = 64 << 10 };

void pl_gather_finish(struct pl_gather *g)
{
	for (size_t i = 0; i < g->cap; i++)
		pl_buf_finish(&g->groups[i].text);
	free(g->groups);
	free(g->index);
	pl_buf_finish(&g->family);
	pl_buf_finish(&g->key);
	pl_buf_finish(&g->field);
	pl_buf_finish(&g->bound);
	free(g->labels);
	free(g->settled);
	*g = (struct pl_gather){0};
}

void pl_gather_clear(struct pl_gather *g)
{
	if (g->n == 0)
		return;
	/* One huge family must not stay with us. */
	if (g->bytes > KEPT_BYTES)
		for (size_t i = 0; i < g->n; i++)
			pl_buf_finish(&g->groups[i].text);
	g->n = g->last = g->bytes = 0;
	memset(g->index, 0, g->index_cap * sizeof *g->index);
}

static uint32_t *slot_of(struct pl_gather *g, uint64_t hash)
{
	return &g->index[hash & (g->index_cap - 1)];
}

static void put_in_index(struct pl_gather *g, size_t group)
{
	size_t at = (size_t)(slot_of(g, g->groups[group].hash) - g->index);
	while (g->index[at] != 0)
		at = (at + 1) & (g->index_cap - 1);
	g->index[at] = (uint32_t)group + 1;
}

static void grow(struct pl_gather *g)
{
	if (g->n == g->cap) {
		size_t cap = g->cap * 2 + 16;
		g->groups = pl_realloc(g->groups, cap * sizeof *g->groups);
		memset(g->groups + g->cap, 0, (cap - g->cap) * sizeof *g->groups);
		g->cap = cap;
	}
	if (2 * (g->n + 1) > g->index_cap) {
		g->index_cap = g->index_cap > 0 ? 2 * g->index_cap : FIRST_INDEX;
		free(g->index);
		g->index = pl_calloc(g->index_cap, sizeof *g->index);
		for (size_t i = 0; i < g->n; i++)
			put_in_index(g, i);
	}
}

static bool is_group(const struct pl_gather *g, const struct pl_gather_group *group, bool has_time, int64_t time_ns)
{
	return group->series_n == g->key.n && memcmp(group->text.p, g->key.p, g->key.n) == 0 && group->has_time == has_time &&
	       (!has_time || group->time_ns == time_ns);
}

bool pl_gather_fits(const struct pl_gather *g, size_t bytes)
{
	return g->bytes + bytes <= PL_GATHER_MAX_BYTES;
}

struct pl_gather_group *pl_gather_group(struct pl_gather *g, bool has_time, int64_t time_ns)
{
	if (g->n > 0 && is_group(g, &g->groups[g->last], has_time, time_ns))
		return &g->groups[g->last];
	uint64_t hash = pl_str_hash(pl_buf_str(&g->key), has_time ? (uint64_t)time_ns : 0);
	if (g->n > 0)
		for (size_t at = hash & (g->index_cap - 1); g->index[at] != 0; at = (at + 1) & (g->index_cap - 1)) {
			struct pl_gather_group *group = &g->groups[g->index[at] - 1];
			if (group->hash == hash && is_group(g, group, has_time, time_ns)) {
				g->last = g->index[at] - 1;
				return group;
			}
		}
	if (g->n == PL_GATHER_MAX_GROUPS || !pl_gather_fits(g, g->key.n))
		return NULL;
	grow(g);
	struct pl_gather_group *group = &g->groups[g->n];
	struct pl_buf text = group->text;
	*group = (struct pl_gather_group){
	    .text = text, .series_n = g->key.n, .hash = hash, .has_time = has_time, .time_ns = has_time ? time_ns : 0};
	pl_buf_clear(&group->text);
	pl_buf_add_str(&group->text, pl_buf_str(&g->key));
	g->bytes += g->key.n;
	g->last = g->n;
	put_in_index(g, g->n++);
	return group;
}
