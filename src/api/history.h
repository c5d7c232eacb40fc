/* /hourly, /daily and /daily_peaks: their parameters, and how windows of time become their answers. No I/O.
 *
 * /hourly: what the verb makes of each hour (UTC).
 * /daily: the usual day. For each quarter hour of the local day what the verb makes of it on each day, averaged over the days;
 * means are weighted by their samples, so that it is the mean of all samples.
 * /daily_peaks: for each quarter hour the highest day; the verb's default is max, so that it is the highest sample. */
#ifndef PL_API_HISTORY_H
#define PL_API_HISTORY_H

#include "base/buf.h"
#include "pipeline/query.h"

enum pl_history_kind { PL_HISTORY_HOURLY, PL_HISTORY_DAILY, PL_HISTORY_PEAKS };

struct pl_history {
	enum pl_history_kind kind;
	bool backfill; /* fill windows that have no value */
	double fill;   /* with this */
};

/* Reads start, stop and backfill of a query string and sets the question's times, verb, filters. PL_EINVAL: `reason` says what is
 * wrong. */
PL_MUST_CHECK enum pl_err pl_history_parse(struct pl_history *h, struct pl_query *q, struct pl_str query_string, int64_t now_ns,
					   char *reason, size_t reason_size);

/* InfluxQL's durations, 90m or 1h30m: whole numbers, each with u, ms, s, m, h, d or w. False: something else, or above 292 years.
 */
bool pl_history_duration(struct pl_str text, int64_t *ns);

/* Appends the array that answers a question which found something. False: nothing of it can be told (a sum beyond all numbers).
 */
bool pl_history_answer(const struct pl_history *h, const struct pl_query *q, struct pl_buf *out);

#endif
