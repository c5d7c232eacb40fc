#include "targets/target_limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void pl_target_limit_finish(struct pl_target_limit *l)
{
	free(l->v);
	*l = (struct pl_target_limit){0};
}

void pl_target_limit_begin(struct pl_target_limit *l)
{
	l->n = 0;
}

void pl_target_limit_add(struct pl_target_limit *l, struct pl_target *const *targets, size_t n)
{
	if (n == 0)
		return;
	if (l->n + n > l->cap) {
		l->cap = l->cap * 2 > l->n + n ? l->cap * 2 : l->n + n;
		l->v = pl_realloc(l->v, l->cap * sizeof(struct pl_target *));
	}
	memcpy(l->v + l->n, targets, n * sizeof(struct pl_target *));
	l->n += n;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct pl_target *const *)a, y = (uintptr_t) * (struct pl_target *const *)b;
	return (x > y) - (x < y);
}

/* Equal targets are one object. */
static size_t count_different(struct pl_target_limit *l)
{
	size_t different = l->n > 0;
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(struct pl_target *), by_address);
	for (size_t i = 1; i < l->n; i++)
		different += l->v[i] != l->v[i - 1];
	return different;
}

static void log_verdict(struct pl_target_limit *l, const struct pl_job *job, struct pl_log *log)
{
	const struct pl_kv kv[] = {
	    PL_KVC("job", job->name), PL_KVI("targets", (int64_t)l->over), PL_KVI("target_limit", job->target_limit), {0}};
	const struct pl_kv ended[] = {kv[0], {0}};
	if (l->over > 0)
		pl_incident_fail(&l->incident, pl_clock_wall_ns(), log, PL_LOG_WARN, "too many targets: none is scraped", kv);
	else
		pl_incident_end(&l->incident, pl_clock_wall_ns(), log, "no longer too many targets", ended);
}

bool pl_target_limit_judge(struct pl_target_limit *l, const struct pl_job *job, struct pl_log *log)
{
	uint64_t limit = (uint64_t)job->target_limit;
	size_t n = limit > 0 && l->n > limit ? count_different(l) : 0;
	l->over = n > limit ? n : 0;
	uint32_t verdict = l->over < PL_TARGET_UNJUDGED ? (uint32_t)l->over : PL_TARGET_UNJUDGED - 1;
	for (size_t i = 0; limit > 0 && i < l->n; i++)
		atomic_store_explicit(&l->v[i]->over_limit, verdict, memory_order_relaxed);
	log_verdict(l, job, log);
	return l->over > 0;
}
