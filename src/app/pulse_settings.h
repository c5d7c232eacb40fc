/* What pulse would run with: its flags over its configuration file over its defaults, each setting with the place it came from.
 */
#ifndef PL_APP_PULSE_SETTINGS_H
#define PL_APP_PULSE_SETTINGS_H

#include "app/pulse_flags.h"
#include "config/node.h"
#include "config/problems.h"

enum pl_pulse_source { PL_PULSE_DEFAULT, PL_PULSE_FILE, PL_PULSE_FLAG };

struct pl_pulse_setting {
	enum pl_pulse_source source;
	struct pl_mark mark; /* of a file's */
	const char *text;    /* UTF-8, never NULL */
	int64_t number;      /* of an int */
	bool yes;            /* of a bool */
};

struct pl_pulse_settings {
	struct pl_arena arena;
	const char *file; /* "": flags alone */
	struct pl_pulse_setting of[PL_PULSE_FLAGS];
};

/* `document` is the file's mapping, or NULL; `file` names it, or is "". Everything that is wrong or repaired is added to
 * `problems`, by the flag's or the key's name; nothing there shows a token. */
void pl_pulse_settings_init(struct pl_pulse_settings *s, const char *file, const struct pl_node *document,
			    const struct pl_pulse_args *args, struct pl_problems *problems);
void pl_pulse_settings_finish(struct pl_pulse_settings *s);

/* Where a problem of this setting is: `mark` and `path` as pl_problems_add takes them. */
struct pl_mark pl_pulse_setting_mark(const struct pl_pulse_settings *s, enum pl_pulse_id id);
const char *pl_pulse_setting_path(const struct pl_pulse_settings *s, enum pl_pulse_id id, char out[40]);

#endif
