/* Why samples that were read did not become points, beside pl_sample_drop. */
#ifndef PL_IN_SCRAPE_DROPS_H
#define PL_IN_SCRAPE_DROPS_H

#include "format/transcode.h"

enum {
	PL_SCRAPE_DROP_FAILED = PL_SAMPLE_DROP_COUNT,
	PL_SCRAPE_DROP_LIMIT,
	PL_SCRAPE_DROP_LABEL_LIMIT,
	PL_SCRAPE_DROP_SERIES_LIMIT,
	PL_SCRAPE_DROP_RELABELED, /* by a rule */
	PL_SCRAPE_DROP_NAMELESS,  /* relabeling left no metric name */
	PL_SCRAPE_DROP_COUNT,
};

/* As pl_input_ops.drop_label. */
const char *pl_scrape_drop_label(size_t i);

#endif
