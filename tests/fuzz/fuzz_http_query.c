/* Any bytes as a query string: walked to its end, and made into a question for the store. */
#include <stdint.h>
#include <stdlib.h>

#include "api/read_query.h"
#include "net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	return 0;
}
