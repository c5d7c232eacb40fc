/* Lines of line protocol into frames of the database: one delivery is one transaction. */
#ifndef PL_OUT_LOCAL_INGEST_H
#define PL_OUT_LOCAL_INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "out_local/database.h"
#include "out_local/series.h"

/* Why a point was not stored. */
#define PL_LOCAL_REFUSAL_MAP(X)                                                                                                  \
	X(PL_LOCAL_REFUSED_UNPARSABLE, "unparsable", "cannot be parsed")                                                         \
	X(PL_LOCAL_REFUSED_NOT_NUMERIC, "not_numeric", "have no numeric field")                                                  \
	X(PL_LOCAL_REFUSED_EXPIRED, "expired", "are older than the retention")                                                   \
	X(PL_LOCAL_REFUSED_SERIES_LIMIT, "series_limit", "belong to new series beyond max_series")

enum pl_local_refusal {
#define X(name, label, text) name,
	PL_LOCAL_REFUSAL_MAP(X)
#undef X
	    PL_LOCAL_REFUSAL_COUNT
};

const char *pl_local_refusal_label(enum pl_local_refusal r);
const char *pl_local_refusal_text(enum pl_local_refusal r);

struct pl_local_sample {
	int64_t time_ns;
	uint32_t id, order; /* order: place in the delivery; of two for one series and time the later stays */
	double value;
};

struct pl_local_ingest {
	struct pl_local_database *db;
	struct pl_local_series *series;
	int64_t oldest_ns; /* what is older has expired */
	int64_t now_ns;    /* for lines without a time */
	struct pl_local_sample *samples;
	size_t n;
	struct pl_buf frame, merged;
	uint64_t stored;         /* samples of the delivery */
	uint64_t skipped_fields; /* not numeric, beside fields that are */
	uint32_t refused[PL_LOCAL_REFUSAL_COUNT];
	char first_refused[160]; /* why and where, of the first refused line */
};

void pl_local_ingest_init(struct pl_local_ingest *in, struct pl_local_database *db, struct pl_local_series *series);
void pl_local_ingest_finish(struct pl_local_ingest *in);

/* Begins the transaction. After any failure the caller rolls back with pl_local_ingest_abandon. */
PL_MUST_CHECK enum pl_err pl_local_ingest_begin(struct pl_local_ingest *in, int64_t now_ns, int64_t oldest_ns);
PL_MUST_CHECK enum pl_err pl_local_ingest_lines(struct pl_local_ingest *in, struct pl_str lines);
PL_MUST_CHECK enum pl_err pl_local_ingest_commit(struct pl_local_ingest *in);
void pl_local_ingest_abandon(struct pl_local_ingest *in);

#endif
