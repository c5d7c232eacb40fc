#include "alerts/notifiers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void pl_notifiers_init(struct pl_notifiers *n, struct pl_loop *loop, struct pl_log *log, const struct pl_plugin *webhook)
{
	*n = (struct pl_notifiers){.loop = loop, .log = log, .webhook = webhook};
}

static void free_notifier(struct pl_notifier *m)
{
	if (m->config != NULL)
		pl_config_release(m->config);
	pl_arena_finish(&m->arena);
	free(m->defaults);
	free(m->name);
	free(m);
}

static void finish_if_closed(struct pl_notifiers *n)
{
	if (!n->closing || n->n_closing > 0)
		return;
	void (*closed)(void *) = n->closed;
	void *data = n->closed_data;
	free(n->v);
	free(n->former);
	*n = (struct pl_notifiers){0};
	closed(data);
}

struct closing {
	struct pl_notifiers *all;
	struct pl_notifier *one;
};

static void on_closed(void *data)
{
	struct closing *c = data;
	struct pl_notifiers *n = c->all;
	free_notifier(c->one);
	free(c);
	n->n_closing--;
	finish_if_closed(n);
}

static void close_one(struct pl_notifiers *n, struct pl_notifier *m)
{
	struct closing *c = pl_calloc(1, sizeof *c);
	*c = (struct closing){n, m};
	n->n_closing++;
	m->ops->close(m->self, on_closed, c);
}

static struct pl_notifier *find(const struct pl_notifiers *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->v[i]->name, name) == 0)
			return n->v[i];
	return NULL;
}

static enum pl_err open_one(struct pl_notifiers *n, struct pl_notifier *m, const struct pl_plugin *plugin, const void *config,
			    struct pl_buf *problems, const struct pl_mark *mark)
{
	char reason[512] = "";
	m->ops = plugin->ops.notifier;
	m->env = (struct pl_notifier_env){.loop = n->loop, .log = n->log, .name = m->name};
	enum pl_err err = m->ops->open(&m->env, config, &m->self, reason, sizeof reason);
	if (err == PL_OK)
		return PL_OK;
	if (mark != NULL && mark->file != NULL)
		pl_buf_addf(problems, "%s:%u:%u: ", mark->file, mark->line, mark->column);
	pl_buf_addf(problems, "notifiers: %s: %s\n", m->name, reason[0] != '\0' ? reason : pl_err_text(err));
	free_notifier(m);
	return err;
}

static enum pl_err open_section(struct pl_notifiers *n, struct pl_config *config, const struct pl_section *s,
				struct pl_notifier **out, struct pl_buf *problems)
{
	const struct pl_plugin *plugin = s->plugin;
	const struct pl_notifier_config *named = s->config;
	const char *name = named->name != NULL && named->name[0] != '\0' ? named->name : s->kind;
	struct pl_notifier *old = find(n, name);
	if (old != NULL && old->config != NULL && old->fingerprint == s->fingerprint) {
		*out = old;
		return PL_OK;
	}
	struct pl_notifier *m = pl_calloc(1, sizeof *m);
	m->name = pl_strdup(name);
	m->config = pl_config_share(config);
	m->fingerprint = s->fingerprint;
	*out = m;
	return open_one(n, m, plugin, s->config, problems, &s->mark);
}

static enum pl_err open_post(struct pl_notifiers *n, struct pl_notifier **out, struct pl_buf *problems)
{
	*out = find(n, PL_NOTIFIER_POST);
	if (*out != NULL)
		return PL_OK;
	const struct pl_plugin *plugin = n->webhook;
	struct pl_notifier *m = pl_calloc(1, sizeof *m);
	struct pl_problems none = {0};
	m->name = pl_strdup(PL_NOTIFIER_POST);
	m->defaults = pl_calloc(1, plugin->schema->size);
	const struct pl_decode_options options = {.arena = &m->arena, .problems = &none, .base_dir = "/"};
	enum pl_err err = pl_schema_decode(plugin->schema, NULL, "post", &options, m->defaults);
	pl_problems_finish(&none);
	if (err != PL_OK) {
		free_notifier(m);
		return err;
	}
	*out = m;
	return open_one(n, m, plugin, m->defaults, problems, NULL);
}

static bool is_among(struct pl_notifier *const *v, size_t n, const struct pl_notifier *m)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == m)
			return true;
	return false;
}

void pl_notifiers_discard(struct pl_notifiers *n)
{
	for (size_t i = 0; i < n->n_fresh; i++)
		if (!is_among(n->v, n->n, n->fresh[i]))
			close_one(n, n->fresh[i]);
	free(n->fresh);
	n->fresh = NULL;
	n->n_fresh = 0;
}

enum pl_err pl_notifiers_prepare(struct pl_notifiers *n, struct pl_config *config, struct pl_buf *problems)
{
	enum pl_err err = PL_OK;
	n->fresh = pl_calloc(config->notifiers.n + 1, sizeof(struct pl_notifier *));
	n->n_fresh = 0;
	for (size_t i = 0; err == PL_OK && i < config->notifiers.n; i++) {
		err = open_section(n, config, &config->notifiers.v[i], &n->fresh[n->n_fresh], problems);
		n->n_fresh += err == PL_OK;
	}
	if (err == PL_OK)
		err = open_post(n, &n->fresh[n->n_fresh], problems);
	n->n_fresh += err == PL_OK;
	if (err != PL_OK)
		pl_notifiers_discard(n);
	return err;
}

void pl_notifiers_commit(struct pl_notifiers *n)
{
	n->former = pl_realloc(n->former, (n->n_former + n->n + 1) * sizeof(struct pl_notifier *));
	for (size_t i = 0; i < n->n; i++)
		if (!is_among(n->fresh, n->n_fresh, n->v[i]))
			n->former[n->n_former++] = n->v[i];
	free(n->v);
	n->v = n->fresh;
	n->n = n->n_fresh;
	n->fresh = NULL;
	n->n_fresh = 0;
}

void pl_notifiers_retire(struct pl_notifiers *n)
{
	size_t had = n->n_former;
	n->n_former = 0;
	for (size_t i = 0; i < had; i++)
		close_one(n, n->former[i]);
}

void pl_notifiers_close(struct pl_notifiers *n, void (*closed)(void *data), void *data)
{
	n->closing = true;
	n->closed = closed;
	n->closed_data = data;
	n->n_closing++; /* ours, so that it cannot end before all have begun */
	pl_notifiers_retire(n);
	for (size_t i = 0; i < n->n; i++)
		close_one(n, n->v[i]);
	n->n_closing--;
	finish_if_closed(n);
}
