#include "live/index.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 0
#include <uthash.h>

#include "base/mem.h"

struct bucket {
	UT_hash_handle hh;
	struct pl_live_place *first;
	size_t n;
	size_t tag_bytes;
	char tag[];
};

/* One set of one subscriber. */
struct pl_live_place {
	struct pl_live_place *prev, *next;
	struct bucket *bucket; /* NULL: among those that want everything */
	struct pl_live_subscriber *subscriber;
	const struct pl_live_set *set;
};

struct pl_live_index {
	struct bucket *buckets;
	struct pl_live_place *everything;
};

struct pl_live_index *pl_live_index_create(void)
{
	return pl_calloc(1, sizeof(struct pl_live_index));
}

void pl_live_index_destroy(struct pl_live_index *x)
{
	free(x);
}

static struct bucket *find(struct pl_live_index *x, struct pl_str tag)
{
	struct bucket *b;
	HASH_FIND(hh, x->buckets, tag.p, tag.n, b);
	return b;
}

static struct bucket *make(struct pl_live_index *x, struct pl_str tag)
{
	struct bucket *b = pl_calloc(1, sizeof *b + tag.n);
	b->tag_bytes = tag.n;
	memcpy(b->tag, tag.p, tag.n);
	HASH_ADD_KEYPTR(hh, x->buckets, b->tag, b->tag_bytes, b);
	return b;
}

static struct bucket *emptiest(struct pl_live_index *x, const struct pl_live_set *set)
{
	struct bucket *best = NULL;
	for (size_t i = 0; i < set->n; i++) {
		struct bucket *b = find(x, set->tags[i]);
		if (b == NULL)
			return make(x, set->tags[i]);
		if (best == NULL || b->n < best->n)
			best = b;
	}
	return best;
}

static struct pl_live_place *take_place(struct pl_live_index *x, struct pl_live_subscriber *s, const struct pl_live_set *set)
{
	struct pl_live_place *p = pl_calloc(1, sizeof *p);
	p->subscriber = s;
	p->set = set;
	p->bucket = set != NULL && set->n > 0 ? emptiest(x, set) : NULL;
	struct pl_live_place **first = p->bucket != NULL ? &p->bucket->first : &x->everything;
	p->next = *first;
	if (p->next != NULL)
		p->next->prev = p;
	*first = p;
	if (p->bucket != NULL)
		p->bucket->n++;
	return p;
}

static void leave_place(struct pl_live_index *x, struct pl_live_place *p)
{
	struct bucket *b = p->bucket;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else if (b != NULL)
		b->first = p->next;
	else
		x->everything = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	free(p);
	if (b != NULL && --b->n == 0) {
		HASH_DEL(x->buckets, b);
		free(b);
	}
}

void pl_live_index_add(struct pl_live_index *x, struct pl_live_subscriber *s)
{
	for (size_t i = 0; i < s->wish.n; i++)
		s->places[i] = take_place(x, s, &s->wish.sets[i]);
	if (s->wish.n == 0)
		s->everything = take_place(x, s, NULL);
}

void pl_live_index_remove(struct pl_live_index *x, struct pl_live_subscriber *s)
{
	for (size_t i = 0; i < s->wish.n; i++)
		leave_place(x, s->places[i]);
	if (s->everything != NULL)
		leave_place(x, s->everything);
	s->everything = NULL;
}

static void offer(struct pl_live_place *p, const struct pl_live_message *m,
		  void (*found)(struct pl_live_subscriber *s, void *data), void *data)
{
	for (; p != NULL; p = p->next) {
		struct pl_live_subscriber *s = p->subscriber;
		if (s->last_found == m->id || (p->set != NULL && !pl_live_set_fits(p->set, m)))
			continue;
		s->last_found = m->id;
		found(s, data);
	}
}

void pl_live_index_match(struct pl_live_index *x, const struct pl_live_message *m,
			 void (*found)(struct pl_live_subscriber *s, void *data), void *data)
{
	offer(x->everything, m, found, data);
	for (size_t i = 0; i < m->n_tags && x->buckets != NULL; i++) {
		struct bucket *b = find(x, m->tags[i]);
		if (b != NULL)
			offer(b->first, m, found, data);
	}
}
