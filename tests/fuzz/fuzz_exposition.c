/* Reads a page whole and in pieces: both must tell the same. The first byte is the format and the limits, the second the seed of
 * the cuts; the rest is the page. */
#include "../unit/exposition_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_page(struct pl_exposition *e, enum pl_exposition_format format, const char *p, size_t n, unsigned cut,
		      struct pl_buf *out)
{
	unsigned random = cut;
	pl_exposition_reset(e, format, exposition_dump_sample, out);
	while (n > 0) {
		random = random * 1103515245U + 12345U;
		size_t piece = cut == 0 ? n : 1 + (random >> 16) % (1U + cut);
		piece = piece < n ? piece : n;
		if (exposition_dump_feed(e, p, piece) != PL_OK)
			break;
		p += piece;
		n -= piece;
	}
	exposition_dump_end(e, out);
}

static void check_reason(const char *reason)
{
	for (; *reason != '\0'; reason++)
		if (*reason < ' ' || *reason > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum pl_exposition_format format = (data[0] & 1) != 0 ? PL_EXPOSITION_OPENMETRICS : PL_EXPOSITION_TEXT;
	struct pl_exposition_limits limits = {.max_line = data[0] / 2 % 32 * 8U, .max_labels = data[0] / 64U};
	struct pl_buf whole = {0}, pieces = {0};
	struct pl_exposition *e = pl_exposition_create(format, limits, exposition_dump_sample, &whole);
	read_page(e, format, (const char *)data + 2, size - 2, 0, &whole);
	read_page(e, format, (const char *)data + 2, size - 2, data[1] + 1U, &pieces);
	check_reason(pl_exposition_error(e)->reason);
	if (!pl_str_eq(pl_buf_str(&whole), pl_buf_str(&pieces)))
		abort();
	pl_exposition_destroy(e);
	pl_buf_finish(&whole);
	pl_buf_finish(&pieces);
	return 0;
}
