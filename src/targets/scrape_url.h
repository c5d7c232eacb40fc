/* The URL that a target is scraped at. */
#ifndef PL_TARGETS_SCRAPE_URL_H
#define PL_TARGETS_SCRAPE_URL_H

#include "base/buf.h"
#include "base/str.h"
#include "config/schema.h"
#include "format/labels.h"

/* Appends scheme://address/path?query. `path` is taken as it is meant, not as it is written in a URL: every byte that a path
 * cannot hold, `?` and `%` among them, is percent-encoded. The query holds `params` sorted by name; a label __param_<name> stands
 * in for the first value of that name, or adds it (as Prometheus does). */
void pl_scrape_url_add(struct pl_buf *out, struct pl_str scheme, struct pl_str address, struct pl_str path,
		       const struct pl_params *params, struct pl_labels labels);

#endif
