/* All that is wrong with a document, collected so that it can be told at once. */
#ifndef PL_CONFIG_PROBLEMS_H
#define PL_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

struct pl_mark {
	const char *file;      /* borrowed; in a node: lives as long as the document */
	uint32_t line, column; /* from 1; 0: not known */
};

struct pl_problem {
	struct pl_mark mark;
	const char *path; /* "scrape_configs[0].job_name"; "" for the whole document */
	const char *text; /* what is wrong and what would be right */
	bool warning;     /* nothing is wrong, but something has no effect */
	struct pl_problem *next;
};

enum { PL_PROBLEMS_KEPT = 100 };

/* Zero-initialise; pl_problems_finish frees. Keeps the first PL_PROBLEMS_KEPT, and as many warnings, counts the rest; in the
 * order found. */
struct pl_problems {
	struct pl_arena arena;
	struct pl_problem *first, *last;
	size_t n;          /* all, kept or not; without the warnings */
	size_t n_warnings; /* likewise */
};

void pl_problems_finish(struct pl_problems *p);

/* Copies everything, the mark's file name included; a text of more than 1 KiB is cut. */
void pl_problems_add(struct pl_problems *p, struct pl_mark mark, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same as a warning, which spoils nothing. */
void pl_problems_warn(struct pl_problems *p, struct pl_mark mark, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends "file:line:col: path: text\n" per problem, "warning: " before the text of a warning, in the order of their places,
 * control characters escaped, and a last line with the number that was left out, if any. */
void pl_problems_print(const struct pl_problems *p, struct pl_buf *out);

/* The same as JSON, one object per line: file, ok (false), line and column (0: not known), path, error; a warning: ok (true), and
 * warning in place of error. The last one says in `more` how many were left out, if any. */
void pl_problems_json(const struct pl_problems *p, struct pl_buf *out);

#endif
