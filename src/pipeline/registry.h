/* The plugins that this program was built with (a table that CMake generates) or has loaded. */
#ifndef PL_PIPELINE_REGISTRY_H
#define PL_PIPELINE_REGISTRY_H

#include "pipeline/plugin.h"

extern const struct pl_plugin *const pl_plugins_built_in[]; /* ends with NULL; generated */

/* PL_EVERSION when magic, ABI or size do not fit. */
PL_MUST_CHECK enum pl_err pl_plugin_check(const struct pl_plugin *p);

const struct pl_plugin *pl_plugin_find(enum pl_plugin_kind kind, const char *name); /* NULL: none */

/* In the shape that config/config.h asks for. */
const void *pl_registry_config_find(int kind, const char *name, const struct pl_schema **schema);
const char *pl_registry_config_name(int kind, size_t nth);

#endif
