/* A page's way to line protocol, told sample by sample. */
#ifndef PL_APP_EXPLAIN_PAGE_H
#define PL_APP_EXPLAIN_PAGE_H

#include "config/config.h"
#include "format/exposition.h"
#include "format/transcode.h"

/* One sample and what became of it. Views valid during the call. */
struct pl_explain_step {
	size_t line;              /* of the page, from 1; 0: points that were gathered from the samples before */
	struct pl_str sample;     /* as the page has it, blanks aside; empty when line is 0 */
	struct pl_str points;     /* the lines that came of it, without the last newline; empty: none yet, or dropped */
	enum pl_sample_drop drop; /* PL_SAMPLE_DROP_COUNT: not dropped */
};

/* Zero-initialise but `told`, `data` and `most`. */
struct pl_explain_page {
	void (*told)(void *data, const struct pl_explain_step *step);
	void *data;
	uint64_t most; /* so many samples that became points are told, and so many that did not; the others are counted */

	const struct pl_job *job;
	struct pl_exposition *reader;
	struct pl_transcode_target tags;
	struct pl_transcode transcode;
	struct pl_buf lines, text, tail;
	struct pl_buf family; /* whose samples may wait to become points together */
	enum pl_metric_type family_type;
	bool family_told;
	uint64_t samples, told_good, told_dropped;
	size_t newlines; /* before the piece that is being read */
	char error[256]; /* "" while all is well */
	size_t error_line, error_column;
	struct pl_buf error_text; /* the line at fault, as far as it is there and not too long */
};

/* Borrows the job and the labels. Samples without a time of their own get sample_time_ns. */
void pl_explain_page_init(struct pl_explain_page *p, const struct pl_job *job, struct pl_labels labels, int64_t sample_time_ns);
void pl_explain_page_finish(struct pl_explain_page *p);

/* The content type decides how it is read. Anything but PL_OK has left its reason in `error`. */
PL_MUST_CHECK enum pl_err pl_explain_page_begin(struct pl_explain_page *p, struct pl_str content_type);
PL_MUST_CHECK enum pl_err pl_explain_page_feed(struct pl_explain_page *p, const char *bytes, size_t n);
PL_MUST_CHECK enum pl_err pl_explain_page_end(struct pl_explain_page *p);

uint64_t pl_explain_page_dropped(const struct pl_explain_page *p);

#endif
