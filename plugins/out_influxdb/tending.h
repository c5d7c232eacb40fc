/* Looks after a database as the configuration declares it: its policies (provision.h) and what is rolled up (rollup.h). */
#ifndef PL_OUT_INFLUXDB_TENDING_H
#define PL_OUT_INFLUXDB_TENDING_H

#include "out_influxdb/provision_config.h"
#include "out_influxdb/request.h"

struct pl_influx_tending;

struct pl_influx_tending_options {
	const struct pl_output_env *env;
	const struct pl_influx_server *server; /* copied, with more patience */
	const struct pl_influx_provision_config *config;
	const char *database;
	const char *policy; /* where points go whose route names neither database nor policy; "": the database's default */
	bool create_database;
};

/* Begins at once; what `options` point at must live as long. */
struct pl_influx_tending *pl_influx_tending_create(const struct pl_influx_tending_options *options);

/* A delivery came back with this verdict. `created`: for its sake something was created that should have been there. */
void pl_influx_tending_note(struct pl_influx_tending *t, const struct pl_delivery *d, const struct pl_verdict *v, bool created);

/* Before the server's pool is closed: what is cancelled then means nothing. */
void pl_influx_tending_end(struct pl_influx_tending *t);

/* After the server's pool was closed. */
void pl_influx_tending_destroy(struct pl_influx_tending *t, void (*destroyed)(void *data), void *data);

const char *pl_influx_tending_counter(size_t i); /* as pl_output_ops.counter_label */

#endif
