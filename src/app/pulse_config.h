/* Pulse's settings as a configuration of ours: as text for people, as the snapshot that the daemon runs with. There is one way of
 * building snapshots, config/config.h, which reads the text; what it finds wrong is told by the name of pulse's flag or key. */
#ifndef PL_APP_PULSE_CONFIG_H
#define PL_APP_PULSE_CONFIG_H

#include "app/pulse_settings.h"
#include "config/config.h"

/* Which setting each line of a text came of. */
struct pl_pulse_lines {
	enum pl_pulse_id *v; /* PL_PULSE_FLAGS: of none */
	size_t n, cap;
};
void pl_pulse_lines_finish(struct pl_pulse_lines *lines);

/* Appends the configuration as YAML, secrets in the clear. What cannot be said in ours is added to `problems`. */
void pl_pulse_config_write(const struct pl_pulse_settings *s, struct pl_buf *out, struct pl_pulse_lines *lines,
			   struct pl_problems *problems);

/* The snapshot; `problems` holds what pl_pulse_settings_init found, which alone may be why there is none. PL_EPARSE. */
PL_MUST_CHECK enum pl_err pl_pulse_config_build(const struct pl_pulse_settings *s, const struct pl_config_plugins *plugins,
						struct pl_problems *problems, struct pl_config **out);

#endif
