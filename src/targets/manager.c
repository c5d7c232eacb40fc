#include "targets/manager.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "targets/discovery.h"
#include "targets/source.h"
#include "targets/target_limit.h"

enum { MAX_TARGETS = 200000, MAX_REMEMBERED = 10000 };
/* How long the groups of an edited discovery are kept when the one in its place says nothing. */
static const int64_t hold_ns = 10 * PL_NS_PER_S;

struct job {
	struct pl_discovery_owner owner;
	struct pl_target_manager *manager;
	struct job *next;
	struct pl_discovery **instances; /* one per section, in their order */
	size_t n;
	int64_t hold_until_ns; /* monotonic; of owner.held */
	struct pl_target_limit limit;
};

struct pl_target_manager {
	struct pl_loop *loop;
	struct pl_source_env env;
	struct pl_target_events events;
	struct pl_config *config; /* shares; NULL before the first apply */
	struct job *jobs;
	uv_timer_t hold;
	uint64_t limit_exceeded; /* ever: findings that a job has too many targets */
	size_t closing;          /* instances and handles whose end is awaited */
	bool closed;
	void (*on_closed)(void *data);
	void *on_closed_data;
};

static void destroy_sources(struct pl_source *s)
{
	for (struct pl_source *next; s != NULL; s = next) {
		next = s->next;
		pl_source_destroy(s);
	}
}

/* True when there is nobody left to wait for. */
static bool all_spoke(const struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (!pl_discovery_spoke(j->instances[i]))
			return false;
	return true;
}

static void add_to_limit(struct pl_target_limit *l, const struct pl_source *s)
{
	for (; s != NULL; s = s->next)
		pl_target_limit_add(l, s->targets, s->n_targets);
}

/* After every change of its targets. */
static void judge(struct job *j)
{
	pl_target_limit_begin(&j->limit);
	for (size_t i = 0; j->owner.job->target_limit > 0 && i < j->n; i++)
		if (j->instances[i] != NULL) /* while they are being made */
			add_to_limit(&j->limit, pl_discovery_sources(j->instances[i]));
	if (j->owner.job->target_limit > 0)
		add_to_limit(&j->limit, j->owner.held);
	if (pl_target_limit_judge(&j->limit, j->owner.job, j->manager->env.log))
		j->manager->limit_exceeded++;
}

static void on_changed(struct pl_discovery_owner *owner)
{
	judge(pl_container_of(owner, struct job, owner));
}

static void let_go(struct job *j)
{
	struct pl_source *held = j->owner.held;
	j->owner.held = NULL;
	destroy_sources(held);
}

static void on_hold(uv_timer_t *timer)
{
	struct pl_target_manager *m = pl_container_of(timer, struct pl_target_manager, hold);
	int64_t now = pl_clock_mono_ns(), next = INT64_MAX;
	for (struct job *j = m->jobs; j != NULL; j = j->next) {
		if (j->owner.held == NULL)
			continue;
		if (all_spoke(j) || j->hold_until_ns <= now) {
			let_go(j);
			judge(j);
		} else if (j->hold_until_ns < next) {
			next = j->hold_until_ns;
		}
	}
	if (next != INT64_MAX)
		uv_timer_start(timer, on_hold, (uint64_t)((next - now) / PL_NS_PER_MS) + 1, 0);
}

/* Not at once: a plugin that begins to speak has more sources to tell of in the same breath. */
static void on_spoke(struct pl_discovery_owner *owner)
{
	struct job *j = pl_container_of(owner, struct job, owner);
	if (owner->held != NULL)
		uv_timer_start(&j->manager->hold, on_hold, 0, 0);
}

struct pl_target_manager *pl_target_manager_create(struct pl_loop *loop, struct pl_log *log,
						   const struct pl_target_events *events, void *data)
{
	struct pl_target_manager *m = pl_calloc(1, sizeof *m);
	m->loop = loop;
	m->events = *events;
	m->env = (struct pl_source_env){.log = log, .max_targets = MAX_TARGETS, .max_remembered = MAX_REMEMBERED};
	m->env.set.events = &m->events;
	m->env.set.data = data;
	uv_timer_init(&loop->uv, &m->hold);
	return m;
}

static void free_when_done(struct pl_target_manager *m)
{
	if (!m->closed || m->closing > 0)
		return;
	void (*on_closed)(void *) = m->on_closed;
	void *data = m->on_closed_data;
	pl_target_builder_finish(&m->env.builder);
	pl_target_set_finish(&m->env.set);
	if (m->config != NULL)
		pl_config_release(m->config);
	free(m);
	on_closed(data);
}

static void on_instance_closed(void *data)
{
	struct pl_target_manager *m = data;
	m->closing--;
	free_when_done(m);
}

static void close_instance(struct pl_target_manager *m, struct pl_discovery *d, struct pl_source **sources)
{
	m->closing++;
	pl_discovery_close(d, sources, on_instance_closed, m);
}

/* The job's own sources are destroyed with it. */
static void destroy_job(struct job *j)
{
	struct pl_source *sources = NULL;
	for (size_t i = 0; i < j->n; i++)
		close_instance(j->manager, j->instances[i], &sources);
	destroy_sources(sources);
	let_go(j);
	pl_target_limit_finish(&j->limit);
	free(j->instances);
	free(j);
}

static struct job *take_job(struct pl_target_manager *m, struct job **list, const char *name)
{
	for (struct job **at = list; *at != NULL; at = &(*at)->next) {
		struct job *j = *at;
		if (strcmp(j->owner.job->name, name) != 0)
			continue;
		*at = j->next;
		j->next = NULL;
		return j;
	}
	struct job *j = pl_calloc(1, sizeof *j);
	j->manager = m;
	j->owner.spoke = on_spoke;
	j->owner.changed = on_changed;
	return j;
}

static struct pl_discovery *take_fitting(struct pl_discovery **list, size_t n, const struct pl_section *section)
{
	for (size_t i = 0; i < n; i++) {
		struct pl_discovery *d = list[i];
		if (d == NULL || !pl_discovery_fits(d, section))
			continue;
		list[i] = NULL;
		return d;
	}
	return NULL;
}

/* Keeps the instances whose sections are still there; closes the others, whose sources are held; opens what is new. */
static void apply_job(struct job *j, struct pl_config *config, const struct pl_job *job)
{
	struct pl_discovery **old = j->instances;
	size_t n_old = j->n, n_fresh = 0;
	struct pl_discovery **fresh = pl_calloc(job->discovery.n + 1, sizeof(struct pl_discovery *));
	j->owner.config = config;
	j->owner.job = job;
	j->n = job->discovery.n;
	j->instances = pl_calloc(j->n + 1, sizeof(struct pl_discovery *));
	for (size_t i = 0; i < j->n; i++)
		j->instances[i] = take_fitting(old, n_old, &job->discovery.v[i]);
	for (size_t i = 0; i < n_old; i++)
		if (old[i] != NULL)
			close_instance(j->manager, old[i], &j->owner.held);
	free(old);
	for (size_t i = 0; i < j->n; i++) {
		if (j->instances[i] != NULL) {
			pl_discovery_settle(j->instances[i]);
			continue;
		}
		j->instances[i] = pl_discovery_create(&j->owner, &j->manager->env, j->manager->loop, &job->discovery.v[i]);
		fresh[n_fresh++] = j->instances[i];
	}
	for (struct pl_source *s = j->owner.held; s != NULL; s = s->next)
		pl_source_settle(s, config, job);
	for (size_t i = 0; i < n_fresh; i++)
		pl_discovery_open(fresh[i]);
	free(fresh);
	judge(j);
	j->hold_until_ns = pl_clock_mono_ns() + hold_ns;
}

void pl_target_manager_apply(struct pl_target_manager *m, struct pl_config *config)
{
	struct pl_config *before = m->config;
	struct job *old = m->jobs, **end = &m->jobs;
	m->config = pl_config_share(config);
	m->jobs = NULL;
	for (size_t i = 0; i < config->jobs.n; i++) {
		const struct pl_job *job = pl_config_job(config, i);
		struct job *j = take_job(m, &old, job->name);
		apply_job(j, config, job);
		*end = j;
		end = &j->next;
	}
	for (struct job *next; old != NULL; old = next) {
		next = old->next;
		destroy_job(old);
	}
	on_hold(&m->hold);
	if (before != NULL)
		pl_config_release(before);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct pl_target_manager *m = pl_container_of((uv_timer_t *)(void *)handle, struct pl_target_manager, hold);
	m->closing--;
	free_when_done(m);
}

void pl_target_manager_close(struct pl_target_manager *m, void (*closed)(void *data), void *data)
{
	m->closing++;
	uv_close((uv_handle_t *)&m->hold, on_handle_closed);
	struct job *jobs = m->jobs;
	m->jobs = NULL;
	for (struct job *next; jobs != NULL; jobs = next) {
		next = jobs->next;
		destroy_job(jobs);
	}
	m->on_closed = closed;
	m->on_closed_data = data;
	m->closed = true;
}

void pl_target_manager_walk(const struct pl_target_manager *m,
			    bool (*fn)(void *data, struct pl_config *config, const struct pl_job *job, const struct pl_source *s),
			    void *data)
{
	for (const struct job *j = m->jobs; j != NULL; j = j->next) {
		const struct pl_source *s;
		for (size_t i = 0; i < j->n; i++)
			for (s = pl_discovery_sources(j->instances[i]); s != NULL; s = s->next)
				if (!fn(data, j->owner.config, j->owner.job, s))
					return;
		for (s = j->owner.held; s != NULL; s = s->next)
			if (!fn(data, j->owner.config, j->owner.job, s))
				return;
	}
}

struct source_listener {
	void (*fn)(void *data, const struct pl_discovery_status *s);
	void *data;
};

static bool tell_source(void *data, struct pl_config *config, const struct pl_job *job, const struct pl_source *s)
{
	(void)config;
	const struct source_listener *l = data;
	struct pl_discovery_status status;
	pl_source_status(s, job->name, &status);
	l->fn(l->data, &status);
	return true;
}

void pl_target_manager_sources(const struct pl_target_manager *m, void (*fn)(void *data, const struct pl_discovery_status *s),
			       void *data)
{
	struct source_listener l = {fn, data};
	pl_target_manager_walk(m, tell_source, &l);
}

struct dropped_listener {
	void (*fn)(void *data, const struct pl_dropped_target *t);
	void *data;
	const struct pl_job *job;
	size_t told; /* of this job */
};

static bool tell_dropped(void *data, struct pl_config *config, const struct pl_job *job, const struct pl_source *s)
{
	(void)config;
	struct dropped_listener *l = data;
	if (l->job != job) {
		l->job = job;
		l->told = 0;
	}
	for (size_t i = 0; i < s->n_remembered; i++) {
		if (job->keep_dropped_targets > 0 && l->told >= (uint64_t)job->keep_dropped_targets)
			break;
		l->told++;
		l->fn(l->data, &s->remembered[i]);
	}
	return true;
}

void pl_target_manager_dropped(const struct pl_target_manager *m, void (*fn)(void *data, const struct pl_dropped_target *t),
			       void *data)
{
	struct dropped_listener l = {.fn = fn, .data = data};
	pl_target_manager_walk(m, tell_dropped, &l);
}

void pl_target_manager_targets(const struct pl_target_manager *m, void (*fn)(void *data, struct pl_target *t), void *data)
{
	const struct pl_target_set *set = &m->env.set;
	for (size_t i = 0; i < set->cap; i++)
		if (set->slots[i].target != NULL)
			fn(data, set->slots[i].target);
}

void pl_target_manager_over_limit(const struct pl_target_manager *m,
				  void (*fn)(void *data, const struct pl_job *job, size_t targets), void *data)
{
	for (const struct job *j = m->jobs; j != NULL; j = j->next)
		if (j->limit.over > 0)
			fn(data, j->owner.job, j->limit.over);
}

struct pl_target_counts pl_target_manager_counts(const struct pl_target_manager *m)
{
	const struct pl_target_set *set = &m->env.set;
	uint64_t over_limit = 0;
	for (const struct job *j = m->jobs; j != NULL; j = j->next)
		over_limit += j->limit.over;
	return (struct pl_target_counts){
	    .active = set->n,
	    .invalid = m->env.invalid,
	    .duplicates = set->names - set->n,
	    .dropped = m->env.dropped,
	    .over_limit = over_limit,
	    .limit_exceeded = m->limit_exceeded,
	    .matches_given_up = pl_relabel_scratch_gave_up(&m->env.builder.scratch),
	};
}
