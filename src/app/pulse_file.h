/* Whose configuration is this file, ours or pulse's? Told by its keys. */
#ifndef PL_APP_PULSE_FILE_H
#define PL_APP_PULSE_FILE_H

#include "config/node.h"

enum pl_pulse_file_kind {
	PL_PULSE_FILE_UNCLEAR, /* no key at the top is known to either */
	PL_PULSE_FILE_OURS,
	PL_PULSE_FILE_PULSES,
};

/* Keys at the top tell it: pulse's are the long names of its flags, in any case; ours are the sections of config/root.h. `server`
 * belongs to both: with a mapping it is ours, with a single value pulse's. One of each is an error that names the two. PL_EPARSE
 * after a problem. */
PL_MUST_CHECK enum pl_err pl_pulse_file_judge(const struct pl_node *document, struct pl_problems *problems,
					      enum pl_pulse_file_kind *kind);

/* Reads the file `path` and judges it. *out is its document, and NULL when it is ours or empty. The format goes by the name's
 * end: JSON, else YAML; a file of pulse must be called .json, .yml or .yaml. Files in formats of pulse that are not read here
 * (toml, hcl, properties) are refused by name. On failure the problems tell. */
PL_MUST_CHECK enum pl_err pl_pulse_file_read(struct pl_arena *arena, const char *path, struct pl_problems *problems,
					     enum pl_pulse_file_kind *kind, struct pl_node **out);

/* The same from text, for standard input: YAML, whatever `path` ends in. */
PL_MUST_CHECK enum pl_err pl_pulse_file_parse(struct pl_arena *arena, const char *path, struct pl_str text, bool json,
					      struct pl_problems *problems, enum pl_pulse_file_kind *kind, struct pl_node **out);

#endif
