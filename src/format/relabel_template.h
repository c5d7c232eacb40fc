/* Texts with $1, ${1}, ${name} and $$ in them, as Go's regexp.Expand takes them (https://pkg.go.dev/regexp#Regexp.Expand). */
#ifndef PL_FORMAT_RELABEL_TEMPLATE_H
#define PL_FORMAT_RELABEL_TEMPLATE_H

#include "base/buf.h"
#include "base/str.h"
#include "format/regex.h"

struct pl_relabel_piece {
	struct pl_str text; /* borrowed from the template; p NULL: a group */
	int group;          /* its number; -1: there is none, nothing takes its place */
};

/* Zero-initialise. */
struct pl_relabel_template {
	struct pl_relabel_piece *v;
	size_t n;
};

/* `text` is borrowed. A dollar that begins no name is a dollar. */
void pl_relabel_template_init(struct pl_relabel_template *t, struct pl_str text, const struct pl_regex *regex);
void pl_relabel_template_finish(struct pl_relabel_template *t);

/* Appends the text for the last match of `regex` in `s`. */
void pl_relabel_template_expand(const struct pl_relabel_template *t, const struct pl_regex *regex,
				const struct pl_regex_scratch *s, struct pl_buf *out);

/* True if what comes of it may be a label's name: letters, digits, _ and references, no digit first. */
bool pl_relabel_template_names(struct pl_str text);

#endif
