/* `server.relay`: where relays connect, how they are asked, and how much of them is borne. */
#ifndef PL_CONFIG_RELAY_H
#define PL_CONFIG_RELAY_H

#include "config/schema.h"

struct pl_relay_override {
	const char *collector;
	int64_t interval; /* ns, whole seconds */
};

struct pl_relay_config {
	const char *listen;
	int64_t poll_interval, beat_interval; /* ns; the latter whole seconds */
	struct pl_secret token;
	const char *cert_file, *key_file, *client_ca_file; /* NULL: not given */
	bool allow_insecure;
	bool collector_tag;
	int64_t handshake_timeout; /* ns */
	struct pl_list overrides;  /* struct pl_relay_override */
	struct {
		const char *database;         /* "": the output's own */
		const char *retention_policy; /* "": the database's default */
	} influx;
	struct {
		int64_t clients, handshakes, collectors, tags, name_bytes, line_bytes, unsent_bytes;
	} limits;
};

extern const struct pl_schema pl_relay_schema;

#endif
