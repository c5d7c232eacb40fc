#include "targets/source.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"

struct pl_source *pl_source_create(struct pl_source_env *env, const char *mechanism, struct pl_str name)
{
	struct pl_source *s = pl_calloc(1, sizeof *s);
	s->env = env;
	s->mechanism = mechanism;
	s->name = (struct pl_str){pl_strndup(name.p, name.n), name.n};
	s->trouble = pl_strdup("");
	s->refusal = pl_strdup("");
	return s;
}

static void drop_targets(struct pl_source *s, struct pl_target **targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pl_target_set_drop(&s->env->set, targets[i]);
	free(targets);
}

/* The dropped targets. */
static void forget(struct pl_source *s)
{
	s->env->dropped -= s->dropped;
	s->env->remembered -= s->n_remembered;
	free(s->remembered);
	pl_arena_finish(&s->memory);
	s->remembered = NULL;
	s->n_remembered = s->dropped = 0;
}

static void remember(struct pl_source *s, const struct pl_job *job)
{
	struct pl_source_env *env = s->env;
	s->dropped++;
	env->dropped++;
	if (env->remembered >= env->max_remembered ||
	    (job->keep_dropped_targets > 0 && s->n_remembered >= (uint64_t)job->keep_dropped_targets))
		return;
	if ((s->n_remembered & (s->n_remembered - 1)) == 0) /* a power of two or none: full */
		s->remembered =
		    pl_realloc(s->remembered, (s->n_remembered > 0 ? 2 * s->n_remembered : 1) * sizeof *s->remembered);
	s->remembered[s->n_remembered++] = (struct pl_dropped_target){
	    .job = job->name,
	    .discovered = pl_labels_copy(&s->memory, pl_labels_builder_view(&env->builder.discovered)),
	    .rule = (size_t)env->builder.dropped_by,
	};
	env->remembered++;
}

void pl_source_destroy(struct pl_source *s)
{
	drop_targets(s, s->targets, s->n_targets);
	s->env->invalid -= s->invalid;
	forget(s);
	pl_arena_finish(&s->arena);
	free((char *)s->name.p);
	free(s->trouble);
	free(s->refusal);
	free(s);
}

void pl_source_set_groups(struct pl_source *s, const struct pl_target_group *groups, size_t n)
{
	struct pl_arena arena = {0};
	struct pl_target_group *copies = pl_arena_alloc(&arena, (n + 1) * sizeof *copies);
	for (size_t i = 0; i < n; i++) {
		struct pl_str *targets = pl_arena_alloc(&arena, (groups[i].n_targets + 1) * sizeof *targets);
		for (size_t k = 0; k < groups[i].n_targets; k++)
			targets[k] = pl_arena_str(&arena, groups[i].targets[k]);
		copies[i].targets = targets;
		copies[i].n_targets = groups[i].n_targets;
		copies[i].labels = pl_labels_copy(&arena, groups[i].labels);
	}
	pl_arena_finish(&s->arena);
	s->arena = arena;
	s->groups = copies;
	s->n_groups = n;
	s->updated_wall_ns = pl_clock_wall_ns();
}

/* The address for people: without a user, printable ASCII, cut. */
static void add_shown(struct pl_buf *out, struct pl_str whole)
{
	enum { MAX_SHOWN = 80 };
	struct pl_buf public = {0};
	pl_redact_value(&public, whole);
	struct pl_str address = pl_buf_str(&public);
	for (size_t i = 0; i < address.n && i < MAX_SHOWN; i++)
		pl_buf_add_char(out, address.p[i] >= 0x20 && address.p[i] < 0x7f ? address.p[i] : '?');
	if (address.n > MAX_SHOWN)
		pl_buf_add_cstr(out, "...");
	pl_buf_finish(&public);
}

static void set_text(char **text, struct pl_buf *b)
{
	free(*text);
	*text = pl_buf_take(b);
}

static enum pl_err build(struct pl_source_env *env, struct pl_str address, struct pl_labels labels, struct pl_target **out,
			 char reason[PL_REASON_BYTES])
{
	if (env->set.names >= env->max_targets) {
		snprintf(reason, PL_REASON_BYTES, "there are %zu targets already, which is the limit", env->max_targets);
		return PL_ELIMIT;
	}
	return pl_target_build(&env->builder, address, labels, out, reason);
}

/* The first failure or the recovery is logged, not what changes between. */
static void log_state(struct pl_source *s, const char *job)
{
	const char *reason = s->trouble[0] != '\0' ? s->trouble : s->refusal;
	struct pl_kv kv[] = {
	    PL_KVC("job", job), PL_KVC("mechanism", s->mechanism), PL_KVS("source", s->name), PL_KVC("reason", reason), {0}};
	if (reason[0] != '\0') {
		pl_incident_fail(&s->incident, pl_clock_wall_ns(), s->env->log, PL_LOG_WARN, "discovery in trouble", kv);
		return;
	}
	kv[3] = (struct pl_kv){0};
	pl_incident_end(&s->incident, pl_clock_wall_ns(), s->env->log, "discovery well again", kv);
}

void pl_source_settle(struct pl_source *s, struct pl_config *config, const struct pl_job *job)
{
	struct pl_source_env *env = s->env;
	struct pl_target **old = s->targets;
	size_t n_old = s->n_targets, total = 0;
	for (size_t i = 0; i < s->n_groups; i++)
		total += s->groups[i].n_targets;
	s->targets = pl_calloc(total + 1, sizeof(struct pl_target *));
	s->n_targets = 0;
	env->invalid -= s->invalid;
	s->invalid = 0;
	forget(s);
	env->max_targets += n_old; /* which are still named, but on their way out */

	struct pl_buf refusal = {0};
	pl_target_builder_begin(&env->builder, config, job);
	for (size_t i = 0; i < s->n_groups; i++) {
		for (size_t k = 0; k < s->groups[i].n_targets; k++) {
			char reason[PL_REASON_BYTES];
			struct pl_target *t;
			struct pl_str address = s->groups[i].targets[k];
			if (build(env, address, s->groups[i].labels, &t, reason) == PL_OK) {
				if (t == NULL)
					remember(s, job);
				else
					s->targets[s->n_targets++] = pl_target_set_name(&env->set, t);
				continue;
			}
			if (s->invalid++ > 0)
				continue;
			pl_buf_add_char(&refusal, '"');
			add_shown(&refusal, address);
			pl_buf_addf(&refusal, "\": %s", reason);
		}
	}
	if (s->invalid > 1)
		pl_buf_addf(&refusal, " (and %zu more of %zu targets)", s->invalid - 1, total);
	set_text(&s->refusal, &refusal);
	env->invalid += s->invalid;
	env->max_targets -= n_old;
	drop_targets(s, old, n_old);
	log_state(s, job->name);
}

void pl_source_set_trouble(struct pl_source *s, const char *job, const char *reason)
{
	enum { MAX_TROUBLE = 2048 };
	struct pl_str text = pl_str_of(reason);
	free(s->trouble);
	s->trouble = pl_strndup(reason, text.n < MAX_TROUBLE ? text.n : MAX_TROUBLE);
	log_state(s, job);
}

void pl_source_status(const struct pl_source *s, const char *job, struct pl_discovery_status *out)
{
	*out = (struct pl_discovery_status){
	    .job = job,
	    .mechanism = s->mechanism,
	    .source = s->name,
	    .trouble = s->trouble[0] != '\0' ? s->trouble : s->refusal,
	    .groups = s->n_groups,
	    .targets = s->n_targets,
	    .dropped = s->dropped,
	    .updated_wall_ns = s->updated_wall_ns,
	    .trouble_since_wall_ns = s->incident.since_ns,
	};
}
