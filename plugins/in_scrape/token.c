#include "in_scrape/token.h"

#include <stdlib.h>

#include "base/mem.h"

struct pl_scrape_token *pl_scrape_token_share(struct pl_scrape_tokens *tokens, struct pl_target *t)
{
	const struct pl_oauth2_config *config = t->job->client.oauth2;
	struct pl_scrape_token *token;
	if (config == NULL)
		return NULL;
	uint64_t fingerprint = pl_schema_fingerprint(&pl_oauth2_schema, config);
	LIST_FOREACH(token, &tokens->list, of_tokens)
	{
		if (token->fingerprint == fingerprint) {
			token->users++;
			return token;
		}
	}
	token = pl_calloc(1, sizeof *token);
	token->tokens = tokens;
	token->oauth2 = pl_oauth2_create(tokens->transfers, config);
	token->target = pl_target_share(t);
	token->fingerprint = fingerprint;
	token->users = 1;
	tokens->n++;
	LIST_INSERT_HEAD(&tokens->list, token, of_tokens);
	return token;
}

static void on_closed(void *data)
{
	struct pl_scrape_token *token = data;
	struct pl_scrape_tokens *tokens = token->tokens;
	pl_target_release(token->target);
	free(token);
	if (--tokens->n == 0)
		tokens->none_left(tokens->data);
}

void pl_scrape_token_release(struct pl_scrape_token *token)
{
	if (--token->users > 0)
		return;
	LIST_REMOVE(token, of_tokens);
	pl_oauth2_close(token->oauth2, on_closed, token);
}
