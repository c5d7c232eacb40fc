/* Carries one delivery at a time to Kapacitor's write endpoint and gives the verdict.
 *
 * Kapacitor (1.5) takes a body whole or not at all: 204, or 400 with "unable to parse 'LINE': WHY" for each bad line when not one
 * of the lines was taken. So a refused body is halved until each bad line stands alone. What else it may answer: 400 "database is
 * required", 401, 404 of an address that is not Kapacitor's, 500 while it stops; a proxy adds 413 and others. */
#ifndef PL_OUT_KAPACITOR_FEED_H
#define PL_OUT_KAPACITOR_FEED_H

#include "base/arena.h"
#include "pipeline/plugin.h"

enum { PL_KAPACITOR_ANSWER_BYTES = 4096, PL_KAPACITOR_MOST_HALVES = 64 };

/* Bytes of the delivery, counted as if its batches were one; from the begin of a line to the end of one. */
struct pl_kapacitor_range {
	size_t from, to;
};

/* Zero-initialise, and set the first group. */
struct pl_kapacitor_feed {
	struct pl_transfer_pool *pool;
	struct pl_str base; /* URL without trailing slashes */
	const struct pl_client_config *client_config;
	const char *database, *policy; /* where a route names none */
	int64_t timeout_ns;
	/* the delivery under way */
	struct pl_delivery *delivery; /* NULL: none */
	struct pl_kapacitor_range halves[PL_KAPACITOR_MOST_HALVES], now;
	size_t n_halves; /* still to be sent */
	struct pl_str *pieces;
	size_t pieces_cap;
	struct pl_refusal *refusals;
	size_t n_refusals, refusals_cap;
	struct pl_arena reasons;
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_buf url, answer;
};

void pl_kapacitor_feed_deliver(struct pl_kapacitor_feed *f, struct pl_delivery *d);
void pl_kapacitor_feed_finish(struct pl_kapacitor_feed *f); /* not while a delivery is under way */

#endif
