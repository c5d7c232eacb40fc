/* One scrape that was made to be explained: what it found, for the verdict and the report. */
#ifndef PL_APP_EXPLAIN_H
#define PL_APP_EXPLAIN_H

#include "app/explain_page.h"
#include "net/transfer.h"

/* Where it came to an end. */
#define PL_EXPLAIN_CAUSE_MAP(X)                                                                                                  \
	X(PL_EXPLAIN_GOOD, "good")                                                                                               \
	X(PL_EXPLAIN_CREDENTIALS, "credentials")                                                                                 \
	X(PL_EXPLAIN_URL, "url")                                                                                                 \
	X(PL_EXPLAIN_RESOLVE, "resolve")                                                                                         \
	X(PL_EXPLAIN_CONNECT, "connect")                                                                                         \
	X(PL_EXPLAIN_TLS, "tls")                                                                                                 \
	X(PL_EXPLAIN_NETWORK, "network")                                                                                         \
	X(PL_EXPLAIN_TIMEOUT, "timeout")                                                                                         \
	X(PL_EXPLAIN_STATUS, "status")                                                                                           \
	X(PL_EXPLAIN_CONTENT, "content")                                                                                         \
	X(PL_EXPLAIN_PARSE, "parse")                                                                                             \
	X(PL_EXPLAIN_SAMPLE_LIMIT, "sample_limit")                                                                               \
	X(PL_EXPLAIN_SIZE_LIMIT, "size_limit")

enum pl_explain_cause {
#define X(name, word) name,
	PL_EXPLAIN_CAUSE_MAP(X)
#undef X
};

const char *pl_explain_cause_word(enum pl_explain_cause cause);

struct pl_explain {
	const struct pl_job *job;
	const char *url;
	int64_t timeout_ns;
	bool with_job; /* a job of a configuration, not the defaults */
	struct pl_explain_page page;
	struct pl_transfer_result result;
	struct pl_buf content_type;
	bool has_head;
	char error[256]; /* "" when all went well */
	enum pl_explain_cause cause;
};

/* Sets cause and error from what was found. */
void pl_explain_judge(struct pl_explain *e);

/* Calls fn with each thing that there is to do about it, one sentence or two; none when all is well. */
void pl_explain_advise(const struct pl_explain *e, void (*fn)(void *data, const char *text), void *data);

#endif
