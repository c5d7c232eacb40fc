/* A password or token: given in place, or by the name of a file that is read again whenever it is needed. */
#ifndef PL_CONFIG_SECRET_H
#define PL_CONFIG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct pl_secret {
	const char *value; /* NULL: not given in place */
	const char *file;  /* NULL: no file */
};

static inline bool pl_secret_given(const struct pl_secret *s)
{
	return s->value != NULL || s->file != NULL;
}

/* Appends the secret's text, without trailing white space when it comes from a file (at most 64 KiB). On failure `reason` names
 * the file and why. */
PL_MUST_CHECK enum pl_err pl_secret_read(const struct pl_secret *s, struct pl_buf *out, char *reason, size_t reason_size);

#endif
