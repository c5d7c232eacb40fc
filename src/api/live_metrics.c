#include "api/live_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct pl_outputs *pl_api_batch_outputs(const struct pl_api *a)
{
	const struct pl_outputs *all = a->env.outputs(a->env.daemon);
	struct pl_output **v = pl_calloc(all->n + 1, sizeof(struct pl_output *));
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++)
		if (!pl_output_is_live(all->v[i]))
			v[n++] = all->v[i];
	struct pl_outputs *outputs = pl_outputs_create(v, n);
	free(v);
	return outputs;
}

static void family(struct pl_metric_out *e, const char *name, enum pl_family_type type, const char *help, uint64_t v)
{
	pl_metric_family(e, name, type, help);
	pl_metric_sample(e);
	pl_metric_u64(e, v);
}

static void add_hub(struct pl_metric_out *e, struct pl_live_hub *hub)
{
	struct pl_live_hub_stats h = pl_live_hub_stats(hub);
	family(e, "pulseline_live_values", PL_FAMILY_COUNTER, "Live values taken in.", h.published);
	family(e, "pulseline_live_values_too_large", PL_FAMILY_COUNTER, "Live values refused for their size.", h.too_large);
	family(e, "pulseline_live_values_missed", PL_FAMILY_COUNTER,
	       "Live values that were overwritten before a listener (an output, the event stream) read them, for each listener.",
	       h.missed);
	family(e, "pulseline_live_ring_values", PL_FAMILY_GAUGE, "Live values in the ring.", h.next - h.first);
	family(e, "pulseline_live_ring_bytes", PL_FAMILY_GAUGE, "Memory of these.", h.bytes);
	family(e, "pulseline_live_listeners", PL_FAMILY_GAUGE, "Who reads the ring: outputs, and the event stream.", h.listeners);
}

static void add_stream(struct pl_metric_out *e, const struct pl_live_sse *sse)
{
	struct pl_live_sse_stats s = pl_live_sse_stats(sse);
	family(e, "pulseline_live_clients", PL_FAMILY_GAUGE, "Clients of the event stream.", s.clients);
	family(e, "pulseline_live_clients_connected", PL_FAMILY_COUNTER, "Clients that were let in.", s.connected);
	family(e, "pulseline_live_clients_refused", PL_FAMILY_COUNTER, "Clients refused because there were too many.", s.refused);
	family(e, "pulseline_live_clients_resumed", PL_FAMILY_COUNTER, "Clients that went on where they had stopped.", s.resumed);
	family(e, "pulseline_live_clients_too_old", PL_FAMILY_COUNTER, "Clients that came back too late for that.", s.too_old);
	family(e, "pulseline_live_events", PL_FAMILY_COUNTER, "Values sent to clients, snapshots apart.", s.events);
	family(e, "pulseline_live_events_lagged", PL_FAMILY_COUNTER, "Values left out for clients that read too slowly.",
	       s.lagged);
	family(e, "pulseline_live_last_values", PL_FAMILY_GAUGE, "Last values that are kept for new clients.", s.last.values);
	family(e, "pulseline_live_last_values_bytes", PL_FAMILY_GAUGE, "Memory of these.", s.last.bytes);
	family(e, "pulseline_live_last_values_evicted", PL_FAMILY_COUNTER, "Last values forgotten for want of room.",
	       s.last.evicted);
	family(e, "pulseline_live_last_values_expired", PL_FAMILY_COUNTER, "Last values forgotten for their age.",
	       s.last.expired);
}

/* ---- outputs: a family for each of their counters, and one for the errors of all kinds ---- */

static const struct pl_str error_prefix = {"error:", 6};

static const struct pl_output *first_live(const struct pl_outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (pl_output_is_live(o->v[i]))
			return o->v[i];
	return NULL;
}

static void add_samples(struct pl_metric_out *e, const struct pl_outputs *o, size_t k, const char *kind)
{
	for (size_t i = 0; i < o->n; i++) {
		uint64_t v;
		if (!pl_output_is_live(o->v[i]) || pl_output_counter(o->v[i], k, &v) == NULL)
			continue;
		pl_metric_sample(e);
		pl_metric_label(e, "output", pl_str_of(pl_output_name(o->v[i])));
		if (kind != NULL)
			pl_metric_label(e, "kind", pl_str_of(kind));
		pl_metric_u64(e, v);
	}
}

static void add_live_outputs(struct pl_metric_out *e, const struct pl_outputs *o)
{
	const struct pl_output *model = first_live(o); /* there is one plugin that takes live values */
	const char *label;
	char name[96];
	uint64_t v;
	size_t k = 0;
	if (model == NULL)
		return;
	for (; (label = pl_output_counter(model, k, &v)) != NULL && !pl_str_starts(pl_str_of(label), error_prefix); k++) {
		bool gauge = pl_str_is(pl_str_of(label), "up") || pl_str_ends(pl_str_of(label), PL_STR("_pending"));
		snprintf(name, sizeof name, "pulseline_redis_%s", label);
		pl_metric_family(e, name, gauge ? PL_FAMILY_GAUGE : PL_FAMILY_COUNTER,
				 "Of outputs that publish live values; values = published + refused + lost + pending.");
		add_samples(e, o, k, NULL);
	}
	pl_metric_family(e, "pulseline_redis_errors", PL_FAMILY_COUNTER, "Errors of these outputs by kind.");
	for (; (label = pl_output_counter(model, k, &v)) != NULL; k++)
		add_samples(e, o, k, label + error_prefix.n);
}

void pl_api_live_metrics(struct pl_metric_out *e, const struct pl_api *a)
{
	if (a->env.live != NULL)
		add_hub(e, a->env.live);
	if (a->live != NULL)
		add_stream(e, a->live);
	add_live_outputs(e, a->env.outputs(a->env.daemon));
}
