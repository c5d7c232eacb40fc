/* Carries one delivery at a time to the server in as many requests as it needs, creates what is missing where that is allowed,
 * and gives one verdict. */
#ifndef PL_OUT_INFLUXDB_WRITER_H
#define PL_OUT_INFLUXDB_WRITER_H

#include "base/incident.h"
#include "out_influxdb/limit.h"
#include "out_influxdb/request.h"
#include "out_influxdb/route.h"
#include "out_influxdb/sift.h"

/* The first members are the caller's to set, the rest is zero; then pl_influx_writer_init. */
struct pl_influx_writer {
	const struct pl_influx_server *server;
	struct pl_log *log;
	const char *name;
	struct pl_influx_names names;
	bool create;                /* what is missing */
	int64_t policy_duration_ns; /* 0: no policy is created */
	bool gzip;
	/* what was learnt */
	struct pl_influx_memory memory;
	struct pl_influx_limit limit;
	struct pl_incident unparsable;
	/* the delivery under way */
	struct pl_delivery *delivery; /* NULL: none */
	uint64_t serial;
	struct pl_influx_sift sift;
	struct pl_influx_pieces pieces;
	struct pl_influx_packer packer;
	struct pl_str packed;
	struct pl_buf statement;
	bool tried_database, tried_policy;
	struct pl_influx_judgement judgement;
	struct pl_influx_request write, create_request;
};

void pl_influx_writer_init(struct pl_influx_writer *w);
void pl_influx_writer_finish(struct pl_influx_writer *w);
void pl_influx_writer_deliver(struct pl_influx_writer *w, struct pl_delivery *d);

#endif
