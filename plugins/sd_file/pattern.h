/* One entry of `files`: a file's name or a pattern for the last part of it. */
#ifndef PL_SD_FILE_PATTERN_H
#define PL_SD_FILE_PATTERN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Entries of the last part: `*` any characters, a leading dot among them, `?` one, `[...]` one of a set, `\` takes the next one
 * as it is. The directory is taken literally. */
struct pl_sd_pattern {
	char *text; /* absolute, or as relative as the base directory is: as Prometheus names the files in __meta_filepath */
	char *dir;  /* "." when text has no directory */
	char *last; /* within text */
	bool glob;  /* `last` is a pattern */
};

/* NULL when it can stand in `files`, else what is wrong: a `*` before the last `/`, another ending than .json .yml .yaml. */
const char *pl_sd_pattern_trouble(struct pl_str text);

void pl_sd_pattern_init(struct pl_sd_pattern *p, const char *base_dir, struct pl_str text);
void pl_sd_pattern_finish(struct pl_sd_pattern *p);
bool pl_sd_pattern_matches(const struct pl_sd_pattern *p, const char *name); /* a name in its directory */
bool pl_sd_pattern_covers(const struct pl_sd_pattern *p, const char *path);  /* a path as pl_sd_pattern_list gives it */

/* Calls `found` with the path of each entry of the directory that matches, in the order of their names, at most `max` of them.
 * PL_ENOENT: the directory is not there; PL_ELIMIT: there were more than `max`; others: the directory cannot be read to its end.
 * `reason` says it. */
PL_MUST_CHECK enum pl_err pl_sd_pattern_list(const struct pl_sd_pattern *p, size_t max,
					     void (*found)(void *data, const char *path), void *data, char *reason,
					     size_t reason_size);

/* Appends the path without `.`, empty parts and, where it is only a matter of text, `..`; "." if nothing is left. */
void pl_sd_path_clean(struct pl_buf *out, struct pl_str path);

#endif
