/* Bearer tokens by OAuth 2's client credentials (RFC 6749, 4.4): fetched when first needed, shared by all who ask, kept until
 * shortly before they expire. Belongs to the thread of its pool. */
#ifndef PL_PIPELINE_OAUTH2_H
#define PL_PIPELINE_OAUTH2_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "config/client.h"
#include "net/transfer.h"

struct pl_oauth2;

enum pl_oauth2_state {
	PL_OAUTH2_READY,   /* pl_oauth2_token is good now */
	PL_OAUTH2_FAILED,  /* pl_oauth2_reason says why */
	PL_OAUTH2_WAITING, /* on_answer will be called once, later */
};

/* One who waits for a token. Caller-owned, zero-initialised. */
struct pl_oauth2_waiter {
	TAILQ_ENTRY(pl_oauth2_waiter) of_oauth2;
	bool waiting;
	void (*on_answer)(struct pl_oauth2_waiter *w, enum pl_oauth2_state state); /* READY or FAILED; set by the caller */
};

/* Borrows all. */
struct pl_oauth2 *pl_oauth2_create(struct pl_transfer_pool *pool, const struct pl_oauth2_config *config);

/* Nobody may wait any more. Ends what is under way, frees, then calls `closed`, perhaps from within. */
void pl_oauth2_close(struct pl_oauth2 *o, void (*closed)(void *data), void *data);

/* Begins to fetch a token when there is none and nobody else did; that may take `timeout_ns` (> 0). After a failure nothing is
 * fetched for two seconds. */
PL_MUST_CHECK enum pl_oauth2_state pl_oauth2_ask(struct pl_oauth2 *o, struct pl_oauth2_waiter *w, int64_t timeout_ns);
void pl_oauth2_leave(struct pl_oauth2 *o, struct pl_oauth2_waiter *w); /* waits no longer; harmless when it does not */

/* Borrowed until the loop goes on. `serial` numbers the token. */
const char *pl_oauth2_token(const struct pl_oauth2 *o, uint64_t *serial);
const char *pl_oauth2_reason(const struct pl_oauth2 *o);

/* A server did not take that token: it is forgotten, unless there is a newer one. */
void pl_oauth2_refused(struct pl_oauth2 *o, uint64_t serial);

#endif
