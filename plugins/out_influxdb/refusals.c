#include "out_influxdb/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void pl_influx_refusals_finish(struct pl_influx_refusals *r)
{
	free(r->v);
	pl_arena_finish(&r->reasons);
	*r = (struct pl_influx_refusals){0};
}

void pl_influx_refusals_count(struct pl_influx_refusals *r, uint32_t n, const char *as)
{
	if (r->unnamed == 0)
		r->unnamed_as = as;
	r->unnamed = n > UINT32_MAX - r->unnamed ? UINT32_MAX : r->unnamed + n;
}

void pl_influx_refusals_add(struct pl_influx_refusals *r, struct pl_influx_line line, const char *as, const char *reason,
			    bool held)
{
	if (r->n >= PL_INFLUX_MOST_REFUSALS) {
		pl_influx_refusals_count(r, 1, as);
		return;
	}
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 64;
		r->v = pl_realloc(r->v, r->cap * sizeof *r->v);
	}
	r->v[r->n++] = (struct pl_refusal){
	    .batch = line.batch, .offset = line.offset, .n = line.n, .held = held, .as = as, .reason = reason};
}

const char *pl_influx_refusals_keep(struct pl_influx_refusals *r, const char *reason)
{
	return pl_arena_strdup(&r->reasons, reason);
}

void pl_influx_refusals_verdict(const struct pl_influx_refusals *r, uint32_t points, const char *words, struct pl_verdict *v)
{
	uint64_t room = r->n < points ? points - r->n : 0, count = (uint64_t)r->expired + r->unnamed;
	v->kind = PL_VERDICT_DONE;
	v->refusals = r->v;
	v->n_refusals = r->n;
	v->refused = (uint32_t)(count < room ? count : room);
	if (v->refused > 0)
		v->refused_as = r->unnamed > r->expired ? r->unnamed_as : "expired";
	if (r->unnamed > 0)
		snprintf(v->reason, sizeof v->reason, "%u more points refused, too many to be named; %.180s", r->unnamed, words);
	else
		snprintf(v->reason, sizeof v->reason, "%s", words);
}
