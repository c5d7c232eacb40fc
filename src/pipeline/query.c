#include "pipeline/query.h"

#include <stdlib.h>

#include "base/mem.h"

struct pl_query *pl_query_create(enum pl_query_kind kind)
{
	struct pl_query *q = pl_calloc(1, sizeof *q);
	q->kind = kind;
	q->reason = "";
	return q;
}

void pl_query_destroy(struct pl_query *q)
{
	if (q == NULL)
		return;
	pl_arena_finish(&q->arena);
	free(q);
}

static void answered(struct pl_msg *msg)
{
	struct pl_query *q = pl_container_of(msg, struct pl_query, msg);
	q->done(q);
}

void pl_query_answer(struct pl_query *q)
{
	q->msg.run = answered;
	if (!pl_loop_post(q->asker, &q->msg))
		pl_query_destroy(q); /* the asker is gone, and with it whoever waited */
}
