/* How the check commands tell what they found, in the forms that they share. */
#ifndef PL_APP_CHECK_PRINT_H
#define PL_APP_CHECK_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"

/* To standard error as text, or to standard output as JSON. */
void pl_check_print_problems(const struct pl_problems *problems, bool json);

struct pl_check_count {
	const char *key; /* NULL: the end */
	size_t n;
};

/* To standard output: {"file":...,"ok":true, and the counts}. */
void pl_check_print_good(const char *file, const struct pl_check_count *counts);

#endif
