/* A configuration from text for the tests of targets/, with a discovery plugin that says what the test makes it say. */
#ifndef PL_TESTS_TARGETS_CONFIG_H
#define PL_TESTS_TARGETS_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/config.h"
#include "pipeline/plugin.h"

enum { TOLD_MAX = 8 };

/* `told_sd_configs: [{id: a}]` opens as instance "a". */
struct told_config {
	const char *id;
	const char *first;  /* a target that it names while it opens */
	const char *second; /* another one, as a second source */
	bool fail;          /* does not open */
};

struct told {
	char id[16];
	struct pl_discovery_env env;
	unsigned opened; /* how often an instance of this id was opened */
	bool open;
	void (*closed)(void *data);
	void *closed_data;
};

struct told_table {
	struct told v[TOLD_MAX];
	size_t n;
	bool hold_close; /* close answers only when told_finish_close is called */
};

static struct told_table told;

static struct told *told_get(const char *id)
{
	for (size_t i = 0; i < told.n; i++)
		if (strcmp(told.v[i].id, id) == 0)
			return &told.v[i];
	assert_true(told.n < TOLD_MAX);
	struct told *t = &told.v[told.n++];
	snprintf(t->id, sizeof t->id, "%s", id);
	return t;
}

/* Says that `source` has these targets (a space between two), with the label `rack` when it is given. */
static void told_say(struct pl_discovery_sink *sink, const char *source, const char *targets, const char *rack)
{
	struct pl_str v[16];
	size_t n = 0;
	for (struct pl_str rest = pl_str_of(targets); rest.p != NULL && rest.n > 0;)
		v[n++] = pl_str_cut(&rest, ' ');
	struct pl_label label = {PL_STR("rack"), pl_str_of(rack)};
	struct pl_target_group group = {v, n, {&label, rack != NULL ? 1 : 0}};
	sink->update(sink, pl_str_of(source), &group, n > 0 ? 1 : 0);
}

static enum pl_err told_open(const struct pl_discovery_env *env, const void *config, void **self)
{
	const struct told_config *c = config;
	struct told *t = told_get(c->id);
	if (c->fail)
		return PL_EIO;
	assert_false(t->open);
	t->env = *env;
	t->opened++;
	t->open = true;
	*self = t;
	if (c->first[0] != '\0')
		told_say(env->sink, "one", c->first, NULL);
	if (c->second[0] != '\0')
		told_say(env->sink, "two", c->second, NULL);
	return PL_OK;
}

static void told_close(void *self, void (*closed)(void *data), void *data)
{
	struct told *t = self;
	assert_true(t->open);
	t->open = false;
	t->closed = closed;
	t->closed_data = data;
	if (!told.hold_close)
		closed(data);
}

static const struct pl_field told_fields[] = {
    {.key = "id", .type = PL_FIELD_STRING, .offset = offsetof(struct told_config, id), .fallback = "a"},
    {.key = "first", .type = PL_FIELD_STRING, .offset = offsetof(struct told_config, first), .fallback = ""},
    {.key = "second", .type = PL_FIELD_STRING, .offset = offsetof(struct told_config, second), .fallback = ""},
    {.key = "fail", .type = PL_FIELD_BOOL, .offset = offsetof(struct told_config, fail), .fallback = "false"},
    {0},
};

static const struct pl_schema told_schema = {.name = "told", .size = sizeof(struct told_config), .fields = told_fields};
static const struct pl_discovery_ops told_ops = {.open = told_open, .close = told_close};
static const struct pl_plugin told_plugin = {PL_PLUGIN_HEADER,          .kind = PL_PLUGIN_DISCOVERY,
					     .name = "told_sd_configs", .help = "what the test says",
					     .schema = &told_schema,    .ops.discovery = &told_ops};
static const struct pl_plugin nowhere_plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "nowhere",
						.help = "no points come"};

static const void *find_plugin(int kind, const char *name, const struct pl_schema **schema)
{
	const struct pl_plugin *all[] = {&told_plugin, &nowhere_plugin};
	for (size_t i = 0; i < PL_COUNT_OF(all); i++) {
		if ((int)all[i]->kind != kind || strcmp(all[i]->name, name) != 0)
			continue;
		*schema = all[i]->schema;
		return all[i];
	}
	return NULL;
}

static const char *plugin_name(int kind, size_t nth)
{
	return nth > 0 ? NULL : kind == PL_PLUGIN_DISCOVERY ? told_plugin.name : nowhere_plugin.name;
}

/* `text` without outputs. The caller releases it. */
static struct pl_config *config_of(const char *text)
{
	static const struct pl_config_plugins plugins = {find_plugin, plugin_name, PL_PLUGIN_OUTPUT, PL_PLUGIN_DISCOVERY,
							 PL_PLUGIN_NOTIFIER};
	struct pl_problems problems = {0};
	struct pl_buf all = {0};
	struct pl_config *config;
	pl_buf_addf(&all, "outputs: [{nowhere: {}}]\n%s", text);
	if (pl_config_parse("test.yml", pl_buf_str(&all), &plugins, &problems, &config) != PL_OK) {
		pl_buf_clear(&all);
		pl_problems_print(&problems, &all);
		fail_msg("%s", pl_buf_cstr(&all));
	}
	pl_buf_finish(&all);
	pl_problems_finish(&problems);
	return config;
}

#endif
