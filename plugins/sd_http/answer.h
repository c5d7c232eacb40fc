/* What a discovery URL answered: the header judged, the body gathered and read. */
#ifndef PL_SD_HTTP_ANSWER_H
#define PL_SD_HTTP_ANSWER_H

#include <stdbool.h>

#include "base/arena.h"
#include "pipeline/plugin.h"

enum { PL_SD_HTTP_MAX_ETAG = 255 };

struct pl_sd_http_answer {
	struct pl_buf body;
	char etag[PL_SD_HTTP_MAX_ETAG + 1]; /* "": none */
	long status;
	bool unchanged;  /* what was said last is still true */
	char error[256]; /* "" while all is well */
};

/* Ready for another answer. */
void pl_sd_http_answer_begin(struct pl_sd_http_answer *a);

/* Takes 200 with a JSON type; and 304 when that was `asked` for by a tag. Else the error says what is wrong. */
PL_MUST_CHECK enum pl_err pl_sd_http_answer_head(struct pl_sd_http_answer *a, const struct pl_transfer_head *head, bool asked);

/* The groups in the body, in `arena`; or the reason why not. */
PL_MUST_CHECK enum pl_err pl_sd_http_answer_groups(const struct pl_sd_http_answer *a, const char *url, struct pl_arena *arena,
						   struct pl_target_group **groups, size_t *n, struct pl_buf *reason);

/* Is it application/json, at most with a charset of UTF-8? */
bool pl_sd_http_type_valid(struct pl_str content_type);

#endif
