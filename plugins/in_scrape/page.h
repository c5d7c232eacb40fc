/* One scrape while it is under way: what is being fetched, the reader of the page, the lines so far. Reused for the next. */
#ifndef PL_IN_SCRAPE_PAGE_H
#define PL_IN_SCRAPE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/exposition.h"
#include "format/transcode.h"
#include "pipeline/plugin.h"

/* Lines are held back until the page proved good, but at most this many bytes of them: a larger page is passed on in pieces,
 * smaller ones behind the first, and what has gone stays when a later line is bad. */
enum { PL_SCRAPE_HOLD_BYTES = 1024 * 1024, PL_SCRAPE_PIECE_BYTES = 256 * 1024 };

/* Why samples that were read did not become points, beside pl_sample_drop. */
enum { PL_SCRAPE_DROP_FAILED = PL_SAMPLE_DROP_COUNT, PL_SCRAPE_DROP_LIMIT, PL_SCRAPE_DROP_COUNT };

struct pl_scrape_page {
	struct pl_exposition *reader;
	struct pl_transcode transcode;
	struct pl_buf lines;
	const struct pl_job *job;
	struct pl_sink *sink;
	struct pl_route *route;
	uint64_t bytes, samples;
	uint64_t passed_on, merged_passed_on, added_passed_on; /* of transcode's lines, merged and added: already with the sink */
	int64_t started_wall_ns;
	bool has_format;
	char error[256]; /* "" while all is well */
};

struct pl_scrape_page *pl_scrape_page_create(void);
void pl_scrape_page_destroy(struct pl_scrape_page *p);

/* Ready for another page: all memory kept but what grew beyond the usual. wall_ns: when the scrape began; sample_time_ns: the
 * time of its samples. */
void pl_scrape_page_begin(struct pl_scrape_page *p, const struct pl_job *job, const struct pl_transcode_target *target,
			  struct pl_route *route, struct pl_sink *sink, int64_t wall_ns, int64_t sample_time_ns);

/* The parts of pl_transfer_events; anything but PL_OK has left its reason in `error`. */
PL_MUST_CHECK enum pl_err pl_scrape_page_head(struct pl_scrape_page *p, const struct pl_transfer_head *head);
PL_MUST_CHECK enum pl_err pl_scrape_page_data(struct pl_scrape_page *p, const char *bytes, size_t n);

/* The answer is complete; checks the end of the page. */
PL_MUST_CHECK enum pl_err pl_scrape_page_end(struct pl_scrape_page *p);

/* What the page amounts to: samples + own_points + added = points + merged + sum of dropped. */
struct pl_scrape_outcome {
	uint64_t samples, points, own_points, bytes, merged, added, parts;
	uint64_t dropped[PL_SCRAPE_DROP_COUNT];
	size_t lines_bytes; /* of the last piece that was passed on */
};

/* Adds up, scrape_duration_seconds, scrape_samples_scraped and scrape_samples_dropped, and passes on what is left: the page's
 * lines if it was good
 * (`error` is empty), else only these four. */
void pl_scrape_page_settle(struct pl_scrape_page *p, int64_t duration_ns, struct pl_scrape_outcome *out);

/* Instead of settling, when nobody wants the target any more: what was not passed on is dropped, and nothing added. */
void pl_scrape_page_abandon(struct pl_scrape_page *p, struct pl_scrape_outcome *out);

#endif
