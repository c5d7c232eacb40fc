#include "in_scrape/backlog.h"

#include <string.h>

#include "base/clock.h"

void pl_scrape_backlog_begin(struct pl_scrape_backlog *b, int64_t patience_ns)
{
	pl_scrape_backlog_end(b);
	b->patience_ns = patience_ns;
	b->asked_mono_ns = 0;
}

static void drop(struct pl_scrape_backlog *b, size_t i)
{
	pl_batch_release(b->batches[i]);
	memmove(b->batches + i, b->batches + i + 1, (--b->n - i) * sizeof b->batches[0]);
}

void pl_scrape_backlog_add(struct pl_scrape_backlog *b, struct pl_batch *batch)
{
	if (b->n == PL_SCRAPE_BACKLOG_BATCHES)
		drop(b, 0);
	b->batches[b->n++] = batch;
}

void pl_scrape_backlog_end(struct pl_scrape_backlog *b)
{
	while (b->n > 0)
		drop(b, b->n - 1);
}

bool pl_scrape_backlog_is_long(struct pl_scrape_backlog *b, int64_t mono_ns)
{
	size_t held = 0, before = b->n;
	for (size_t i = b->n; i-- > 0;) {
		if (pl_batch_is_sole(b->batches[i]))
			drop(b, i);
		else
			held += b->batches[i]->n;
	}
	if (b->asked_mono_ns == 0 || b->n < before)
		b->moved_mono_ns = mono_ns;
	if (b->asked_mono_ns != 0)
		b->patience_ns -= mono_ns - b->asked_mono_ns;
	if (mono_ns - b->moved_mono_ns >= PL_SCRAPE_BACKLOG_STALL_NS)
		b->patience_ns = 0;
	bool waits = held >= PL_SCRAPE_BACKLOG_BYTES && b->patience_ns > 0;
	b->asked_mono_ns = waits ? mono_ns : 0;
	return waits;
}
