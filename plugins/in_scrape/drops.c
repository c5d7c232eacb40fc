#include "in_scrape/drops.h"

const char *pl_scrape_drop_label(size_t i)
{
	static const char *const labels[] = {
	    [PL_SCRAPE_DROP_FAILED] = "scrape_failed",
	    [PL_SCRAPE_DROP_LIMIT] = "sample_limit",
	    [PL_SCRAPE_DROP_LABEL_LIMIT] = "label_limit",
	    [PL_SCRAPE_DROP_SERIES_LIMIT] = "series_limit",
	    [PL_SCRAPE_DROP_RELABELED] = "metric_relabel_configs",
	    [PL_SCRAPE_DROP_NAMELESS] = "no_name_after_relabeling",
	};
	if (i < PL_SAMPLE_DROP_COUNT)
		return pl_sample_drop_label((enum pl_sample_drop)i);
	return i < PL_SCRAPE_DROP_COUNT ? labels[i] : NULL;
}
