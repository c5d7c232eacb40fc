/* The running daemon: builds everything that a configuration asks for, rebuilds what a reload changes, takes it all down in
 * order. */
#ifndef PL_APP_DAEMON_H
#define PL_APP_DAEMON_H

#include "base/log.h"
#include "config/config.h"

struct pl_daemon_options {
	const char *config_path;  /* borrowed; what to call it in the log */
	struct pl_config *config; /* takes */
	/* Reads the configuration again, with `load_data`. */
	enum pl_err (*load)(void *data, struct pl_problems *problems, struct pl_config **out);
	void *load_data;
	struct pl_log *log;            /* borrowed */
	const struct pl_buf *warnings; /* borrowed: what has no effect in the configuration, in lines; NULL: nothing */
	bool log_level_fixed;          /* the command line decides it, not the configuration */
};

/* Runs until TERM or INT; returns the exit status of the program. HUP, TERM and INT must be blocked by the caller. */
int pl_daemon_run(const struct pl_daemon_options *options);

#endif
