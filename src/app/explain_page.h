/* A page's way to line protocol, told sample by sample. */
#ifndef PL_APP_EXPLAIN_PAGE_H
#define PL_APP_EXPLAIN_PAGE_H

#include "config/config.h"
#include "format/exposition.h"
#include "format/relabel.h"
#include "format/sample_labels.h"
#include "format/transcode.h"

/* One sample and what became of it. Views valid during the call. */
struct pl_explain_step {
	size_t line;          /* of the page, from 1; 0: points that were gathered from the samples before */
	struct pl_str sample; /* as the page has it, blanks aside; empty when line is 0 */
	struct pl_str points; /* the lines that came of it, without the last newline; empty: none yet, or dropped */
	const char *dropped;  /* why, in a word (static); NULL: not dropped */
	struct pl_str why;    /* the same in a sentence */
	struct pl_str
	    relabeled; /* its labels after metric_relabel_configs, as JSON, where they are not what they were; or empty */
	int rule;      /* of metric_relabel_configs, from 0, that dropped it; or -1 */
};

/* Beside pl_sample_drop. */
enum { PL_EXPLAIN_DROP_RELABELED = PL_SAMPLE_DROP_COUNT, PL_EXPLAIN_DROP_NAMELESS, PL_EXPLAIN_DROPS };

const char *pl_explain_drop_label(unsigned drop); /* static */
const char *pl_explain_drop_text(unsigned drop);

/* Zero-initialise but `told`, `data` and `most`. */
struct pl_explain_page {
	void (*told)(void *data, const struct pl_explain_step *step);
	void *data;
	uint64_t most; /* so many samples that became points are told, and so many that did not; the others are counted */

	const struct pl_job *job;
	struct pl_exposition *reader;
	struct pl_transcode_target tags;
	struct pl_transcode transcode;
	struct pl_sample_labels labels; /* for jobs with metric_relabel_configs, as what follows */
	struct pl_relabel_scratch scratch;
	struct pl_buf before, after, series, rule_text;
	uint64_t dropped[PL_EXPLAIN_DROPS - PL_SAMPLE_DROP_COUNT];

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

/* How many were dropped for this reason. */
uint64_t pl_explain_page_drops(const struct pl_explain_page *p, unsigned drop);

#endif
