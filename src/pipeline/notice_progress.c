#include "pipeline/notice_progress.h"

#include <stdlib.h>

#include "base/mem.h"

static size_t find(const struct pl_notice_progress *p, struct pl_str key)
{
	size_t i = 0;
	while (i < PL_NOTICE_PROGRESS_KEPT && (p->kept[i].key == NULL || !pl_str_is(key, p->kept[i].key)))
		i++;
	return i;
}

uint64_t pl_notice_progress_get(const struct pl_notice_progress *p, struct pl_str key)
{
	size_t i = find(p, key);
	return i < PL_NOTICE_PROGRESS_KEPT ? p->kept[i].done : 0;
}

static void forget(struct pl_notice_progress *p, size_t i)
{
	free(p->kept[i].key);
	p->kept[i].key = NULL;
	p->kept[i].done = p->kept[i].noted = 0;
}

void pl_notice_progress_set(struct pl_notice_progress *p, struct pl_str key, uint64_t done)
{
	size_t i = find(p, key);
	if (i == PL_NOTICE_PROGRESS_KEPT && done == 0)
		return;
	if (i == PL_NOTICE_PROGRESS_KEPT) {
		i = 0;
		for (size_t k = 1; k < PL_NOTICE_PROGRESS_KEPT; k++)
			if (p->kept[k].noted < p->kept[i].noted)
				i = k;
		forget(p, i);
		p->kept[i].key = pl_strndup(key.p, key.n);
	}
	if (done == 0) {
		forget(p, i);
		return;
	}
	p->kept[i].done = done;
	p->kept[i].noted = ++p->clock;
}

void pl_notice_progress_finish(struct pl_notice_progress *p)
{
	for (size_t i = 0; i < PL_NOTICE_PROGRESS_KEPT; i++)
		forget(p, i);
}
