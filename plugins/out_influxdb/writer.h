/* Carries one delivery at a time to `/write`, creates what is missing where that is allowed, and gives the verdict. */
#ifndef PL_OUT_INFLUXDB_WRITER_H
#define PL_OUT_INFLUXDB_WRITER_H

#include "out_influxdb/request.h"

struct libdeflate_compressor;

struct pl_influx_writer {
	const struct pl_influx_server *server;
	struct pl_log *log;
	const char *name;
	const char *database, *policy; /* where a route names none */
	bool create;                   /* what is missing */
	int64_t policy_duration_ns;    /* 0: no policy is created */
	bool gzip;
	/* the delivery under way */
	struct pl_delivery *delivery; /* NULL: none */
	struct pl_str *pieces;
	size_t pieces_cap;
	struct pl_buf packed, statement;
	struct pl_str packed_piece;
	struct libdeflate_compressor *compressor;
	bool tried_database, tried_policy;
	struct pl_verdict verdict; /* before the missing thing was created */
	struct pl_influx_request write, create_request;
};

void pl_influx_writer_finish(struct pl_influx_writer *w);
void pl_influx_writer_deliver(struct pl_influx_writer *w, struct pl_delivery *d);

#endif
