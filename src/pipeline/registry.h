/* The plugins that this program was built with (a table that CMake generates) or has loaded. */
#ifndef PL_PIPELINE_REGISTRY_H
#define PL_PIPELINE_REGISTRY_H

#include "config/config.h"
#include "pipeline/plugin.h"

extern const struct pl_plugin *const pl_plugins_built_in[]; /* ends with NULL; generated */

/* PL_EVERSION when magic, ABI or size do not fit. */
PL_MUST_CHECK enum pl_err pl_plugin_check(const struct pl_plugin *p);

const struct pl_plugin *pl_plugin_find(enum pl_plugin_kind kind, const char *name); /* NULL: none */

/* The same for config/config.h. */
extern const struct pl_config_plugins pl_registry_plugins;

#endif
