#include <stdlib.h>

#include "api/private.h"
#include "base/mem.h"

/* GET /api/v1/live?match=TAG,TAG&match=...: live values as server-sent events; see live/sse.h. */

static const char *wish_of(const struct pl_http_exchange *x, struct pl_live_wish *wish)
{
	struct pl_str rest = pl_http_query(x), key, value;
	struct pl_buf scratch = {0};
	enum pl_err err = PL_OK;
	while (err == PL_OK && pl_http_query_next(&rest, &scratch, &key, &value)) {
		if (pl_str_is(key, "match"))
			err = pl_live_wish_add(wish, value);
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	if (err == PL_OK)
		return NULL;
	return err == PL_ELIMIT ? "match may be given 64 times, with 64 tags each"
				: "in match a backslash may stand before a comma or a backslash only";
}

void pl_api_live(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct pl_live_wish *wish = pl_calloc(1, sizeof *wish);
	const char *wrong = wish_of(x, wish);
	(void)part;
	if (wrong != NULL) {
		pl_api_reply_error(x, 400, wrong);
	} else if (a->live == NULL || a->closing) {
		pl_api_reply_error(x, 503, "there are no live values now");
	} else if (!pl_live_sse_begin(a->live, x, wish, pl_http_header(x, "last-event-id"))) {
		pl_http_set_header(x, "Retry-After", "5");
		pl_api_reply_error(x, 503, "there are too many clients of live values (server.live.max_clients)");
	}
	pl_live_wish_finish(wish);
	free(wish);
}
