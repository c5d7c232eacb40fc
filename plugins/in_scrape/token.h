/* OAuth 2 tokens of a worker's targets: those whose configuration says the same share one. */
#ifndef PL_IN_SCRAPE_TOKEN_H
#define PL_IN_SCRAPE_TOKEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pipeline/plugin.h"

struct pl_scrape_token {
	LIST_ENTRY(pl_scrape_token) of_tokens;
	struct pl_scrape_tokens *tokens;
	struct pl_oauth2 *oauth2;
	struct pl_target *target; /* shares: the configuration lives with it */
	uint64_t fingerprint;
	unsigned users;
};

struct pl_scrape_tokens {
	struct pl_transfer_pool *transfers;
	LIST_HEAD(, pl_scrape_token) list;
	size_t n;                      /* in the list, or being closed */
	void (*none_left)(void *data); /* n has come to 0 */
	void *data;
};

/* NULL when the target's job has no oauth2. */
struct pl_scrape_token *pl_scrape_token_share(struct pl_scrape_tokens *tokens, struct pl_target *t);

/* Nobody waits for it on behalf of this user any more. */
void pl_scrape_token_release(struct pl_scrape_token *token);

#endif
