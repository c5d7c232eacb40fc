#include "format/exposition.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "format/exposition_detail.h"
#include "format/exposition_line.h"
#include "format/exposition_type.h"

enum { DEFAULT_MAX_LINE = 1 << 20, DEFAULT_MAX_LABELS = 128, KEPT_CARRY = 64 << 10 };

struct pl_exposition {
	struct pl_exposition_line line;
	pl_sample_fn fn;
	pl_metadata_fn metadata_fn;
	void *data;
	size_t max_line;
	struct pl_buf carry;  /* a line whose end has not come yet */
	struct pl_buf family; /* the name in the last TYPE line */
	enum pl_metric_type type;
	bool eof_seen;
	enum pl_err result; /* of all that was fed */
};

struct pl_exposition *pl_exposition_create(enum pl_exposition_format format, struct pl_exposition_limits limits, pl_sample_fn fn,
					   void *data)
{
	struct pl_exposition *e = pl_calloc(1, sizeof *e);
	e->max_line = limits.max_line > 0 ? limits.max_line : DEFAULT_MAX_LINE;
	pl_exposition_line_init(&e->line, limits.max_labels > 0 ? limits.max_labels : DEFAULT_MAX_LABELS);
	pl_exposition_reset(e, format, fn, data);
	return e;
}

void pl_exposition_destroy(struct pl_exposition *e)
{
	if (e == NULL)
		return;
	pl_exposition_line_finish(&e->line);
	pl_buf_finish(&e->carry);
	pl_buf_finish(&e->family);
	free(e);
}

void pl_exposition_reset(struct pl_exposition *e, enum pl_exposition_format format, pl_sample_fn fn, void *data)
{
	e->fn = fn;
	e->data = data;
	e->line.format = format;
	e->line.number = 0;
	e->line.error = (struct pl_exposition_error){0};
	e->type = PL_METRIC_UNKNOWN;
	e->eof_seen = false;
	e->result = PL_OK;
	pl_buf_clear(&e->family);
	if (e->carry.cap > KEPT_CARRY)
		pl_buf_finish(&e->carry);
	pl_buf_clear(&e->carry);
}

void pl_exposition_on_metadata(struct pl_exposition *e, pl_metadata_fn fn)
{
	e->metadata_fn = fn;
}

const struct pl_exemplar *pl_exposition_exemplar(const struct pl_exposition *e)
{
	return e->line.exemplar.at != NULL ? &e->line.exemplar : NULL;
}

const struct pl_exposition_error *pl_exposition_error(const struct pl_exposition *e)
{
	return &e->line.error;
}

enum pl_err pl_exposition_refuse(struct pl_exposition *e, size_t line, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	enum pl_err err = pl_exposition_line_failv(&e->line, at != NULL ? at : e->line.begin, PL_EPARSE, format, args);
	va_end(args);
	if (at == NULL)
		e->line.error.line = line;
	return err;
}

static enum pl_err fail_long_line(struct pl_exposition *e, const char *begin)
{
	e->line.begin = begin;
	return pl_exposition_line_fail(&e->line, begin + e->max_line, PL_ELIMIT, "this line is longer than %zu bytes",
				       e->max_line);
}

static inline enum pl_metric_type type_of(const struct pl_exposition *e, struct pl_str name)
{
	if (e->type == PL_METRIC_UNKNOWN || name.n < e->family.n || memcmp(name.p, e->family.p, e->family.n) != 0)
		return PL_METRIC_UNKNOWN;
	bool fits = pl_metric_type_suffix(e->line.format, e->type, pl_buf_str(&e->family), name) != NULL;
	return fits ? e->type : PL_METRIC_UNKNOWN;
}

static enum pl_err take_metadata(struct pl_exposition *e, const struct pl_metadata *m)
{
	if (m->kind == PL_METADATA_TYPE) {
		pl_buf_clear(&e->family);
		pl_buf_add_str(&e->family, m->name);
		e->type = m->type;
		pl_exposition_line_forget(&e->line);
	}
	e->eof_seen = m->kind == PL_METADATA_EOF;
	return e->metadata_fn != NULL ? e->metadata_fn(e->data, m) : PL_OK;
}

/* Reads the line at `*at`, which is set behind its newline. */
static inline enum pl_err read_line(struct pl_exposition *e, const char **at)
{
	struct pl_exposition_line *l = &e->line;
	struct pl_metadata metadata;
	const char *p = *at;
	enum pl_err err = PL_OK;

	l->begin = p;
	l->number++;
	if (e->eof_seen)
		return pl_exposition_line_fail(l, p, PL_EPARSE, "expected nothing behind `# EOF`");
	if (l->format == PL_EXPOSITION_TEXT)
		while (*p == ' ' || *p == '\t')
			p++;
	bool is_comment = *p == '#', is_blank = *p == '\n' && l->format == PL_EXPOSITION_TEXT;
	if (is_blank)
		p++;
	else if (is_comment)
		err = pl_exposition_line_comment(l, &p, &metadata);
	else
		err = pl_exposition_line_sample(l, &p);
	if (err != PL_OK)
		p = (const char *)memchr(l->begin, '\n', (size_t)(l->limit - l->begin)) + 1;
	if ((size_t)(p - l->begin) > e->max_line + 1)
		return fail_long_line(e, l->begin);
	if (err != PL_OK)
		return err;
	*at = p;
	if (is_blank)
		return PL_OK;
	if (is_comment)
		return take_metadata(e, &metadata);
	if (!l->same_name) {
		l->sample.type = type_of(e, l->sample.name);
		l->sample.family_n = e->family.n;
	}
	return e->fn(e->data, &l->sample);
}

/* The bytes end with a newline. */
static enum pl_err read_lines(struct pl_exposition *e, const char *p, const char *end)
{
	pl_exposition_line_move(&e->line, end);
	while (p < end) {
		enum pl_err err = read_line(e, &p);
		if (err != PL_OK)
			return err;
	}
	return PL_OK;
}

/* Keeps the beginning of a line, or more of it. */
static enum pl_err carry(struct pl_exposition *e, const char *p, size_t n)
{
	if (n == 0)
		return PL_OK;
	if (e->eof_seen) {
		e->line.number++;
		e->line.begin = p;
		return pl_exposition_line_fail(&e->line, p, PL_EPARSE, "expected nothing behind `# EOF`");
	}
	size_t line = memchr(p, '\n', n) != NULL ? n - 1 : n;
	if (e->carry.n + line > e->max_line) {
		e->line.number++;
		return fail_long_line(e, p);
	}
	pl_buf_add(&e->carry, p, n);
	return PL_OK;
}

static enum pl_err feed(struct pl_exposition *e, const char *p, size_t n)
{
	const char *end = p + n;
	enum pl_err err;
	if (e->carry.n > 0) {
		const char *newline = memchr(p, '\n', n);
		const char *behind = newline != NULL ? newline + 1 : end;
		err = carry(e, p, (size_t)(behind - p));
		if (err != PL_OK || newline == NULL)
			return err;
		err = read_lines(e, e->carry.p, e->carry.p + e->carry.n);
		if (err != PL_OK)
			return err;
		pl_buf_clear(&e->carry);
		p = behind;
	}
	const char *last = memrchr(p, '\n', (size_t)(end - p));
	if (last != NULL) {
		err = read_lines(e, p, last + 1);
		if (err != PL_OK)
			return err;
		p = last + 1;
	}
	return carry(e, p, (size_t)(end - p));
}

enum pl_err pl_exposition_feed(struct pl_exposition *e, const char *p, size_t n)
{
	if (e->result == PL_OK && n > 0)
		e->result = feed(e, p, n);
	return e->result;
}

static enum pl_err end(struct pl_exposition *e)
{
	struct pl_exposition_line *l = &e->line;
	bool openmetrics = l->format == PL_EXPOSITION_OPENMETRICS;
	/* A body cut behind `foo 12` of `foo 123` must not become a sample; only `# EOF` needs no newline. */
	if (e->carry.n > 0) {
		if (openmetrics && pl_str_eq(pl_buf_str(&e->carry), PL_STR("# EOF"))) {
			pl_buf_add_char(&e->carry, '\n');
			return read_lines(e, e->carry.p, e->carry.p + e->carry.n);
		}
		l->number++;
		l->begin = e->carry.p;
		return pl_exposition_line_fail(l, e->carry.p + e->carry.n, PL_EPARSE,
					       "the page ends in the middle of a line: expected a newline");
	}
	if (openmetrics && !e->eof_seen) {
		l->number++;
		l->begin = NULL;
		return pl_exposition_line_fail(l, NULL, PL_EPARSE, "the page ends without `# EOF`: it may have been cut");
	}
	return PL_OK;
}

enum pl_err pl_exposition_end(struct pl_exposition *e)
{
	if (e->result == PL_OK)
		e->result = end(e);
	return e->result;
}

enum pl_err pl_exposition_format_of(struct pl_str content_type, enum pl_exposition_format *out)
{
	static const char *const unsuitable[] = {"html", "xml", "json", "css", "javascript"};
	struct pl_str rest = content_type;
	struct pl_str type = pl_str_trim(pl_str_cut(&rest, ';'));
	char name[64];
	if (type.n >= sizeof name)
		return PL_EUNSUPPORTED;
	*out = PL_EXPOSITION_TEXT;
	if (type.n == 0)
		return PL_OK;
	memcpy(name, type.p, type.n);
	name[type.n] = '\0';
	if (strcasecmp(name, "application/openmetrics-text") == 0) {
		*out = PL_EXPOSITION_OPENMETRICS;
		return PL_OK;
	}
	if (strncasecmp(name, "text/", 5) != 0)
		return PL_EUNSUPPORTED;
	for (size_t i = 0; i < PL_COUNT_OF(unsuitable); i++)
		if (strcasecmp(name + 5, unsuitable[i]) == 0)
			return PL_EUNSUPPORTED;
	return PL_OK;
}

void pl_exposition_unescape(struct pl_buf *out, struct pl_str raw)
{
	char *to = pl_buf_reserve(out, raw.n);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i], next = i + 1 < raw.n ? raw.p[i + 1] : '\0';
		if (c == '\\' && (next == '\\' || next == '"' || next == 'n')) {
			c = next == 'n' ? '\n' : next;
			i++;
		}
		to[n++] = c;
	}
	out->n += n;
}
