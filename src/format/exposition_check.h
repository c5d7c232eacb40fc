/* The strict check of a whole page: what the reader accepts line by line must also make sense as families of metrics.
 * Sources: the OpenMetrics 1.0 specification; for text 0.0.4 exposition_formats.md. No matters of taste (naming, missing help)
 * are judged. Memory is bounded: a million names, and a million series in one family, at most. */
#ifndef PL_FORMAT_EXPOSITION_CHECK_H
#define PL_FORMAT_EXPOSITION_CHECK_H

#include "format/exposition.h"

struct pl_exposition_check;

struct pl_exposition_check *pl_exposition_check_create(enum pl_exposition_format format, struct pl_exposition_limits limits);
void pl_exposition_check_destroy(struct pl_exposition_check *c);

/* As pl_exposition_feed and pl_exposition_end; PL_EPARSE and PL_ELIMIT are told by pl_exposition_check_error. */
PL_MUST_CHECK enum pl_err pl_exposition_check_feed(struct pl_exposition_check *c, const char *p, size_t n);
PL_MUST_CHECK enum pl_err pl_exposition_check_end(struct pl_exposition_check *c);
const struct pl_exposition_error *pl_exposition_check_error(const struct pl_exposition_check *c);

/* What was seen so far. */
size_t pl_exposition_check_families(const struct pl_exposition_check *c);
size_t pl_exposition_check_samples(const struct pl_exposition_check *c);

#endif
