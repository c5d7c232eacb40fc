/* One scrape while it is under way: what is being fetched, the reader of the page, the lines so far. Reused for the next. */
#ifndef PL_IN_SCRAPE_PAGE_H
#define PL_IN_SCRAPE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/exposition.h"
#include "format/transcode.h"
#include "in_scrape/backlog.h"
#include "in_scrape/drops.h"
#include "in_scrape/live_values.h"
#include "in_scrape/series_maker.h"
#include "in_scrape/target_series.h"
#include "pipeline/plugin.h"

/* Lines are held back until the page proved good, but at most so many pieces of them: a larger page is passed on piece by piece,
 * and what has gone stays when a later line is bad. */
enum { PL_SCRAPE_PIECE_BYTES = 256 * 1024, PL_SCRAPE_HELD_PIECES = 4 };

struct pl_scrape_page {
	struct pl_exposition *reader;
	struct pl_transcode transcode;
	struct pl_buf lines;                          /* of the piece that is being filled */
	struct pl_batch *held[PL_SCRAPE_HELD_PIECES]; /* owned; the pieces before it that may still be taken back */
	size_t n_held;
	uint64_t held_lines; /* in them */
	bool streams;        /* nothing is held any more */
	struct pl_scrape_backlog backlog;
	const struct pl_job *job;
	struct pl_sink *sink;
	struct pl_route *route;
	struct pl_target_series *series; /* NULL: samples take the direct way to the transcoder */
	struct pl_series_rules rules;
	struct pl_series_maker maker;
	struct pl_scrape_live *live; /* NULL: nothing goes live. Borrowed; to be set after begin */
	uint64_t bytes, samples;
	uint64_t passed_on, merged_passed_on, added_passed_on; /* of transcode's lines, merged and added: already with the sink */
	uint64_t dropped[PL_SCRAPE_DROP_COUNT];                /* beside the transcoder's */
	uint64_t series_added, relabeled, uncached, stale;
	unsigned failed_as; /* why the samples of a page that failed are dropped */
	int64_t started_wall_ns;
	bool has_format;
	char error[256]; /* "" while all is well */
};

struct pl_scrape_page *pl_scrape_page_create(void);
void pl_scrape_page_destroy(struct pl_scrape_page *p);

/* Ready for another page: all memory kept but what grew beyond the usual. All is borrowed until the page is settled; `series` is
 * the target's, and NULL if it has none. wall_ns: when the scrape began; sample_time_ns: the time of its samples;
 * patience_ns: how long it may wait for the outputs in all. */
void pl_scrape_page_begin(struct pl_scrape_page *p, const struct pl_job *job, const struct pl_transcode_target *target,
			  struct pl_target_series *series, struct pl_route *route, struct pl_sink *sink, int64_t wall_ns,
			  int64_t sample_time_ns, int64_t patience_ns);

/* The parts of pl_transfer_events; anything but PL_OK has left its reason in `error`. */
PL_MUST_CHECK enum pl_err pl_scrape_page_head(struct pl_scrape_page *p, const struct pl_transfer_head *head);
PL_MUST_CHECK enum pl_err pl_scrape_page_data(struct pl_scrape_page *p, const char *bytes, size_t n);

/* Should no more data be taken now, because the outputs have yet to take what the page passed on? */
bool pl_scrape_page_waits(struct pl_scrape_page *p);

/* The answer is complete; checks the end of the page. */
PL_MUST_CHECK enum pl_err pl_scrape_page_end(struct pl_scrape_page *p);

/* What the page amounts to: samples + own_points + added = points + merged + sum of dropped. */
struct pl_scrape_outcome {
	uint64_t samples, points, own_points, bytes, merged, added, parts;
	uint64_t kept; /* samples after metric relabeling */
	uint64_t series_added, relabeled, uncached;
	uint64_t stale; /* of own_points: markers of series that are gone */
	uint64_t dropped[PL_SCRAPE_DROP_COUNT];
	size_t lines_bytes; /* of the first piece */
};

/* Adds up, scrape_duration_seconds, scrape_samples_scraped, scrape_samples_post_metric_relabeling, scrape_samples_dropped and,
 * where series are remembered, scrape_series_added (and the markers of series that are gone); and passes on what is left: the
 * page's lines if it was good (`error` is empty), else only these. A good page makes the target's series one scrape older. */
void pl_scrape_page_settle(struct pl_scrape_page *p, int64_t duration_ns, struct pl_scrape_outcome *out);

/* Instead of settling, when nobody wants the target any more: what was not passed on is dropped, and nothing added. */
void pl_scrape_page_abandon(struct pl_scrape_page *p, struct pl_scrape_outcome *out);

#endif
