#include "pipeline/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct pl_route *pl_route_create(const char *database, const char *retention_policy)
{
	struct pl_route *r = pl_calloc(1, sizeof *r);
	atomic_init(&r->refs, 1);
	r->database = pl_strdup(database);
	r->retention_policy = pl_strdup(retention_policy);
	return r;
}

struct pl_route *pl_route_share(struct pl_route *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void pl_route_release(struct pl_route *r)
{
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	free((char *)r->database);
	free((char *)r->retention_policy);
	free(r);
}

bool pl_route_eq(const struct pl_route *a, const struct pl_route *b)
{
	return a == b || (strcmp(a->database, b->database) == 0 && strcmp(a->retention_policy, b->retention_policy) == 0);
}

struct pl_batch *pl_batch_create(struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct pl_batch *b = pl_calloc(1, sizeof *b);
	atomic_init(&b->refs, 1);
	b->route = pl_route_share(route);
	b->n = lines->n;
	b->p = lines->cap - lines->n > lines->cap / 8 ? pl_realloc(lines->p, lines->n) : lines->p;
	b->points = points;
	b->sealed_mono_ns = pl_clock_mono_ns();
	*lines = (struct pl_buf){0};
	return b;
}

struct pl_batch *pl_batch_share(struct pl_batch *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void pl_batch_release(struct pl_batch *b)
{
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	pl_route_release(b->route);
	free((char *)b->p);
	free(b);
}

bool pl_batch_is_sole(const struct pl_batch *b)
{
	return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

/* Where the line that holds the middle byte ends. */
static size_t middle_line_end(const struct pl_batch *b)
{
	const char *at = memchr(b->p + b->n / 2, '\n', b->n - b->n / 2);
	size_t cut = at != NULL ? (size_t)(at - b->p) + 1 : b->n;
	if (cut < b->n)
		return cut;
	at = memrchr(b->p, '\n', b->n / 2);
	return at != NULL ? (size_t)(at - b->p) + 1 : b->n;
}

static struct pl_batch *copy_of(const struct pl_batch *whole, size_t from, size_t to)
{
	struct pl_buf lines = {0};
	uint32_t points = 0;
	pl_buf_add(&lines, whole->p + from, to - from);
	for (size_t i = 0; i < lines.n; i++)
		points += lines.p[i] == '\n';
	struct pl_batch *part = pl_batch_create(whole->route, &lines, points);
	part->sealed_mono_ns = whole->sealed_mono_ns;
	return part;
}

bool pl_batch_split(const struct pl_batch *b, struct pl_batch **first, struct pl_batch **second)
{
	size_t cut = middle_line_end(b);
	if (b->points < 2 || cut == b->n)
		return false;
	*first = copy_of(b, 0, cut);
	*second = copy_of(b, cut, b->n);
	return true;
}
