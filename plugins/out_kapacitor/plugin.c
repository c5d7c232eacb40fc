/* Feeds Kapacitor directly, instead of by InfluxDB's subscriptions, which drop what they cannot forward at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_kapacitor/feed.h"
#include "pipeline/plugin.h"

struct kapacitor_config {
	const char *url, *database, *retention_policy;
	struct pl_client_config client;
	int64_t timeout;
};

struct kapacitor {
	struct pl_kapacitor_feed feed;
	void (*closed)(void *data);
	void *closed_data;
};

static enum pl_err open_kapacitor(const struct pl_output_env *env, const void *config, void **self, char *reason,
				  size_t reason_size)
{
	const struct kapacitor_config *c = config;
	struct kapacitor *k = pl_calloc(1, sizeof *k);
	enum pl_err err =
	    pl_transfer_pool_create(&k->feed.pool, env->loop, &(struct pl_transfer_pool_options){.max_connections = 1});
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot set up HTTP: %s", pl_err_text(err));
		free(k);
		return err;
	}
	k->feed.base = pl_str_of(c->url);
	while (k->feed.base.n > 0 && k->feed.base.p[k->feed.base.n - 1] == '/')
		k->feed.base.n--;
	k->feed.client_config = &c->client;
	k->feed.database = c->database;
	k->feed.policy = c->retention_policy;
	k->feed.timeout_ns = c->timeout;
	*self = k;
	return PL_OK;
}

static void deliver(void *self, struct pl_delivery *d)
{
	struct kapacitor *k = self;
	pl_kapacitor_feed_deliver(&k->feed, d);
}

static void on_pool_closed(void *data)
{
	struct kapacitor *k = data;
	void (*closed)(void *) = k->closed;
	void *closed_data = k->closed_data;
	pl_kapacitor_feed_finish(&k->feed);
	free(k);
	closed(closed_data);
}

static void close_kapacitor(void *self, void (*closed)(void *data), void *data)
{
	struct kapacitor *k = self;
	k->closed = closed;
	k->closed_data = data;
	pl_transfer_pool_close(k->feed.pool, on_pool_closed, k);
}

/* ---- the configuration ---- */

static void check(void *object, const struct pl_check *c)
{
	const struct kapacitor_config *config = object;
	pl_client_config_check(&config->client, c);
	if (config->client.oauth2 != NULL)
		pl_check_fail(c, "oauth2", "not supported here, Kapacitor knows no OAuth 2; use basic_auth or authorization");
	if (config->url != NULL && (strpbrk(config->url, "?#") != NULL || strstr(config->url, "/kapacitor/v1") != NULL))
		pl_check_fail(c, "url",
			      "expected only scheme, host and port, and perhaps what a proxy puts before /kapacitor/v1");
}

static const struct pl_field fields[] = {
    {.key = "url",
     .type = PL_FIELD_URL,
     .offset = offsetof(struct kapacitor_config, url),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "http://127.0.0.1:9092",
     .help = "where Kapacitor listens"},
    {.key = "database",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct kapacitor_config, database),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulseline",
     .help = "for points whose job names none; a task takes the points of the databases and policies of its dbrps alone"},
    {.key = "retention_policy",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct kapacitor_config, retention_policy),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "autogen",
     .help = "for points whose job names none"},
    PL_CLIENT_FIELDS(struct kapacitor_config),
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct kapacitor_config, timeout),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "of one request"},
    {0},
};

static const struct pl_schema schema = {
    .name = "kapacitor", .size = sizeof(struct kapacitor_config), .fields = fields, .check = check};

static const struct pl_output_ops ops = {
    .open = open_kapacitor,
    .deliver = deliver,
    .durable = true,
    .close = close_kapacitor,
};

extern const struct pl_plugin pl_plugin_out_kapacitor;
const struct pl_plugin pl_plugin_out_kapacitor = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_OUTPUT, .name = "kapacitor", .help = "feeds Kapacitor's stream tasks directly",
    .schema = &schema, .ops.output = &ops,
};
