/* Line protocol: what is written reads back, and the reader stands any bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "format/lineproto.h"

static void must(bool good)
{
	if (!good)
		abort();
}

static struct pl_str copy_of(const uint8_t *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1); /* of its own, so that a byte too much is seen */
	memcpy(copy, p, n);
	return (struct pl_str){copy, n};
}

/* A line of which every part comes from outside must be one point with these parts. */
static void write_and_read(struct pl_str text)
{
	struct pl_str rest = text, name = pl_str_cut(&rest, '\n'), key = pl_str_cut(&rest, '\n');
	struct pl_buf out = {0};
	pl_lp_add_measurement(&out, name);
	if (rest.n > 0) {
		pl_buf_add_char(&out, ',');
		pl_lp_add_key(&out, pl_str_is(key, "time") ? PL_STR("t") : key);
		pl_buf_add_char(&out, '=');
		pl_lp_add_tag_value(&out, rest);
	}
	size_t series = out.n;
	pl_buf_add_cstr(&out, " value=1 7");
	struct pl_lp_line line;
	size_t column;
	const char *reason;
	must(memchr(out.p, '\n', out.n) == NULL);
	must(pl_str_utf8(pl_buf_str(&out)));
	enum pl_err err = pl_lp_parse(pl_buf_str(&out), &line, &column, &reason);
	must((err == PL_OK) == pl_lp_key_fits(series, 5));
	if (err == PL_OK) {
		struct pl_str tags = line.tags, k, v;
		must(line.series.n == series && line.time_ns == 7 && pl_str_is(line.fields, "value=1"));
		must(pl_lp_next_pair(&tags, &k, &v) == (rest.n > 0));
		must(tags.n == 0);
		struct pl_buf plain = {0};
		pl_lp_unescape(&plain, line.measurement);
		must(plain.n == (name.n > 0 ? name.n : 1)); /* replaced byte for byte */
		if (rest.n > 0) {
			pl_buf_clear(&plain);
			pl_lp_unescape(&plain, v);
			must(plain.n == rest.n);
		}
		pl_buf_finish(&plain);
	}
	pl_buf_finish(&out);
}

static void read_any(struct pl_str text)
{
	struct pl_lp_line line;
	size_t column = 0;
	const char *reason = NULL;
	if (pl_lp_parse(text, &line, &column, &reason) != PL_OK) {
		must(column >= 1 && column <= text.n + 1 && reason != NULL);
		return;
	}
	struct pl_str rest = line.tags, key, value;
	struct pl_buf plain = {0};
	while (pl_lp_next_pair(&rest, &key, &value)) {
		must(key.n > 0 && value.n > 0);
		pl_lp_unescape(&plain, value);
	}
	size_t fields = 0;
	for (rest = line.fields; pl_lp_next_field(&rest, &key, &value); fields++) {
		enum pl_lp_type type;
		double number;
		must(key.n > 0 && pl_lp_value(value, &type, &number) == PL_OK);
	}
	must(fields > 0);
	pl_buf_finish(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str text = copy_of(data, size);
	write_and_read(text);
	read_any(text);
	free((char *)text.p);
	return 0;
}
