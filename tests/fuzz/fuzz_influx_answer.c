/* Whatever a server answers: to a write it gives a verdict that fits the delivery, to a question an answer within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "out_influxdb/answer.h"
#include "out_influxdb/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct pl_str body, long status, unsigned flags)
{
	struct pl_verdict v;
	struct pl_influx_answer a = {.status = status, .body = body, .cut = flags & 1, .gzipped = flags & 2, .points = 1 + flags};
	enum pl_influx_cause cause = pl_influx_judge(&a, &v);
	if (v.refused > a.points || (v.refused > 0 && v.kind != PL_VERDICT_DONE))
		abort();
	if (strnlen(v.reason, sizeof v.reason) == sizeof v.reason)
		abort();
	/* nothing but success or a counted loss may let the points go */
	if (v.kind == PL_VERDICT_DONE && v.refused == 0 && status != 204)
		abort();
	if (cause == PL_INFLUX_BAD_ENCODING && !a.gzipped)
		abort();
}

static void read_back(struct pl_str body, long status, enum pl_query_kind kind, unsigned flags)
{
	struct pl_filter filters[2] = {{.key = PL_STR("host"), .n_values = 2}, {.key = PL_STR("dc"), .n_values = 1}};
	struct pl_query *q = pl_query_create(kind);
	q->verb = (flags & 1) != 0 ? PL_VERB_NONE : PL_VERB_MEAN;
	q->limit = flags & 7;
	q->filters = filters;
	q->n_filters = 2;
	pl_influx_read_result(q, status, body, 1 + (flags & 1));
	if (q->n_rows > 7 || q->reason == NULL || (q->err != PL_OK) != (q->reason[0] != '\0'))
		abort();
	for (size_t i = 0; i < q->n_rows; i++) {
		if (q->rows[i].value != q->rows[i].value || q->rows[i].time_ms % 1000 != 0)
			abort();
	}
	pl_query_destroy(q);
}

/* Two bytes choose the status and what was asked, the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 204, 400, 401, 403, 404, 413, 422, 429, 500, 503, 302, 0};
	if (size < 2)
		return 0;
	long status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
	struct pl_str body = {(const char *)data + 2, size - 2};
	char reason[64];
	judge(body, status, data[1]);
	read_back(body, status, PL_QUERY_LATEST, data[1]);
	read_back(body, status, (data[1] & 8) != 0 ? PL_QUERY_KEYS : PL_QUERY_TAGS, data[1]);
	if (pl_influx_check_result(status, body, reason, sizeof reason) == PL_OK && status != 200)
		abort();
	return 0;
}
