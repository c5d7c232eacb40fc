/* Patterns as RE2 reads them (https://github.com/google/re2/wiki/Syntax), so that a configuration means the same here and in
 * Prometheus. Anchored at both ends; `.` takes a newline too; UTF-8. What RE2 lacks is refused by name. */
#ifndef PL_FORMAT_REGEX_H
#define PL_FORMAT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { PL_REGEX_MAX_PATTERN = 64 * 1024 };

struct pl_regex; /* compiled: immutable, to be shared by threads */

/* What one thread needs to match; it serves all patterns. Zero-initialise. */
struct pl_regex_scratch {
	void *match, *context, *stack; /* PCRE2's match data, match context and stack of compiled code */
	size_t n_groups;               /* that it has room for */
	const char *subject;
};
void pl_regex_scratch_finish(struct pl_regex_scratch *s);

/* PL_EINVAL: *out is NULL and `reason` says what is wrong, and where in the pattern. */
PL_MUST_CHECK enum pl_err pl_regex_create(struct pl_regex **out, struct pl_str pattern, char *reason, size_t reason_size);
void pl_regex_destroy(struct pl_regex *r);

enum pl_regex_verdict {
	PL_REGEX_NO,
	PL_REGEX_YES,
	PL_REGEX_GAVE_UP, /* it would have taken too long: a hostile pattern; to be taken for a no */
};
/* Does the whole of `subject` match? Work and memory are bounded. */
enum pl_regex_verdict pl_regex_match(const struct pl_regex *r, struct pl_regex_scratch *s, struct pl_str subject);

/* What group `i` took in the last match that said yes (0: all); empty if it took no part. A view of the subject. */
struct pl_str pl_regex_group(const struct pl_regex *r, const struct pl_regex_scratch *s, size_t i);
size_t pl_regex_groups(const struct pl_regex *r);                     /* groups, number 0 not counted */
int pl_regex_group_named(const struct pl_regex *r, const char *name); /* its number, or -1 */

/* Appends `s` in lower or upper case, letter by letter, by Unicode's tables. */
void pl_regex_add_cased(struct pl_buf *out, struct pl_str s, bool upper);

/* Appends a pattern as PCRE2 must be told it, so that it means what RE2 takes it for. PL_EINVAL as pl_regex_create. */
PL_MUST_CHECK enum pl_err pl_regex_translate(struct pl_buf *out, struct pl_str pattern, char *reason, size_t reason_size);

#endif
