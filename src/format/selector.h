/* A label selector, as PromQL writes it: {job="node",dc!="eu",rack=~"a.*"}. The braces may be left out. Texts stand in double or
 * single quotes with Go's escapes \a \b \f \n \r \t \v \\ \" \' \xHH \NNN, or between backticks as they are.
 * https://prometheus.io/docs/prometheus/latest/querying/basics/ (instant vector selectors, string literals) */
#ifndef PL_FORMAT_SELECTOR_H
#define PL_FORMAT_SELECTOR_H

#include "base/arena.h"
#include "base/err.h"
#include "format/labels.h"
#include "format/regex.h"

enum { PL_SELECTOR_MOST = 32 };

struct pl_selector_term {
	struct pl_str name, value;
	bool differs;           /* != or !~ */
	struct pl_regex *regex; /* =~ or !~: `value`, compiled; else NULL */
};

struct pl_selector {
	struct pl_selector_term v[PL_SELECTOR_MOST];
	size_t n;
	struct pl_regex_scratch scratch;
};

/* Any content of *out is overwritten; to be finished whatever comes of it. Values are copied into the arena. PL_EPARSE (a wrong
 * pattern, too), PL_ELIMIT: `reason` says what and where, printable. */
PL_MUST_CHECK enum pl_err pl_selector_parse(struct pl_selector *out, struct pl_arena *arena, struct pl_str text, char *reason,
					    size_t reason_size);

/* A label that is not there counts as one with an empty value; a match that would take too long fits nothing. No terms:
 * everything fits. */
bool pl_selector_fits(struct pl_selector *s, struct pl_labels labels);

void pl_selector_finish(struct pl_selector *s);

#endif
