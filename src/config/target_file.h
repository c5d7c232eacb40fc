/* What a discovery file says: a list of groups, each with `targets` and perhaps `labels`
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config). */
#ifndef PL_CONFIG_TARGET_FILE_H
#define PL_CONFIG_TARGET_FILE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/problems.h"
#include "format/labels.h"

/* Bounds of one file. */
enum { PL_TARGET_FILE_MAX_BYTES = 16 * 1024 * 1024, PL_TARGET_FILE_MAX_NODES = 500000, PL_TARGET_FILE_MAX_TARGETS = 100000 };

struct pl_target_file_group {
	const struct pl_str *targets; /* host:port each, not looked at yet */
	const struct pl_mark *marks;  /* of the targets */
	size_t n_targets;
	struct pl_labels labels;
	struct pl_mark mark;
};

struct pl_target_file {
	struct pl_target_file_group *groups;
	size_t n;
};

/* Reads the text of file `path`: JSON when that ends in .json, else YAML. All memory comes from `arena`; `text` may go.
 *
 * Every group gets the label __meta_filepath = path. Strict: unknown keys, null groups, bad label names and targets that are no
 * text are refused, each with its place in `problems`, and any of them refuses the whole file (PL_EPARSE, PL_ELIMIT). So does a
 * text without any document: a file caught between truncation and write must not look like a file without targets, which is
 * `[]`. */
PL_MUST_CHECK enum pl_err pl_target_file_parse(struct pl_arena *arena, const char *path, struct pl_str text,
					       struct pl_problems *problems, struct pl_target_file *out);

/* The same for what a URL answers (https://prometheus.io/docs/prometheus/latest/http_sd/): always JSON, and every group gets the
 * label __meta_url = url. */
PL_MUST_CHECK enum pl_err pl_target_answer_parse(struct pl_arena *arena, const char *url, struct pl_str text,
						 struct pl_problems *problems, struct pl_target_file *out);

/* True when the name ends in .json, .yml or .yaml, all in lower or all in upper case. */
bool pl_target_file_name_valid(struct pl_str name);

#endif
