#include "targets/explain.h"

#include <stdlib.h>

#include "base/mem.h"
#include "targets/source.h"

struct search {
	const char *job;
	struct pl_str address;
	bool by_instance;
	size_t most, found;
	void (*fn)(void *data, const struct pl_explanation *e);
	void *data;
	struct pl_target_builder builder;
	/* Of the target that is being explained. */
	struct pl_arena arena;
	struct pl_relabel_step *steps;
	size_t n_steps;
};

static void note_step(void *data, size_t rule, struct pl_labels labels, bool kept)
{
	struct search *s = data;
	s->steps[s->n_steps++] = (struct pl_relabel_step){rule, pl_labels_copy(&s->arena, labels), kept};
}

static void explain(struct search *s, const struct pl_job *job, const struct pl_source *source, struct pl_str address,
		    struct pl_labels group)
{
	char reason[PL_REASON_BYTES] = "";
	struct pl_target *target;
	s->n_steps = 0;
	s->steps = pl_arena_alloc(&s->arena, (job->relabel_configs.n + 1) * sizeof *s->steps);
	s->builder.trace = note_step;
	enum pl_err err = pl_target_build(&s->builder, address, group, &target, reason);
	s->builder.trace = NULL;
	const struct pl_explanation e = {
	    .job = job,
	    .mechanism = source->mechanism,
	    .source = source->name,
	    .discovered = pl_labels_builder_view(&s->builder.discovered),
	    .steps = s->steps,
	    .n_steps = s->n_steps,
	    .dropped_by = s->builder.dropped_by,
	    .refused = err != PL_OK ? reason : "",
	    .target = target,
	};
	s->found++;
	s->fn(s->data, &e);
	if (target != NULL)
		pl_target_release(target);
	pl_arena_finish(&s->arena);
}

static bool is_wanted(struct search *s, struct pl_str address, struct pl_labels group)
{
	if (!s->by_instance)
		return pl_str_eq(address, s->address);
	char reason[PL_REASON_BYTES];
	struct pl_target *target;
	if (pl_target_build(&s->builder, address, group, &target, reason) != PL_OK || target == NULL)
		return false;
	const struct pl_str *instance = pl_labels_get(target->labels, PL_STR("instance"));
	bool wanted = instance != NULL && pl_str_eq(*instance, s->address);
	pl_target_release(target);
	return wanted;
}

static bool look_into(void *data, struct pl_config *config, const struct pl_job *job, const struct pl_source *source)
{
	struct search *s = data;
	if (s->job[0] != '\0' && strcmp(job->name, s->job) != 0)
		return true;
	pl_target_builder_begin(&s->builder, config, job);
	for (size_t i = 0; i < source->n_groups; i++) {
		const struct pl_target_group *g = &source->groups[i];
		for (size_t k = 0; k < g->n_targets; k++) {
			if (is_wanted(s, g->targets[k], g->labels))
				explain(s, job, source, g->targets[k], g->labels);
			if (s->found >= s->most)
				return false;
		}
	}
	return true;
}

size_t pl_target_manager_explain(const struct pl_target_manager *m, const char *job, struct pl_str address, size_t most,
				 void (*fn)(void *data, const struct pl_explanation *e), void *data)
{
	struct search s = {.job = job, .address = address, .most = most, .fn = fn, .data = data};
	s.builder.trace_data = &s;
	pl_target_manager_walk(m, look_into, &s);
	if (s.found == 0) {
		s.by_instance = true;
		pl_target_manager_walk(m, look_into, &s);
	}
	pl_target_builder_finish(&s.builder);
	return s.found;
}
