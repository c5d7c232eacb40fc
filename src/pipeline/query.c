#include "pipeline/query.h"

#include <stdlib.h>

#include "base/clock.h"
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

size_t pl_query_windows(const struct pl_query *q, int64_t *first_ns)
{
	*first_ns = 0;
	if (q->width_ns < PL_NS_PER_S || q->width_ns % PL_NS_PER_S != 0 || q->from_ns < 0 || q->from_ns >= q->until_ns - 1)
		return 0;
	int64_t first = (q->from_ns + 1) / q->width_ns, last = (q->until_ns - 1) / q->width_ns;
	*first_ns = first * q->width_ns;
	return (size_t)(last - first) + 1;
}
