#include "pipeline/registry.h"

#include <string.h>

enum pl_err pl_plugin_check(const struct pl_plugin *p)
{
	bool fits = p->magic == PL_PLUGIN_MAGIC && p->abi_major == PL_PLUGIN_ABI_MAJOR && p->abi_minor <= PL_PLUGIN_ABI_MINOR &&
		    p->size == sizeof *p;
	return fits ? PL_OK : PL_EVERSION;
}

const struct pl_plugin *pl_plugin_find(enum pl_plugin_kind kind, const char *name)
{
	for (const struct pl_plugin *const *p = pl_plugins_built_in; *p != NULL; p++)
		if ((*p)->kind == kind && strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

static const void *find(int kind, const char *name, const struct pl_schema **schema)
{
	const struct pl_plugin *p = pl_plugin_find((enum pl_plugin_kind)kind, name);
	if (p != NULL)
		*schema = p->schema;
	return p;
}

static const char *nth_name(int kind, size_t nth)
{
	for (const struct pl_plugin *const *p = pl_plugins_built_in; *p != NULL; p++)
		if ((int)(*p)->kind == kind && nth-- == 0)
			return (*p)->name;
	return NULL;
}

const struct pl_config_plugins pl_registry_plugins = {
    .find = find,
    .name = nth_name,
    .output_kind = PL_PLUGIN_OUTPUT,
    .discovery_kind = PL_PLUGIN_DISCOVERY,
    .notifier_kind = PL_PLUGIN_NOTIFIER,
};
