/* Any bytes as the query string of /api/v1/quarantine: read, and put to a quarantine. */
#include <stdint.h>
#include <stdlib.h>

#include "api/quarantine_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *data, const struct pl_quarantined *line)
{
	++*(uint64_t *)data;
	return line->line.n > 0;
}

static void put_to(const struct pl_quarantine_query *q)
{
	const struct pl_quarantine_options options = {.max_bytes = 4096};
	const struct pl_quarantined lines[] = {
	    {.refused_wall_ns = 1000000000,
	     .output = "a",
	     .as = "b",
	     .line = PL_STR("m,instance=i,job=j v=1 1"),
	     .reason = PL_STR("r")},
	    {.refused_wall_ns = INT64_MAX, .output = "'", .line = PL_STR("%"), .reason = PL_STR("_")},
	};
	struct pl_quarantine *quarantine;
	char reason[256];
	uint64_t seen = 0, total = 0, deleted = 0;
	if (pl_quarantine_open(&quarantine, &options, reason, sizeof reason) != PL_OK ||
	    pl_quarantine_add(quarantine, lines, 2, reason, sizeof reason) != PL_OK ||
	    pl_quarantine_list(quarantine, &q->filter, 0, 9, look, &seen, &total) != PL_OK ||
	    pl_quarantine_take(quarantine, &q->filter, UINT64_MAX, NULL, NULL, &deleted) != PL_OK)
		abort();
	if (seen != total || deleted != total || pl_quarantine_stats(quarantine).lines != 2 - total)
		abort();
	pl_quarantine_close(quarantine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int is_page = 0; is_page < 2; is_page++) {
		struct pl_quarantine_query q = {0};
		char reason[256] = "";
		enum pl_err err =
		    pl_quarantine_query_parse(&q, (struct pl_str){(const char *)data, size}, is_page, reason, sizeof reason);
		if ((err == PL_OK) != (reason[0] == '\0') || (err == PL_OK && is_page && q.limit > PL_QUARANTINE_PAGE_MOST))
			abort();
		if (err == PL_OK)
			put_to(&q);
		pl_quarantine_query_finish(&q);
	}
	return 0;
}
