/* Points that come together from several samples of one family: a histogram's or a summary's. Private to the transcoder.
 *
 * Each metric (tags and time) is a group with its series and its fields so far. When the bound is reached, all groups are written
 * as they are and begin anew: InfluxDB takes points of one series and time for one, so that the parts add up. */
#ifndef PL_FORMAT_TRANSCODE_GATHER_H
#define PL_FORMAT_TRANSCODE_GATHER_H

#include "format/transcode.h"

enum { PL_GATHER_MAX_BYTES = 512 << 10, PL_GATHER_MAX_GROUPS = 8192 };

/* What of a group was on the page, stored or not. */
enum { PL_GATHER_COUNT = 1, PL_GATHER_SUM = 2, PL_GATHER_INFINITY = 4, PL_GATHER_COUNT_STORED = 8 };

struct pl_gather_group {
	struct pl_buf text; /* series, then `,key=value` for each field */
	size_t series_n;
	uint64_t hash;
	bool has_time;
	int64_t time_ns;
	unsigned seen;
	size_t count_at, count_n; /* the value of the count in `text`, with PL_GATHER_COUNT_STORED */
	uint64_t samples;         /* that became fields */
};

struct pl_gather {
	struct pl_buf family;
	enum pl_metric_type type; /* of the family; PL_METRIC_UNKNOWN: none is being gathered */
	/* Of the sample in hand: series, name of its field, bound of its bucket or quantile, labels without that. */
	struct pl_buf key, field, bound;
	struct pl_sample_label *labels;
	size_t labels_cap;
	struct pl_sample_label *settled; /* of a sample that was relabeled */
	size_t settled_cap;
	struct pl_gather_group *groups;
	size_t n, cap;
	size_t last;     /* the group found last */
	uint32_t *index; /* hash table of group numbers from 1; 0: free */
	size_t index_cap;
	size_t bytes;  /* of all groups' texts */
	bool in_parts; /* groups of this family were written before it was complete */
};

void pl_gather_finish(struct pl_gather *g);

/* Forgets all groups. */
void pl_gather_clear(struct pl_gather *g);

/* The group of the series in g->key with this time; a new one when there is none (`is_new`), or NULL when the bound is reached.
 */
struct pl_gather_group *pl_gather_group(struct pl_gather *g, bool has_time, int64_t time_ns);

/* Is there room for so many bytes more? */
bool pl_gather_fits(const struct pl_gather *g, size_t bytes);

#endif
