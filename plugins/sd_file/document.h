/* What a discovery file says: a list of groups, each with `targets` and perhaps `labels`
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config). */
#ifndef PL_SD_FILE_DOCUMENT_H
#define PL_SD_FILE_DOCUMENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "config/problems.h"
#include "pipeline/plugin.h"

/* Bounds of one file. */
enum { PL_SD_MAX_BYTES = 16 * 1024 * 1024, PL_SD_MAX_NODES = 500000, PL_SD_MAX_TARGETS = 100000 };

struct pl_sd_document {
	struct pl_target_group *groups; /* never NULL after success */
	const struct pl_mark **marks;   /* of each group's targets, for whoever looks closer at them */
	struct pl_mark *group_marks;
	size_t n;
};

/* Reads the text of file `path`: JSON when that ends in .json, else YAML. All memory comes from `arena`; `text` may go.
 *
 * Every group gets the label __meta_filepath = path. Strict: unknown keys, null groups, bad label names and targets that are no
 * text are refused, each with its place in `problems`, and any of them refuses the whole file (PL_EPARSE, PL_ELIMIT). So does a
 * text without any document: a file caught between truncation and write must not look like a file without targets, which is
 * `[]`. Addresses and label values are not looked at. */
PL_MUST_CHECK enum pl_err pl_sd_document_parse(struct pl_arena *arena, const char *path, struct pl_str text,
					       struct pl_problems *problems, struct pl_sd_document *out);

/* True when the name ends in .json, .yml or .yaml, all in lower or all in upper case. */
bool pl_sd_name_valid(struct pl_str name);

#endif
