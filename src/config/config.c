#include "config/config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/alert_set.h"
#include "config/job.h"
#include "config/root.h"

static const char *get_env(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

/* The absolute directory of the file; as good as it gets when the file is not there. */
static char *directory_of(struct pl_arena *arena, const char *path)
{
	char real[PATH_MAX];
	const char *slash = strrchr(path, '/');
	char *directory = slash == NULL   ? pl_arena_strdup(arena, ".")
			  : slash == path ? pl_arena_strdup(arena, "/")
					  : pl_arena_strndup(arena, path, (size_t)(slash - path));
	return realpath(directory, real) != NULL ? pl_arena_strdup(arena, real) : directory;
}

struct named_job {
	const struct pl_job *job;
	const struct pl_node *node;
	size_t index;
};

static int by_name(const void *a, const void *b)
{
	const struct named_job *x = a, *y = b;
	int order = strcmp(x->job->name, y->job->name);
	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* The node of each job, NULL where there is no mapping. */
static const struct pl_node *job_node(const struct pl_node *jobs, size_t i)
{
	if (jobs == NULL || jobs->kind != PL_NODE_SEQUENCE || i >= jobs->n || jobs->items[i]->kind != PL_NODE_MAPPING)
		return NULL;
	return jobs->items[i];
}

static void check_names(const struct pl_config *config, const struct pl_node *jobs, const struct pl_decode_options *o)
{
	struct named_job *sorted = pl_calloc(config->jobs.n + 1, sizeof *sorted);
	for (size_t i = 0; i < config->jobs.n; i++)
		sorted[i] = (struct named_job){pl_config_job(config, i), job_node(jobs, i), i};
	qsort(sorted, config->jobs.n, sizeof *sorted, by_name);
	for (size_t i = 1, first = 0; i < config->jobs.n; i++) {
		if (strcmp(sorted[i].job->name, sorted[first].job->name) != 0) {
			first = i;
			continue;
		}
		const struct pl_node *node = sorted[i].node, *at = pl_node_get(sorted[first].node, "job_name");
		if (node == NULL || at == NULL || sorted[i].job->name[0] == '\0')
			continue;
		char path[64];
		snprintf(path, sizeof path, "scrape_configs[%zu]", sorted[i].index);
		const struct pl_check c = {o->problems, o->arena, node, path, o->data};
		pl_check_fail(&c, "job_name", "another job is called \"%.64s\" (line %u); names must differ", sorted[i].job->name,
			      (unsigned)at->mark.line);
	}
	free(sorted);
}

static void settle_jobs(struct pl_config *config, const struct pl_node *root, const struct pl_decode_options *o)
{
	const struct pl_node *jobs = pl_node_get(root, "scrape_configs");
	for (size_t i = 0; i < config->jobs.n; i++) {
		char path[64];
		snprintf(path, sizeof path, "scrape_configs[%zu]", i);
		const struct pl_check c = {o->problems, o->arena, job_node(jobs, i), path, o->data};
		pl_job_settle((struct pl_job *)config->jobs.v + i, config, &c);
	}
	check_names(config, jobs, o);
}

static uint64_t mix(uint64_t hash, uint64_t more)
{
	return pl_str_hash((struct pl_str){(const char *)&more, sizeof more}, hash);
}

static void compile_and_number(struct pl_config *config)
{
	uint64_t hash = pl_schema_fingerprint(&pl_root_schema, config);
	for (size_t i = 0; i < config->jobs.n; i++) {
		struct pl_job *job = (struct pl_job *)config->jobs.v + i;
		pl_job_compile(job);
		pl_job_number(job);
		hash = mix(hash, job->fingerprint);
		for (size_t k = 0; k < job->discovery.n; k++)
			hash = mix(hash, job->discovery.v[k].fingerprint);
	}
	for (size_t i = 0; i < config->outputs.n; i++)
		hash = mix(hash, config->outputs.v[i].fingerprint);
	for (size_t i = 0; i < config->notifiers.n; i++)
		hash = mix(hash, config->notifiers.v[i].fingerprint);
	config->fingerprint = hash;
}

static struct pl_mark mark_of(struct pl_arena *arena, const struct pl_node *section, const char *key)
{
	const struct pl_node *node = section != NULL && section->kind == PL_NODE_MAPPING ? pl_node_get(section, key) : NULL;
	if (node == NULL)
		return (struct pl_mark){0};
	return (struct pl_mark){pl_arena_strdup(arena, node->mark.file != NULL ? node->mark.file : ""), node->mark.line,
				node->mark.column};
}

static enum pl_err build(const char *path, const struct pl_node *root, const struct pl_config_plugins *plugins,
			 struct pl_problems *problems, struct pl_config **out)
{
	struct pl_arena arena = {0};
	size_t before = problems->n;
	const int kinds[PL_CONFIG_KINDS] = {[PL_CONFIG_KIND_OUTPUT] = plugins->output_kind,
					    [PL_CONFIG_KIND_DISCOVERY] = plugins->discovery_kind,
					    [PL_CONFIG_KIND_NOTIFIER] = plugins->notifier_kind};
	const struct pl_decode_options options = {
	    .arena = &arena,
	    .problems = problems,
	    .base_dir = directory_of(&arena, path),
	    .getenv = get_env,
	    .plugin = plugins->find,
	    .plugin_name = plugins->name,
	    .plugin_kinds = kinds,
	};
	struct pl_config *config = pl_calloc(1, sizeof *config);
	enum pl_err err = pl_schema_decode(&pl_root_schema, root, "", &options, config);
	settle_jobs(config, root, &options);
	pl_alert_set_settle(config, root, &options);
	if (err == PL_OK && problems->n > before)
		err = PL_EPARSE;
	if (err != PL_OK) {
		free(config);
		pl_arena_finish(&arena);
		return err;
	}
	config->path = pl_arena_strdup(&arena, path);
	config->base_dir = options.base_dir;
	config->queue.dir_mark = mark_of(&arena, root != NULL ? pl_node_get(root, "queue") : NULL, "dir");
	config->state.dir_mark = mark_of(&arena, root != NULL ? pl_node_get(root, "state") : NULL, "dir");
	compile_and_number(config);
	config->arena = arena;
	atomic_init(&config->refs, 1);
	*out = config;
	return PL_OK;
}

enum pl_err pl_config_parse(const char *path, struct pl_str text, const struct pl_config_plugins *plugins,
			    struct pl_problems *problems, struct pl_config **out)
{
	struct pl_arena arena = {0};
	struct pl_node *root;
	*out = NULL;
	enum pl_err err = pl_node_parse(&arena, path, text, (struct pl_node_limits){0}, problems, &root);
	if (err == PL_OK)
		err = build(path, root, plugins, problems, out);
	pl_arena_finish(&arena);
	return err;
}

enum pl_err pl_config_load(const char *path, const struct pl_config_plugins *plugins, struct pl_problems *problems,
			   struct pl_config **out)
{
	struct pl_arena arena = {0};
	struct pl_node *root;
	*out = NULL;
	enum pl_err err = pl_node_parse_file(&arena, path, (struct pl_node_limits){0}, problems, &root);
	if (err == PL_OK)
		err = build(path, root, plugins, problems, out);
	pl_arena_finish(&arena);
	return err;
}

struct pl_config *pl_config_share(struct pl_config *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void pl_config_release(struct pl_config *c)
{
	if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->jobs.n; i++)
		pl_job_finish((struct pl_job *)c->jobs.v + i);
	pl_arena_finish(&c->arena);
	free(c);
}

void pl_config_print(const struct pl_config *c, struct pl_buf *out)
{
	pl_schema_print(&pl_root_schema, c, 0, out);
}
