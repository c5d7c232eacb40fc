#include "targets/discovery.h"

#include <stdlib.h>

#include "base/mem.h"

struct pl_discovery {
	struct pl_discovery_sink sink; /* what the plugin knows of this */
	struct pl_discovery_env env;
	struct pl_discovery_owner *owner; /* NULL: closing */
	struct pl_source_env *source_env;
	struct pl_config *config; /* shares: the section lives in it */
	const struct pl_section *section;
	const struct pl_plugin *plugin;
	void *self; /* NULL: not open */
	struct pl_source *sources;
	bool spoke;
	void (*closed)(void *data);
	void *closed_data;
};

static struct pl_source **find(struct pl_source **list, const char *mechanism, struct pl_str name)
{
	while (*list != NULL && !(pl_str_eq((*list)->name, name) && strcmp((*list)->mechanism, mechanism) == 0))
		list = &(*list)->next;
	return list;
}

static struct pl_source *unlink_source(struct pl_source **at)
{
	struct pl_source *s = *at;
	*at = s->next;
	s->next = NULL;
	return s;
}

/* Where the source stands in this instance's list; taken over from those held for it; the list's end if there is none. */
static struct pl_source **find_own(struct pl_discovery *d, struct pl_str name)
{
	struct pl_source **at = find(&d->sources, d->plugin->name, name);
	struct pl_source **held = find(&d->owner->held, d->plugin->name, name);
	if (*at == NULL && *held != NULL)
		*at = unlink_source(held);
	return at;
}

static void note_spoke(struct pl_discovery *d)
{
	if (d->spoke)
		return;
	d->spoke = true;
	d->owner->spoke(d->owner);
}

static void on_update(struct pl_discovery_sink *sink, struct pl_str name, const struct pl_target_group *groups, size_t n)
{
	struct pl_discovery *d = pl_container_of(sink, struct pl_discovery, sink);
	if (d->owner == NULL)
		return;
	struct pl_source **at = find_own(d, name);
	if (groups == NULL) {
		if (*at != NULL)
			pl_source_destroy(unlink_source(at));
	} else {
		if (*at == NULL)
			*at = pl_source_create(d->source_env, d->plugin->name, name);
		pl_source_set_groups(*at, groups, n);
		pl_source_settle(*at, d->owner->config, d->owner->job);
	}
	d->owner->changed(d->owner);
	note_spoke(d);
}

static void on_trouble(struct pl_discovery_sink *sink, struct pl_str name, const char *reason)
{
	struct pl_discovery *d = pl_container_of(sink, struct pl_discovery, sink);
	if (d->owner == NULL)
		return;
	struct pl_source **at = find_own(d, name);
	if (*at == NULL && reason[0] != '\0')
		*at = pl_source_create(d->source_env, d->plugin->name, name);
	if (*at != NULL)
		pl_source_set_trouble(*at, d->owner->job->name, reason);
	note_spoke(d);
}

struct pl_discovery *pl_discovery_create(struct pl_discovery_owner *owner, struct pl_source_env *env, struct pl_loop *loop,
					 const struct pl_section *section)
{
	struct pl_discovery *d = pl_calloc(1, sizeof *d);
	d->sink = (struct pl_discovery_sink){.update = on_update, .trouble = on_trouble};
	d->owner = owner;
	d->source_env = env;
	d->config = pl_config_share(owner->config);
	d->section = section;
	d->plugin = section->plugin;
	d->env = (struct pl_discovery_env){.loop = loop, .log = env->log, .sink = &d->sink, .base_dir = d->config->base_dir};
	return d;
}

void pl_discovery_open(struct pl_discovery *d)
{
	enum pl_err err = d->plugin->ops.discovery->open(&d->env, d->section->config, &d->self);
	if (err == PL_OK)
		return;
	d->self = NULL;
	struct pl_source *s = pl_source_create(d->source_env, d->plugin->name, PL_STR(""));
	s->next = d->sources;
	d->sources = s;
	struct pl_buf reason = {0};
	pl_buf_addf(&reason, "cannot be started: %s", pl_err_text(err));
	pl_source_set_trouble(s, d->owner->job->name, pl_buf_cstr(&reason));
	pl_buf_finish(&reason);
}

bool pl_discovery_fits(const struct pl_discovery *d, const struct pl_section *section)
{
	return d->self != NULL && d->plugin == section->plugin && d->section->fingerprint == section->fingerprint;
}

bool pl_discovery_spoke(const struct pl_discovery *d)
{
	return d->spoke;
}

const char *pl_discovery_mechanism(const struct pl_discovery *d)
{
	return d->plugin->name;
}

const struct pl_source *pl_discovery_sources(const struct pl_discovery *d)
{
	return d->sources;
}

void pl_discovery_settle(struct pl_discovery *d)
{
	for (struct pl_source *s = d->sources; s != NULL; s = s->next)
		pl_source_settle(s, d->owner->config, d->owner->job);
}

static void on_closed(void *data)
{
	struct pl_discovery *d = data;
	void (*closed)(void *) = d->closed;
	void *closed_data = d->closed_data;
	pl_config_release(d->config);
	free(d);
	closed(closed_data);
}

void pl_discovery_close(struct pl_discovery *d, struct pl_source **sources, void (*closed)(void *data), void *data)
{
	struct pl_source **end = &d->sources;
	while (*end != NULL)
		end = &(*end)->next;
	*end = *sources;
	*sources = d->sources;
	d->sources = NULL;
	d->owner = NULL;
	d->closed = closed;
	d->closed_data = data;
	if (d->self != NULL)
		d->plugin->ops.discovery->close(d->self, on_closed, d);
	else
		on_closed(d);
}
