/* A request's body: pieces of batches, sent as they are or compressed. No I/O. */
#ifndef PL_OUT_INFLUXDB_BODY_H
#define PL_OUT_INFLUXDB_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct libdeflate_compressor;

/* Zero-initialise. */
struct pl_influx_pieces {
	struct pl_str *v; /* views of the batches */
	size_t n, cap, bytes;
};

void pl_influx_pieces_clear(struct pl_influx_pieces *p);
void pl_influx_pieces_add(struct pl_influx_pieces *p,
			  struct pl_str s); /* what follows the last one in memory becomes part of it */
void pl_influx_pieces_finish(struct pl_influx_pieces *p);

/* Zero-initialise. */
struct pl_influx_packer {
	struct libdeflate_compressor *compressor;
	struct pl_buf out, gathered;
};

/* Compresses into p->out; false when that cannot be done. */
bool pl_influx_pack(struct pl_influx_packer *p, const struct pl_influx_pieces *pieces);
void pl_influx_packer_finish(struct pl_influx_packer *p);

#endif
