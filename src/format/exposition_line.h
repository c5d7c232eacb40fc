/* One line of a page taken apart. Internal to the exposition reader. */
#ifndef PL_FORMAT_EXPOSITION_LINE_H
#define PL_FORMAT_EXPOSITION_LINE_H

#include <stdarg.h>

#include "format/exposition_detail.h"

struct pl_exposition_line {
	enum pl_exposition_format format;
	size_t max_labels;
	size_t number;     /* of the current line, from 1 */
	const char *begin; /* of the current line */
	const char *limit; /* end of the readable bytes; the byte before is a newline */

	/* The sample before this one, while its bytes are still there: most samples of a family have the same name and label
	 * names, and comparing is cheaper than scanning. Both are 0 when there is none. */
	struct pl_str known_name;
	size_t known_labels; /* the first so many of `labels` */
	bool same_name;      /* the current sample's name was found so */
	/* The last metric name, a comment's included: the next one often is or begins with the same bytes. */
	struct pl_str last_name;

	struct pl_sample sample;
	struct pl_exemplar exemplar; /* its `at` is NULL when there is none */

	struct pl_sample_label *labels; /* owned: the sample's, then the exemplar's */
	size_t labels_cap;

	struct pl_exposition_error error;
};

void pl_exposition_line_init(struct pl_exposition_line *l, size_t max_labels);
void pl_exposition_line_finish(struct pl_exposition_line *l);

/* The next sample is of another family. */
void pl_exposition_line_forget(struct pl_exposition_line *l);

/* The next lines lie elsewhere, up to `limit`: the bytes before may be gone. */
void pl_exposition_line_move(struct pl_exposition_line *l, const char *limit);

/* Take the sample or the comment at l->begin apart; `*p` is the first byte that is no blank, and is set behind the newline. */
PL_MUST_CHECK enum pl_err pl_exposition_line_sample(struct pl_exposition_line *l, const char **p);
PL_MUST_CHECK enum pl_err pl_exposition_line_comment(struct pl_exposition_line *l, const char **p, struct pl_metadata *out);

/* Sets the error at the byte `at` of the current line; returns `err`. */
PL_MUST_CHECK enum pl_err pl_exposition_line_fail(struct pl_exposition_line *l, const char *at, enum pl_err err,
						  const char *format, ...) __attribute__((format(printf, 4, 5)));
PL_MUST_CHECK enum pl_err pl_exposition_line_failv(struct pl_exposition_line *l, const char *at, enum pl_err err,
						   const char *format, va_list args) __attribute__((format(printf, 4, 0)));

#endif
