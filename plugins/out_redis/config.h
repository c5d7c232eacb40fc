/* What `outputs: - redis:` may say. */
#ifndef PL_OUT_REDIS_CONFIG_H
#define PL_OUT_REDIS_CONFIG_H

#include "config/client.h"
#include "config/schema.h"

struct pl_redis_sentinel_config {
	const char *master;
	struct pl_strings addresses; /* host[:26379] */
	const char *username;
	struct pl_secret password;
};

struct pl_redis_config {
	const char *url;
	const char *username;
	struct pl_secret password;
	const char *prefix;
	int64_t last_values_ttl; /* ns; 0: none are kept */
	int64_t connect_timeout, timeout;
	struct pl_tls_config tls_config;
	struct pl_redis_sentinel_config *sentinel; /* NULL: the URL's host it is */
};

extern const struct pl_schema pl_redis_schema;

#endif
