/* For the tests of src/config: what a document's problems look like. */
#ifndef CONFIG_HARNESS_H
#define CONFIG_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/problems.h"

/* Exactly these lines, in print; names the case when they differ. Frees the problems. */
static inline void expect_problems(const char *name, struct pl_problems *p, const char *expected)
{
	struct pl_buf out = {0};
	pl_problems_print(p, &out);
	if (strcmp(pl_buf_cstr(&out), expected) != 0)
		print_error("case: %s\n", name);
	assert_string_equal(pl_buf_cstr(&out), expected);
	pl_buf_finish(&out);
	pl_problems_finish(p);
}

/* A file in the test's own folder under /tmp; the caller frees the name and removes the file. */
static inline char *write_file(const char *text, size_t n)
{
	char *name = pl_strdup("/tmp/pulseline-config-test-XXXXXX");
	int fd = mkstemp(name);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return name;
}

#endif
