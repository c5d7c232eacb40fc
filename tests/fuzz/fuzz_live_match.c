/* Any bytes as `match` parameters, a line each, and their tags as a value's: what a wish names must fit the value that has just
 * these tags, and no other. Then as the URL of a Redis server. */
#include <stdint.h>
#include <stdlib.h>

#include "live/wish.h"
#include "out_redis/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_set(const struct pl_live_set *set)
{
	const struct pl_live_value whole = {.tags = set->tags, .n_tags = set->n, .data = {"1", 1}};
	struct pl_live_message *m = pl_live_message_create(&whole);
	if (m == NULL)
		return;
	if (m->n_tags != set->n || !pl_live_set_fits(set, m))
		abort();
	for (size_t i = 0; i < m->channel.n; i++)
		if (m->channel.p[i] <= ' ' || strchr("*?[]^\\", m->channel.p[i]) != NULL)
			abort();
	pl_live_message_release(m);
	if (set->n == 0)
		return;
	const struct pl_live_value less = {.tags = set->tags + 1, .n_tags = set->n - 1};
	m = pl_live_message_create(&less);
	if (pl_live_set_fits(set, m))
		abort();
	pl_live_message_release(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str rest = {(const char *)data, size};
	struct pl_live_wish w = {0};
	struct pl_redis_url url;
	char reason[192];
	if (pl_redis_url_parse(rest, &url, reason, sizeof reason) == PL_OK && (url.host[0] == '\0' || url.port == 0))
		abort();
	while (rest.p != NULL && rest.n > 0) {
		enum pl_err err = pl_live_wish_add(&w, pl_str_cut(&rest, '\n'));
		if (err != PL_OK && err != PL_ELIMIT && err != PL_EPARSE)
			abort();
	}
	for (size_t i = 0; i < w.n; i++)
		check_set(&w.sets[i]);
	pl_live_wish_finish(&w);
	return 0;
}
