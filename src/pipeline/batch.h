/* Complete lines of line protocol in one refcounted, immutable buffer, bound for one route. */
#ifndef PL_PIPELINE_BATCH_H
#define PL_PIPELINE_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Where a batch goes. Immutable and refcounted; equal routes need not be the same object. */
struct pl_route {
	atomic_uint refs;
	const char *database;         /* "": the output's own */
	const char *retention_policy; /* "": the database's default */
};

struct pl_route *pl_route_create(const char *database, const char *retention_policy); /* copies; one reference */
struct pl_route *pl_route_share(struct pl_route *r);
void pl_route_release(struct pl_route *r);
bool pl_route_eq(const struct pl_route *a, const struct pl_route *b);

struct pl_batch {
	atomic_uint refs;
	struct pl_route *route; /* shares */
	const char *p;          /* n bytes, each line ends in '\n' */
	size_t n;
	uint32_t points;        /* lines */
	int64_t sealed_mono_ns; /* when it left its builder */
};

/* Takes the bytes of `lines` (empty afterwards), shares the route; one reference. */
struct pl_batch *pl_batch_create(struct pl_route *route, struct pl_buf *lines, uint32_t points);
struct pl_batch *pl_batch_share(struct pl_batch *b); /* any thread */
void pl_batch_release(struct pl_batch *b);           /* any thread; the last one frees */
bool pl_batch_is_sole(const struct pl_batch *b);     /* does nobody else have a reference any more? */

/* Two new batches with the two halves of the lines. False when there is but one line. */
bool pl_batch_split(const struct pl_batch *b, struct pl_batch **first, struct pl_batch **second);

#endif
