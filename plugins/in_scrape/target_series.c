#include "in_scrape/target_series.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A series that this many good pages (up to twice as many) did not hold is forgotten. */
enum { SWEEP_PAGES = 16, SWEEP_AGE_WHEN_FULL = 2 };

struct pl_target_series *pl_target_series_create(const struct pl_job *job, struct pl_labels target,
						 struct pl_series_budget *budget)
{
	struct pl_label_limits limits;
	pl_label_limits_init(&limits, job, target);
	bool marks_stale = job->influx.stale == PL_STALE_MARKER;
	if (job->metric_relabel == NULL && job->series_limit == 0 && !limits.any && !marks_stale)
		return NULL;
	struct pl_target_series *s = pl_calloc(1, sizeof *s);
	s->cache.budget = budget;
	s->limits = limits;
	s->marks_stale = marks_stale;
	s->caches = marks_stale || job->metric_relabel != NULL;
	return s;
}

void pl_target_series_destroy(struct pl_target_series *s)
{
	if (s == NULL)
		return;
	pl_series_cache_finish(&s->cache);
	pl_series_set_finish(&s->known);
	free(s->offenders);
	free(s);
}

void pl_target_series_begin(struct pl_target_series *s)
{
	pl_series_cache_rewind(&s->cache);
	if (s->offenders != NULL)
		s->offenders[0].n = 0;
}

static bool is_offender(const struct pl_target_offender *o, struct pl_str metric)
{
	return strlen(o->metric) == metric.n && memcmp(o->metric, metric.p, metric.n) == 0;
}

void pl_target_series_offend(struct pl_target_series *s, struct pl_str metric)
{
	if (s->offenders == NULL)
		s->offenders = pl_calloc(2, sizeof *s->offenders);
	struct pl_target_offenders *all = &s->offenders[0];
	struct pl_target_offender *o = all->v;
	if (metric.n >= sizeof o->metric)
		metric.n = sizeof o->metric - 1;
	for (size_t i = 0; i < all->n; i++) {
		if (is_offender(&all->v[i], metric)) {
			all->v[i].dropped++;
			return;
		}
		if (all->v[i].dropped < o->dropped)
			o = &all->v[i];
	}
	if (all->n < PL_TARGET_OFFENDERS) {
		o = &all->v[all->n++];
		o->dropped = 0;
	}
	memcpy(o->metric, metric.p, metric.n);
	o->metric[metric.n] = '\0';
	o->dropped++;
}

void pl_target_series_fail(struct pl_target_series *s)
{
	if (s->marks_stale)
		pl_series_cache_take_back(&s->cache);
}

static int most_first(const void *a, const void *b)
{
	const struct pl_target_offender *x = a, *y = b;
	if (x->dropped != y->dropped)
		return x->dropped < y->dropped ? 1 : -1;
	return strcmp(x->metric, y->metric);
}

void pl_target_series_end(struct pl_target_series *s, uint64_t uncached)
{
	bool sweep = ++s->pages >= SWEEP_PAGES;
	pl_series_cache_turn(&s->cache);
	pl_series_set_turn(&s->known);
	if (sweep)
		pl_series_set_sweep(&s->known, SWEEP_PAGES);
	if (sweep || uncached > 0)
		pl_series_cache_sweep(&s->cache, sweep ? SWEEP_PAGES : SWEEP_AGE_WHEN_FULL);
	if (sweep)
		s->pages = 0;
	if (s->offenders != NULL) {
		qsort(s->offenders[0].v, s->offenders[0].n, sizeof s->offenders[0].v[0], most_first);
		s->offenders[1] = s->offenders[0];
	}
}

void pl_target_series_warn(struct pl_target_series *s, const struct pl_target *t, struct pl_log *log, int64_t wall_ns)
{
	uint64_t limit = (uint64_t)t->job->series_limit, known = s->known.n;
	if (limit == 0)
		return;
	int level = known >= limit ? 100 : known >= limit - limit / 5 ? 80 : 0;
	const struct pl_kv job = PL_KVC("job", t->job->name), target = PL_KVS("target", pl_target_log_url(t)),
			   series = PL_KVI("series", known), most = PL_KVI("series_limit", limit);
	if (level > s->warned) {
		if (s->warned == 0)
			s->warned_since_wall_ns = wall_ns;
		s->warned = level;
		if (level == 100)
			pl_warn(log, "series_limit reached: new series are dropped", job, target, series, most);
		else
			pl_warn(log, "80 % of series_limit reached", job, target, series, most);
	} else if (level == 0 && s->warned > 0) {
		s->warned = 0;
		pl_info(log, "series are below 80 % of series_limit again", job, target, series, most,
			PL_KVT("duration", wall_ns - s->warned_since_wall_ns));
	}
}
