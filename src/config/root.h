/* How the daemon's configuration file is written, from the top. */
#ifndef PL_CONFIG_ROOT_H
#define PL_CONFIG_ROOT_H

#include "config/schema.h"

/* Of struct pl_config. Its refs, arena, path, base_dir and fingerprint are not the table's. */
extern const struct pl_schema pl_root_schema;

#endif
