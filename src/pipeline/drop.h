/* Why points that an output took in never reached its server: one counter each. */
#ifndef PL_PIPELINE_DROP_H
#define PL_PIPELINE_DROP_H

enum pl_drop_policy { PL_POLICY_DROP_OLDEST, PL_POLICY_DROP_NEWEST }; /* what a full queue does */

#define PL_DROP_MAP(X)                                                                                                           \
	X(PL_DROP_FULL_OLDEST, "queue_full_oldest", "the queue was full: the oldest points went")                                \
	X(PL_DROP_FULL_NEWEST, "queue_full_newest", "the queue was full: the newest points went")                                \
	X(PL_DROP_TOO_OLD, "queue_too_old", "waited longer than the queue keeps points")                                         \
	X(PL_DROP_CORRUPT, "queue_corrupt", "could not be read back from the queue's disk")                                      \
	X(PL_DROP_REFUSED, "refused", "the server refused the points for good")                                                  \
	X(PL_DROP_FIELD_TYPE, "field_type", "the field has another type in the database")                                        \
	X(PL_DROP_UNPARSABLE, "unparsable", "the server could not parse the line")                                               \
	X(PL_DROP_EXPIRED, "expired", "older than the retention policy keeps")                                                   \
	X(PL_DROP_NOT_NUMERIC, "not_numeric", "the point has no numeric field")                                                  \
	X(PL_DROP_SERIES_LIMIT, "series_limit", "a new series beyond the store's bound")                                         \
	X(PL_DROP_SHUTDOWN, "shutdown", "still undelivered when the daemon had to stop")

enum pl_drop {
#define X(name, label, text) name,
	PL_DROP_MAP(X)
#undef X
	    PL_DROP_COUNT
};

const char *pl_drop_label(enum pl_drop d);
enum pl_drop pl_drop_of(const char *label); /* PL_DROP_REFUSED for unknown ones and NULL */

#endif
