/* What a reader tells of a page, as text: for comparing readings of the same page cut in different ways. */
#ifndef PL_TESTS_EXPOSITION_DUMP_H
#define PL_TESTS_EXPOSITION_DUMP_H

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/exposition.h"

static inline void exposition_dump_value(struct pl_buf *out, const struct pl_sample *s)
{
	pl_buf_add_str(out, s->value);
	switch (s->value_class) {
	case PL_VALUE_PLAIN:
		break;
	case PL_VALUE_ODD:
		pl_buf_addf(out, "(%.17g)", s->value_number);
		break;
	case PL_VALUE_NAN:
		pl_buf_add_cstr(out, "(nan)");
		break;
	case PL_VALUE_INF:
		pl_buf_add_cstr(out, "(+)");
		break;
	case PL_VALUE_NEG_INF:
		pl_buf_add_cstr(out, "(-)");
		break;
	}
}

/* `LINE NAME{LABEL=VALUE[!]|...} VALUE[(...)] [@NANOSECONDS] [TYPE]`; a `!` marks escapes, the type is shown unless unknown. */
static inline enum pl_err exposition_dump_sample(void *data, const struct pl_sample *s)
{
	static const char *const types[] = {"",         " counter", " gauge",   " histogram", " gaugehistogram",
					    " summary", " info",    " stateset"};
	struct pl_buf *out = data;
	pl_buf_addf(out, "%zu ", s->line);
	pl_buf_add_str(out, s->name);
	pl_buf_add_char(out, '{');
	for (size_t i = 0; i < s->n_labels; i++) {
		if (i > 0)
			pl_buf_add_char(out, '|');
		pl_buf_add_str(out, s->labels[i].name);
		pl_buf_add_char(out, '=');
		pl_buf_add_str(out, s->labels[i].value);
		if (s->labels[i].escaped)
			pl_buf_add_char(out, '!');
	}
	pl_buf_add_cstr(out, "} ");
	exposition_dump_value(out, s);
	if (s->has_time)
		pl_buf_addf(out, " @%" PRId64, s->time_ns);
	pl_buf_add_cstr(out, types[s->type]);
	pl_buf_add_char(out, '\n');
	return PL_OK;
}

/* Feeds a copy of its own, so that a view that outlives the piece or a look behind its end is seen by the sanitizers. */
static inline enum pl_err exposition_dump_feed(struct pl_exposition *e, const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	if (n > 0)
		memcpy(copy, p, n);
	enum pl_err err = pl_exposition_feed(e, copy, n);
	free(copy);
	return err;
}

/* Ends the reading and adds how: nothing when all is well, else `LINE:COLUMN: REASON`. */
static inline void exposition_dump_end(struct pl_exposition *e, struct pl_buf *out)
{
	enum pl_err err = pl_exposition_end(e);
	const struct pl_exposition_error *error = pl_exposition_error(e);
	if (err != PL_OK)
		pl_buf_addf(out, "%s%zu:%zu: %s", err == PL_ELIMIT ? "limit " : "", error->line, error->column, error->reason);
}

#endif
