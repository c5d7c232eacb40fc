/* Where the configuration comes from, at the start and at every reload: a file of ours, or pulse's flags and its file. */
#ifndef PL_APP_CONFIG_SOURCE_H
#define PL_APP_CONFIG_SOURCE_H

#include "app/pulse_settings.h"
#include "base/buf.h"
#include "config/config.h"

struct pl_config_source {
	const char *path;                 /* NULL: no file, flags of pulse alone */
	const struct pl_pulse_args *args; /* NULL: none */
};

struct pl_config_loaded {
	struct pl_config *config; /* NULL: pulse was not told to be a server, or with PL_OK not returned */
	bool as_pulse;            /* made of pulse's flags and keys */
	bool no_server;           /* of these, but they do not say `server` */
};

/* Reads and validates; `problems` get everything that is wrong, and warnings. With flags of pulse the file must be pulse's too.
 * No server: PL_EINVAL, without a problem. */
PL_MUST_CHECK enum pl_err pl_config_source_load(const struct pl_config_source *source, struct pl_problems *problems,
						struct pl_config_loaded *out);

/* Checks a text of either kind, whose name is `path`; `server` is not missed. */
PL_MUST_CHECK enum pl_err pl_config_source_check(const char *path, const struct pl_str *text, struct pl_problems *problems,
						 struct pl_config **out);

/* Appends what pulse's flags and file become in ours, secrets in the clear. PL_EINVAL after a problem. */
PL_MUST_CHECK enum pl_err pl_config_source_convert(const struct pl_config_source *source, struct pl_problems *problems,
						   struct pl_buf *out);

#endif
