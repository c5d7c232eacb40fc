/* Makes the database and the retention policies what the configuration declares: asks what there is, and creates or alters only
 * what differs. What it was not told of is left alone, and nothing is ever dropped. Asks again now and then, and when a write
 * found something missing. */
#ifndef PL_OUT_INFLUXDB_PROVISION_H
#define PL_OUT_INFLUXDB_PROVISION_H

#include "base/arena.h"
#include "base/incident.h"
#include "out_influxdb/provision_config.h"
#include "out_influxdb/request.h"
#include "out_influxdb/shown.h"

/* What a policy should be. */
struct pl_influx_policy {
	const char *name;
	int64_t duration_ns; /* 0: for ever */
	int64_t shard_ns;    /* 0: whatever it is, as long as it fits duration_ns */
	bool is_default;     /* false: whatever it is */
};

enum { PL_INFLUX_MOST_POLICIES = PL_INFLUX_MOST_DECLARED + 2 };

struct pl_influx_provision {
	/* set by the owner; borrowed */
	const struct pl_output_env *env;
	const struct pl_influx_server *server;
	const char *database;
	bool create_database;
	struct pl_influx_policy policies[PL_INFLUX_MOST_POLICIES];
	size_t n_policies;
	/* All is as it should be; `changed`: something was not. `shown` are all policies of the database, for the call. */
	void (*ready)(struct pl_influx_provision *p, bool changed, const struct pl_influx_shown_policy *shown, size_t n);
	/* own */
	enum { PL_INFLUX_ASKING, PL_INFLUX_CHANGING, PL_INFLUX_RESTING, PL_INFLUX_NO_QUERIES } state;
	uv_timer_t timer;
	struct pl_influx_request request;
	struct pl_buf statement, change, about; /* change: for the log; about: which policy */
	struct pl_incident incident;
	size_t first, changing; /* policies: where to begin; under way */
	unsigned failures, rounds;
	bool changed, again, said;
	bool closing; /* set by the owner before it cancels the request */
	void (*closed)(struct pl_influx_provision *p);
};

void pl_influx_provision_open(struct pl_influx_provision *p); /* asks at once */

/* Something seems to be missing: asks again soon. */
void pl_influx_provision_poke(struct pl_influx_provision *p);

/* After its request has ended. `closed` is the last call. */
void pl_influx_provision_close(struct pl_influx_provision *p, void (*closed)(struct pl_influx_provision *p));

#endif
