#include "config/secret.h"

#include <stdio.h>
#include <string.h>

#include "config/file.h"

enum { MAX_SECRET = 64 * 1024, MAX_WHY = 256 };

enum pl_err pl_secret_read(const struct pl_secret *s, struct pl_buf *out, char *reason, size_t reason_size)
{
	if (s->file == NULL) {
		if (s->value != NULL)
			pl_buf_add_cstr(out, s->value);
		return PL_OK;
	}
	char why[MAX_WHY];
	size_t before = out->n;
	enum pl_err err = pl_file_read(s->file, MAX_SECRET, out, why, sizeof why);
	if (err != PL_OK) {
		snprintf(reason, reason_size, "%s %s", s->file, why);
		return err;
	}
	while (out->n > before && strchr(" \t\r\n", out->p[out->n - 1]) != NULL)
		out->n--;
	if (out->n == before) {
		snprintf(reason, reason_size, "%s is empty", s->file);
		return PL_EPARSE;
	}
	if (memchr(out->p + before, '\0', out->n - before) != NULL) {
		explicit_bzero(out->p + before, out->n - before);
		out->n = before;
		snprintf(reason, reason_size, "%s holds a NUL byte", s->file);
		return PL_EPARSE;
	}
	return PL_OK;
}
