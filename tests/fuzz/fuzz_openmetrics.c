/* Checks a page whole and in two pieces, in either format: both must tell the same. The first byte is the format, the second
 * where the page is cut. */
#include <stdlib.h>

#include "format/exposition_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum pl_err check(struct pl_exposition_check *c, const char *p, size_t n, size_t first)
{
	enum pl_err err = pl_exposition_check_feed(c, p, first);
	if (err == PL_OK)
		err = pl_exposition_check_feed(c, p + first, n - first);
	return err == PL_OK ? pl_exposition_check_end(c) : err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum pl_exposition_format format = (data[0] & 1) != 0 ? PL_EXPOSITION_OPENMETRICS : PL_EXPOSITION_TEXT;
	const char *page = (const char *)data + 2;
	size_t n = size - 2, cut = data[1] < n ? data[1] : n;
	struct pl_exposition_limits limits = {0};
	struct pl_exposition_check *a = pl_exposition_check_create(format, limits),
				   *b = pl_exposition_check_create(format, limits);
	const struct pl_exposition_error *x = pl_exposition_check_error(a), *y = pl_exposition_check_error(b);
	if (check(a, page, n, 0) != check(b, page, n, cut))
		abort();
	if (x->line != y->line || x->column != y->column || strcmp(x->reason, y->reason) != 0)
		abort();
	if (pl_exposition_check_samples(a) != pl_exposition_check_samples(b) ||
	    pl_exposition_check_families(a) != pl_exposition_check_families(b))
		abort();
	pl_exposition_check_destroy(a);
	pl_exposition_check_destroy(b);
	return 0;
}
