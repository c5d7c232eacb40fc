/* The samples of one target that go live: job and labels as tags, each as name:value, the metric's name and "metrics"; the
 * number's text as data. Passed on when the page proved good, or in pieces where there are many. */
#ifndef PL_IN_SCRAPE_LIVE_VALUES_H
#define PL_IN_SCRAPE_LIVE_VALUES_H

#include "format/exposition.h"
#include "pipeline/plugin.h"

struct pl_scrape_live;

struct pl_scrape_live *pl_scrape_live_create(struct pl_target *t, struct pl_live_tap *tap); /* borrows both */
void pl_scrape_live_destroy(struct pl_scrape_live *l);                                      /* NULL is fine */

struct pl_scrape_live *pl_scrape_live_begin(struct pl_scrape_live *l, int64_t time_ns); /* returns l */
void pl_scrape_live_add(struct pl_scrape_live *l, const struct pl_sample *sample);      /* if it is one that is wanted */
void pl_scrape_live_end(struct pl_scrape_live *l, bool good); /* else what was not passed on yet is forgotten */

#endif
