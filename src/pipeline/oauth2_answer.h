/* What a token endpoint answers (RFC 6749, 5.1 and 5.2). */
#ifndef PL_PIPELINE_OAUTH2_ANSWER_H
#define PL_PIPELINE_OAUTH2_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { PL_OAUTH2_MAX_ANSWER = 64 * 1024 };

struct pl_oauth2_answer {
	struct pl_buf token; /* a secret: the caller wipes it */
	int64_t expires_in;  /* seconds, at most a year; 0: not said */
};

/* Reads the body of an answer with HTTP status `status`. On failure `reason` says why, printable and without any secret;
 * PL_EACCES when the client's credentials were refused. */
PL_MUST_CHECK enum pl_err pl_oauth2_answer_read(long status, struct pl_str body, struct pl_oauth2_answer *out, char *reason,
						size_t reason_size);

#endif
