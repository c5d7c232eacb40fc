#include <stdlib.h>

#include "api/listener_metrics.h"
#include "base/mem.h"

struct question {
	struct pl_http_exchange *x;
};

static void on_status(void *data, struct pl_str json)
{
	struct question *q = data;
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, "{\"status\":\"success\",\"data\":");
	pl_buf_add_str(&b, json.n > 0 ? json : PL_STR("{\"relays\":[],\"truncated\":false}"));
	pl_buf_add_cstr(&b, "}");
	pl_api_reply_json(q->x, 200, &b);
	free(q);
}

void pl_api_relays(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct question *q = pl_calloc(1, sizeof *q);
	q->x = x;
	if (a->env.listener != NULL && a->env.n_workers > 0)
		pl_worker_listener_status(a->env.workers[0], a->env.loop, on_status, q);
	else
		on_status(q, (struct pl_str){0});
}

void pl_api_add_listener(struct pl_metric_out *e, const struct pl_api *a)
{
	const struct pl_listener_counter *c, *last = NULL;
	if (a->env.listener == NULL)
		return;
	for (size_t i = 0; (c = a->env.listener->ops.listener->counter(i)) != NULL; i++) {
		if (last == NULL || strcmp(last->family, c->family) != 0)
			pl_metric_family(e, c->family, c->gauge ? PL_FAMILY_GAUGE : PL_FAMILY_COUNTER, c->help);
		last = c;
		pl_metric_sample(e);
		if (c->reason != NULL)
			pl_metric_label(e, "reason", pl_str_of(c->reason));
		pl_metric_u64(e, atomic_load_explicit(&a->env.listener_counters[i], memory_order_relaxed));
	}
}
