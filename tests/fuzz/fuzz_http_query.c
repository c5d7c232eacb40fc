/* Any bytes as a query string: walked to its end, and made into a question for the store. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/history.h"
#include "api/read_query.h"
#include "net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken is within the bounds that the stores rely on. */
static void as_history(struct pl_str all, enum pl_history_kind kind)
{
	const int64_t now = INT64_C(1795216903974525097);
	char reason[160];
	int64_t first_ns;
	struct pl_history h = {.kind = kind};
	struct pl_query *q = pl_query_create(PL_QUERY_HISTORY);
	enum pl_err err = pl_history_parse(&h, q, all, now, reason, sizeof reason);
	if (err != PL_OK && err != PL_EINVAL)
		abort();
	if (err == PL_OK && (q->from_ns < 0 || q->from_ns > now || q->until_ns < 0 || q->until_ns > now || !isfinite(h.fill) ||
			     pl_query_windows(q, &first_ns) > PL_QUERY_MOST_WINDOWS))
		abort();
	pl_query_destroy(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str all = {(const char *)data, size}, rest = all, key, value;
	struct pl_buf scratch = {0};
	size_t decoded = 0;
	while (pl_http_query_next(&rest, &scratch, &key, &value)) {
		decoded += key.n + value.n;
		if (decoded != scratch.n || decoded > size)
			abort();
	}
	pl_buf_finish(&scratch);
	char reason[160];
	struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
	enum pl_err err = pl_read_query_parse(q, PL_VERB_MEAN, all, reason, sizeof reason);
	if (err != PL_OK && err != PL_EINVAL)
		abort();
	for (size_t i = 0; err == PL_OK && i < q->n_filters; i++)
		if (q->filters[i].key.n == 0 || q->filters[i].n_values == 0 ||
		    (q->verb == PL_VERB_NONE && q->filters[i].n_values > q->limit))
			abort();
	pl_query_destroy(q);
	as_history(all, PL_HISTORY_HOURLY);
	as_history(all, PL_HISTORY_PEAKS);
	return 0;
}
