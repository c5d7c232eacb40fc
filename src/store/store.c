#include "store/store.h"

/* The asker's own way back, kept in the query's arena while the store stands in it. */
struct ticket {
	struct pl_store *store;
	void (*done)(struct pl_query *q);
	void *data;
};

void pl_store_init(struct pl_store *s, struct pl_loop *loop, unsigned max_open)
{
	*s = (struct pl_store){.loop = loop, .max_open = max_open};
}

static void answered(struct pl_query *q)
{
	const struct ticket *t = q->data;
	t->store->n_open--;
	q->data = t->data;
	q->done = t->done;
	q->done(q);
}

static struct pl_output *first_readable(const struct pl_outputs *outputs)
{
	for (size_t i = 0; i < outputs->n; i++)
		if (pl_output_readable(outputs->v[i]))
			return outputs->v[i];
	return NULL;
}

enum pl_err pl_store_ask(struct pl_store *s, const struct pl_outputs *outputs, struct pl_query *q, const char **why)
{
	struct pl_output *o = first_readable(outputs);
	if (o == NULL) {
		*why = "no output of the configuration can be read back";
		return PL_EUNSUPPORTED;
	}
	if (s->n_open >= s->max_open) {
		s->refused++;
		*why = "too many questions are waiting for the store";
		return PL_ELIMIT;
	}
	struct ticket *t = pl_arena_alloc(&q->arena, sizeof *t);
	*t = (struct ticket){s, q->done, q->data};
	q->done = answered;
	q->data = t;
	q->asker = s->loop;
	if (!pl_output_query(o, q)) {
		q->done = t->done;
		q->data = t->data;
		*why = "the store is closing";
		return PL_ECANCELED;
	}
	s->n_open++;
	s->asked++;
	return PL_OK;
}
