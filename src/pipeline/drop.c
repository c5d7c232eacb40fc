#include "pipeline/drop.h"

#include <stddef.h>
#include <string.h>

static const char *const drop_labels[] = {
#define X(name, label, text) label,
    PL_DROP_MAP(X)
#undef X
};

const char *pl_drop_label(enum pl_drop d)
{
	return drop_labels[d];
}

enum pl_drop pl_drop_of(const char *label)
{
	for (size_t i = 0; label != NULL && i < PL_DROP_COUNT; i++)
		if (strcmp(drop_labels[i], label) == 0)
			return (enum pl_drop)i;
	return PL_DROP_REFUSED;
}
