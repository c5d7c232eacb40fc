/* One thing to scrape: immutable and refcounted, made by targets/ on the control thread, owned by one worker. */
#ifndef PL_PIPELINE_TARGET_H
#define PL_PIPELINE_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "config/config.h"
#include "format/labels.h"

struct pl_target {
	atomic_uint refs;
	struct pl_arena arena;
	struct pl_config *config; /* shares: keeps `job` alive */
	const struct pl_job *job;
	uint64_t key;   /* what it is: equal keys scrape the same thing in the same way */
	uint64_t phase; /* where in its interval it is scraped: hash of URL and labels, stable over restarts and reloads */
	const char *url;
	struct pl_labels labels;     /* what its samples get; no `__` names */
	struct pl_labels discovered; /* before they were settled: __address__, __meta_* ... */
	int64_t interval_ns, timeout_ns;
	/* The one thing that changes: how many targets its job has while that is above the job's target_limit, and none of them
	 * may be scraped; 0: it may; PL_TARGET_UNJUDGED: not known yet. Written by the control thread. */
	_Atomic uint32_t over_limit;
};

#define PL_TARGET_UNJUDGED UINT32_MAX

struct pl_target *pl_target_share(struct pl_target *t); /* any thread */
void pl_target_release(struct pl_target *t);            /* any thread; the last one frees */

/* The URL as it may stand in a log: without its parameters, which may hold secrets. Borrowed from the target. */
struct pl_str pl_target_log_url(const struct pl_target *t);

/* The metrics that made the most new series after a target had reached its series_limit. */
enum { PL_TARGET_OFFENDERS = 8 };
struct pl_target_offenders {
	struct pl_target_offender {
		char metric[64]; /* longer names are cut */
		uint64_t dropped;
	} v[PL_TARGET_OFFENDERS]; /* most first */
	size_t n;
};

enum pl_target_health { PL_TARGET_UNKNOWN, PL_TARGET_UP, PL_TARGET_DOWN };

/* How a scrape ended, in one word. */
#define PL_SCRAPE_RESULT_MAP(X)                                                                                                  \
	X(PL_SCRAPE_UP, "up")                                                                                                    \
	X(PL_SCRAPE_NETWORK, "network") /* not resolved, refused, reset, TLS ... */                                              \
	X(PL_SCRAPE_TIMEOUT, "timeout")                                                                                          \
	X(PL_SCRAPE_STATUS, "status")           /* an HTTP status other than 200 */                                              \
	X(PL_SCRAPE_CONTENT, "content")         /* an answer that is no page of metrics, or has no body */                       \
	X(PL_SCRAPE_PARSE, "parse")             /* a line that cannot be read */                                                 \
	X(PL_SCRAPE_LIMIT, "limit")             /* larger than a limit allows */                                                 \
	X(PL_SCRAPE_CREDENTIALS, "credentials") /* they could not be read */

enum pl_scrape_result {
#define X(name, word) name,
	PL_SCRAPE_RESULT_MAP(X)
#undef X
	    PL_SCRAPE_RESULTS
};

const char *pl_scrape_result_word(enum pl_scrape_result r); /* static storage */

enum { PL_TARGET_OUTCOMES = 60 };

struct pl_target_outcome {
	int64_t wall_ns; /* when it began; whole milliseconds */
	int64_t duration_ns;
	uint32_t samples; /* UINT32_MAX: so many or more */
	enum pl_scrape_result result;
};

/* How it went, copied out by its worker on request. */
struct pl_target_status {
	struct pl_target *target; /* shares */
	enum pl_target_health health;
	char last_error[256];        /* of the last scrape that failed, however long ago; "" when none did */
	int64_t last_scrape_wall_ns; /* 0: never */
	int64_t last_duration_ns;
	uint64_t last_samples, last_dropped, last_bytes;
	uint64_t last_kept;         /* samples after metric relabeling */
	bool knows_series;          /* remembers them, for its job asks for something that needs that */
	uint64_t last_series_added; /* where it does */
	uint64_t known_series;      /* those that series_limit bounds; 0 without one */
	int64_t down_since_wall_ns; /* 0: not down */
	uint64_t scrapes, failures; /* since it was taken on */
	uint64_t failures_in_row;
	struct pl_target_offenders *offenders; /* of the last good page; owned, NULL: none */
	/* The last bad time, present or past: its beginning, its last failure, how many there were. 0: there was none. */
	int64_t bad_since_wall_ns, bad_until_wall_ns;
	uint64_t bad_failures;
	struct pl_target_outcome *outcomes; /* borrowed: room for PL_TARGET_OUTCOMES, oldest first; NULL: not asked for */
	size_t n_outcomes;
};

#endif
