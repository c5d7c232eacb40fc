/* A question to a store, and its answer: what pulse's reads ask, /keys, /tags, /latest/{stat} and the history of a stat. */
#ifndef PL_PIPELINE_QUERY_H
#define PL_PIPELINE_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "format/labels.h"
#include "net/loop.h"

enum pl_query_kind { PL_QUERY_KEYS, PL_QUERY_TAGS, PL_QUERY_LATEST, PL_QUERY_HISTORY };

enum { PL_QUERY_MOST_WINDOWS = 100000 };

/* How rows of one bucket become one value. NONE: the rows themselves. */
enum pl_verb {
	PL_VERB_NONE,
	PL_VERB_MEAN,
	PL_VERB_MAX,
	PL_VERB_MIN,
	PL_VERB_SUM,
	PL_VERB_COUNT,
	PL_VERB_FIRST,
	PL_VERB_LAST,
	PL_VERB_MEDIAN,
	PL_VERB_SPREAD,
	PL_VERB_STDDEV,
};

/* A tag must have one of the values; "" stands for "has no such tag". */
struct pl_filter {
	struct pl_str key;
	struct pl_str *values;
	size_t n_values;
};

struct pl_query_row {
	int64_t time_ms; /* whole seconds x 1000, as pulse answers */
	double value;
	double weight;         /* HISTORY: samples behind the value; 0: the store does not know */
	struct pl_label *tags; /* verb none: those of the filter keys given more than once, in their order */
	size_t n_tags;
};

/* One object for question and answer; belongs to one thread at a time. All memory is in `arena`. */
struct pl_query {
	struct pl_msg msg; /* carries it to the output's thread and back */
	struct pl_arena arena;
	enum pl_query_kind kind;
	struct pl_str stat;
	enum pl_verb verb;
	struct pl_filter *filters;
	size_t n_filters;
	int64_t poll_ns; /* P of pulse's query: rows younger than 2 P, in buckets of P */
	size_t limit;    /* rows at most, newest first */
	/* HISTORY: one value (verb is not NONE) per window of the samples after from_ns and before until_ns. Windows are aligned
	 * to 1970 in UTC; at most PL_QUERY_MOST_WINDOWS. */
	int64_t from_ns, until_ns, width_ns; /* width: whole seconds */
	/* the answer */
	enum pl_err err;      /* PL_OK; PL_ENOENT: no such series; PL_EINVAL, PL_ELIMIT: the question is wrong, or too large
				   for the store; PL_ENET, PL_EIO: the store is not to be had */
	const char *reason;   /* for people; "" when PL_OK */
	struct pl_str *names; /* KEYS, TAGS: distinct, sorted bytewise */
	size_t n_names;
	struct pl_query_row *rows; /* LATEST: newest first; HISTORY: oldest first, only windows that have a value */
	size_t n_rows;
	/* the way back */
	void (*done)(struct pl_query *q); /* called on the asker's loop; the asker owns q again */
	void *data;                       /* the asker's */
	struct pl_loop *asker;            /* where done runs */
};

struct pl_query *pl_query_create(enum pl_query_kind kind); /* zeroed but for the kind */
void pl_query_destroy(struct pl_query *q);

/* How many windows lie between from_ns and until_ns: 0 when none does, or the width is no whole number of seconds. *first_ns is
 * where the first one starts. */
size_t pl_query_windows(const struct pl_query *q, int64_t *first_ns);

/* Sends an answered query back to its asker's loop; from any thread. It is no longer the caller's. */
void pl_query_answer(struct pl_query *q);

#endif
