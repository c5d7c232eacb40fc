#include "net/transfer_affinity.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/transfer_multi.h"
#include "net/transfer_pool.h"

enum { FIRST_BUCKETS = 64 };

static struct pl_transfer_affinity_list *bucket_of(struct pl_transfer_affinities *all, uint32_t number)
{
	return &all->buckets[(number * UINT32_C(2654435769) >> 7) % all->n_buckets];
}

static void grow(struct pl_transfer_affinities *all)
{
	struct pl_transfer_affinities old = *all;
	all->n_buckets = old.n_buckets > 0 ? old.n_buckets * 2 : FIRST_BUCKETS;
	all->buckets = pl_calloc(all->n_buckets, sizeof *all->buckets);
	for (unsigned i = 0; i < old.n_buckets; i++) {
		for (struct pl_transfer_affinity *a; (a = LIST_FIRST(&old.buckets[i])) != NULL;) {
			LIST_REMOVE(a, of_bucket);
			LIST_INSERT_HEAD(bucket_of(all, a->number), a, of_bucket);
		}
	}
	free(old.buckets);
}

static struct pl_transfer_multi *multi_with_room(struct pl_transfer_pool *pool)
{
	struct pl_transfer_multi *m = LIST_FIRST(&pool->multis);
	while (m != NULL && m->affinities >= pool->options.max_per_multi)
		m = LIST_NEXT(m, of_pool);
	return m != NULL ? m : pl_transfer_multi_open(pool);
}

struct pl_transfer_affinity *pl_transfer_affinity_enter(struct pl_transfer_pool *pool, uint32_t number)
{
	struct pl_transfer_affinities *all = &pool->affinities;
	if (all->n >= all->n_buckets)
		grow(all);
	struct pl_transfer_affinity *a = LIST_FIRST(bucket_of(all, number));
	while (a != NULL && a->number != number)
		a = LIST_NEXT(a, of_bucket);
	if (a == NULL) {
		a = pl_alloc(sizeof *a);
		*a = (struct pl_transfer_affinity){.number = number, .multi = multi_with_room(pool)};
		LIST_INSERT_HEAD(bucket_of(all, number), a, of_bucket);
		a->multi->affinities++;
		all->n++;
	}
	a->in_flight++;
	return a;
}

void pl_transfer_affinity_leave(struct pl_transfer_affinity *a)
{
	a->in_flight--;
	a->used_ns = pl_clock_mono_ns();
}

void pl_transfer_affinities_sweep(struct pl_transfer_pool *pool, int64_t before_ns)
{
	struct pl_transfer_affinities *all = &pool->affinities;
	for (unsigned i = 0; i < all->n_buckets; i++) {
		for (struct pl_transfer_affinity *a = LIST_FIRST(&all->buckets[i]), *next; a != NULL; a = next) {
			next = LIST_NEXT(a, of_bucket);
			if (a->in_flight > 0 || a->used_ns >= before_ns)
				continue;
			LIST_REMOVE(a, of_bucket);
			a->multi->affinities--;
			all->n--;
			free(a);
		}
	}
	for (struct pl_transfer_multi *m = LIST_FIRST(&pool->multis), *next; m != NULL; m = next) {
		next = LIST_NEXT(m, of_pool);
		if (m->affinities == 0)
			pl_transfer_multi_close(m);
	}
}
