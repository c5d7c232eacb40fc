/* Publishes live values on Redis and keeps the last of each there; takes no batches. */
#include <stdio.h>
#include <stdlib.h>

#include "out_redis/publisher.h"

static enum pl_err open_output(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	if (env->live == NULL) {
		snprintf(reason, reason_size, "there are no live values here");
		return PL_EUNSUPPORTED;
	}
	*self = pl_redis_publisher_create(env, config);
	return PL_OK;
}

static void close_output(void *self, void (*closed)(void *data), void *data)
{
	pl_redis_publisher_close(self, closed, data);
}

static const struct pl_output_ops ops = {.open = open_output, .counter_label = pl_redis_counter_label, .close = close_output};

const struct pl_plugin pl_plugin_out_redis = {
    PL_PLUGIN_HEADER,           .kind = PL_PLUGIN_OUTPUT, .name = "redis", .help = "publishes live values on Redis",
    .schema = &pl_redis_schema, .ops.output = &ops,
};
