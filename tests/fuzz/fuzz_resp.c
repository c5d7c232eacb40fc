/* Any bytes as a Redis server's answers, in pieces: replies or a refusal, whatever is announced. */
#include <stdint.h>
#include <stdlib.h>

#include "net/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_resp *r = pl_resp_create();
	const struct pl_resp_reply *reply;
	const char *reason = NULL;
	size_t piece = size > 0 ? 1 + data[0] : 1;
	bool good = true;
	for (size_t at = 1; at < size && good; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		int got = 0;
		good = pl_resp_feed(r, (const char *)data + at, n, &reason);
		while (good && (got = pl_resp_next(r, &reply, &reason)) > 0)
			if (reply->text.n > PL_RESP_MAX_TEXT || reply->n_items > PL_RESP_MAX_ITEMS || reply->type > PL_RESP_OTHER)
				abort();
		good = good && got == 0;
		if (!good && reason == NULL)
			abort();
	}
	pl_resp_destroy(r);
	return 0;
}
