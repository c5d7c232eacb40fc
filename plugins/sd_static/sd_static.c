/* static_configs: targets that stand in the configuration itself. */
#include <stdlib.h>

#include "base/mem.h"
#include "pipeline/plugin.h"

struct static_config {
	struct pl_strings targets;
	struct pl_labels labels;
};

static const struct pl_field fields[] = {
    {.key = "targets",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct static_config, targets),
     .help = "host:port of each; a bare host gets the scheme's port"},
    {.key = "labels",
     .type = PL_FIELD_LABELS,
     .offset = offsetof(struct static_config, labels),
     .help = "labels of all of them; __scheme__, __metrics_path__, __param_<name> ... steer the request"},
    {0},
};

static const struct pl_schema schema = {.name = "static_configs", .size = sizeof(struct static_config), .fields = fields};

static enum pl_err open_static(const struct pl_discovery_env *env, const void *config, void **self)
{
	const struct static_config *c = config;
	struct pl_str *targets = pl_calloc(c->targets.n + 1, sizeof *targets);
	for (size_t i = 0; i < c->targets.n; i++)
		targets[i] = pl_str_of(c->targets.v[i]);
	struct pl_target_group group = {.targets = targets, .n_targets = c->targets.n, .labels = c->labels};
	env->sink->update(env->sink, PL_STR("static_configs"), &group, 1);
	free(targets);
	*self = pl_alloc(1); /* it has said all; yet an open instance is not NULL */
	return PL_OK;
}

static void close_static(void *self, void (*closed)(void *data), void *data)
{
	free(self);
	closed(data);
}

static const struct pl_discovery_ops ops = {.open = open_static, .close = close_static};

const struct pl_plugin pl_plugin_sd_static = {
    PL_PLUGIN_HEADER,         .kind = PL_PLUGIN_DISCOVERY,
    .name = "static_configs", .help = "targets that stand in the configuration itself",
    .schema = &schema,        .ops.discovery = &ops,
};
