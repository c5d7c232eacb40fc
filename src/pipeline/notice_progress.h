/* How far notices got that could not be sent whole, so that the next attempt leaves out what was taken. Forgotten at a restart:
 * then receivers tell doubles by the notice's key. */
#ifndef PL_PIPELINE_NOTICE_PROGRESS_H
#define PL_PIPELINE_NOTICE_PROGRESS_H

#include <stdint.h>

#include "base/str.h"

enum { PL_NOTICE_PROGRESS_KEPT = 64 }; /* notices; the one noted longest ago is forgotten for a new one */

/* Zero-initialise. */
struct pl_notice_progress {
	struct {
		char *key; /* owned; NULL: free */
		uint64_t done, noted;
	} kept[PL_NOTICE_PROGRESS_KEPT];
	uint64_t clock;
};

uint64_t pl_notice_progress_get(const struct pl_notice_progress *p, struct pl_str key);      /* 0: none */
void pl_notice_progress_set(struct pl_notice_progress *p, struct pl_str key, uint64_t done); /* 0 forgets it */
void pl_notice_progress_finish(struct pl_notice_progress *p);

#endif
