#include "format/exposition_line.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/exposition_number.h"
#include "format/exposition_type.h"

enum { FIRST_LABELS = 16, SHOWN_BYTES = 32, SHOWN_ROOM = SHOWN_BYTES * 4 + 64 };

enum { NAME = 1, DIGIT = 2, COLON = 4, BLANK = 8 };

static const unsigned char classes[256] = {
    ['a' ... 'z'] = NAME, ['A' ... 'Z'] = NAME, ['_'] = NAME, ['0' ... '9'] = DIGIT, [':'] = COLON, [' '] = BLANK, ['\t'] = BLANK,
};

static inline bool is(const char *p, unsigned set)
{
	return (classes[(unsigned char)*p] & set) != 0;
}

void pl_exposition_line_init(struct pl_exposition_line *l, size_t max_labels)
{
	*l = (struct pl_exposition_line){.max_labels = max_labels, .labels_cap = FIRST_LABELS};
	l->labels = pl_calloc(l->labels_cap, sizeof *l->labels);
}

void pl_exposition_line_finish(struct pl_exposition_line *l)
{
	free(l->labels);
	*l = (struct pl_exposition_line){0};
}

void pl_exposition_line_forget(struct pl_exposition_line *l)
{
	l->known_name.n = 0;
	l->known_labels = 0;
}

void pl_exposition_line_move(struct pl_exposition_line *l, const char *limit)
{
	l->limit = limit;
	l->last_name.n = 0;
	pl_exposition_line_forget(l);
}

/* ---- errors ---- */

enum pl_err pl_exposition_line_failv(struct pl_exposition_line *l, const char *at, enum pl_err err, const char *format,
				     va_list args)
{
	l->error.line = l->number;
	l->error.column = (size_t)(at - l->begin) + 1;
	vsnprintf(l->error.reason, sizeof l->error.reason, format, args);
	for (char *c = l->error.reason; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return err;
}

enum pl_err pl_exposition_line_fail(struct pl_exposition_line *l, const char *at, enum pl_err err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	err = pl_exposition_line_failv(l, at, err, format, args);
	va_end(args);
	return err;
}

/* The word at `at`, or the one byte that is none, for a reader's eyes. */
static const char *show(const char *at, char out[SHOWN_ROOM])
{
	size_t used = 0;
	if (*at == '\n')
		return "the end of the line";
	if (*at == '\r')
		return "a carriage return (lines end with a newline alone)";
	if (*at == '\t')
		return "a tab";
	if (*at == ' ')
		return "a space";
	out[used++] = '`';
	size_t i = 0;
	while (i < SHOWN_BYTES && at[i] != '\n' && !is(at + i, BLANK) && !(at[i] == '\r' && at[i + 1] == '\n')) {
		unsigned char c = (unsigned char)at[i++];
		if (c > ' ' && c <= '~')
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, SHOWN_ROOM - used, "\\x%02X", c);
	}
	snprintf(out + used, SHOWN_ROOM - used, "`%s",
		 at[i] == '\r' ? " and a carriage return (lines end with a newline alone)" : "");
	return out;
}

static enum pl_err expected(struct pl_exposition_line *l, const char *at, const char *what)
{
	char shown[SHOWN_ROOM];
	return pl_exposition_line_fail(l, at, PL_EPARSE, "expected %s, found %s", what, show(at, shown));
}

/* ---- tokens ---- */

static const char *skip_blanks(const char *p)
{
	while (is(p, BLANK))
		p++;
	return p;
}

/* Text 0.0.4 allows blanks between all tokens, OpenMetrics nowhere. */
static inline const char *skip_loose(const struct pl_exposition_line *l, const char *p)
{
	return l->format == PL_EXPOSITION_TEXT && is(p, BLANK) ? skip_blanks(p) : p;
}

static const char *line_end(const struct pl_exposition_line *l, const char *p)
{
	return memchr(p, '\n', (size_t)(l->limit - p));
}

static inline uint64_t load_word(const char *p)
{
	uint64_t w;
	memcpy(&w, p, sizeof w);
	return le64toh(w);
}

/* True when the bytes at `p` begin as `known`, which stands before `p` in the same memory; false also where only a slower
 * comparison could tell. */
static inline bool begins_as(const struct pl_exposition_line *l, const char *p, struct pl_str known)
{
	size_t i = 0;
	if (known.n == 0 || (size_t)(l->limit - p) < known.n + sizeof(uint64_t))
		return false;
	for (; known.n - i >= sizeof(uint64_t); i += sizeof(uint64_t))
		if (load_word(p + i) != load_word(known.p + i))
			return false;
	if (i == known.n)
		return true;
	unsigned unwanted_bits = 64 - 8 * (unsigned)(known.n - i);
	return (load_word(p + i) ^ load_word(known.p + i)) << unwanted_bits == 0;
}

typedef unsigned char lane __attribute__((vector_size(16)));

/* The first of the 16 bytes at `p` that no metric name may hold, 16 when there is none. */
static inline size_t name_bytes(const char *p)
{
	lane v;
	uint64_t half[2];
	memcpy(&v, p, sizeof v);
	lane others = (lane)(((v | 0x20) - 'a' >= 26) & (v - '0' >= 11) & (v != '_')); /* `:` follows `9` */
	memcpy(half, &others, sizeof half);
	if (half[0] != 0)
		return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
	return half[1] != 0 ? 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8 : 16;
}

static inline const char *metric_name_end(struct pl_exposition_line *l, const char *p)
{
	const char *start = p;
	if (begins_as(l, p, l->last_name))
		p += l->last_name.n;
	else if (!is(p, NAME | COLON))
		return p;
	if (is(p, NAME | COLON | DIGIT)) {
		size_t n = 16;
		while (l->limit - p >= 16 && (n = name_bytes(p)) == 16)
			p += 16;
		p += n < 16 ? n : 0;
		while (is(p, NAME | COLON | DIGIT))
			p++;
	}
	l->last_name = (struct pl_str){start, (size_t)(p - start)};
	return p;
}

static inline const char *label_name_end(const char *p)
{
	if (!is(p, NAME))
		return p;
	while (is(p, NAME | DIGIT))
		p++;
	return p;
}

#define EACH_BYTE(C) (UINT64_C(0x0101010101010101) * (C))

/* The top bit of each byte of `w` that is `c`; above the lowest such byte others may be marked too. */
static inline uint64_t bytes_equal(uint64_t w, unsigned char c)
{
	uint64_t v = w ^ EACH_BYTE(c);
	return (v - EACH_BYTE(0x01)) & ~v & EACH_BYTE(0x80);
}

/* The first byte that a label value cannot be passed over for: quote, backslash, newline, not ASCII. */
static inline const char *value_special(const char *p, const char *limit)
{
	while (limit - p >= 8) {
		uint64_t w = load_word(p);
		uint64_t found = bytes_equal(w, '"') | bytes_equal(w, '\\') | bytes_equal(w, '\n') | (w & EACH_BYTE(0x80));
		if (found != 0)
			return p + __builtin_ctzll(found) / 8;
		p += 8;
	}
	while (*p != '"' && *p != '\\' && *p != '\n' && (unsigned char)*p < 0x80)
		p++;
	return p;
}

/* ---- labels ---- */

static struct pl_sample_label *label_slot(struct pl_exposition_line *l, size_t i)
{
	if (i == l->labels_cap) {
		l->labels_cap = i * 2;
		l->labels = pl_realloc(l->labels, l->labels_cap * sizeof *l->labels);
	}
	return &l->labels[i];
}

static bool is_repeated(const struct pl_sample_label *first, const struct pl_sample_label *label)
{
	for (; first < label; first++)
		if (first->name.n == label->name.n && memcmp(first->name.p, label->name.p, label->name.n) == 0)
			return true;
	return false;
}

/* `*p` stands behind the opening quote, and is set behind the closing one. */
static inline enum pl_err scan_label_value(struct pl_exposition_line *l, struct pl_sample_label *label, const char **p)
{
	const char *start = *p, *at = start;
	bool wide = false;
	label->escaped = false;
	while (*(at = value_special(at, l->limit)) != '"') {
		if (*at == '\n')
			return pl_exposition_line_fail(l, start - 1, PL_EPARSE,
						       "this label value has no closing `\"` before the end of the line");
		if (*at == '\\') {
			label->escaped = true;
			at += at[1] == '"' || at[1] == '\\';
		} else {
			wide = true;
		}
		at++;
	}
	label->value = (struct pl_str){start, (size_t)(at - start)};
	*p = at + 1;
	if (wide && !pl_str_utf8(label->value))
		return pl_exposition_line_fail(l, start, PL_EPARSE, "this label value is not valid UTF-8");
	return PL_OK;
}

/* Scans a label's name into slot `i`; the names from slot `first` on must differ. */
static enum pl_err scan_label_name(struct pl_exposition_line *l, size_t first, size_t i, const char **at)
{
	const char *p = *at, *end = label_name_end(p);
	if (end == p)
		return *p == '"'
			   ? pl_exposition_line_fail(
				 l, p, PL_EPARSE, "quoted names are not supported: expected a label name [a-zA-Z_][a-zA-Z0-9_]*")
			   : expected(l, p, "a label name [a-zA-Z_][a-zA-Z0-9_]*");
	if (i - first == l->max_labels)
		return pl_exposition_line_fail(l, p, PL_ELIMIT, "more than %zu labels in one sample", l->max_labels);
	struct pl_sample_label *label = label_slot(l, i);
	label->name = (struct pl_str){p, (size_t)(end - p)};
	if (i > first && is_repeated(l->labels + first, label))
		return pl_exposition_line_fail(l, p, PL_EPARSE, "the label `%.*s` is given twice",
					       (int)(end - p < SHOWN_BYTES ? end - p : SHOWN_BYTES), p);
	*at = end;
	return PL_OK;
}

static inline enum pl_err scan_label(struct pl_exposition_line *l, size_t first, size_t i, const char **at)
{
	const char *p = *at;
	enum pl_err err;
	if (i < l->known_labels && begins_as(l, p, l->labels[i].name) && p[l->labels[i].name.n] == '=') {
		l->labels[i].name.p = p;
		p += l->labels[i].name.n;
	} else {
		l->known_labels = i < l->known_labels ? i : l->known_labels;
		err = scan_label_name(l, first, i, &p);
		if (err != PL_OK)
			return err;
		p = skip_loose(l, p);
		if (*p != '=')
			return expected(l, p, "`=` behind the label's name");
	}
	p = skip_loose(l, p + 1);
	if (*p != '"')
		return expected(l, p, "a label value in double quotes");
	p++;
	err = scan_label_value(l, &l->labels[i], &p);
	*at = p;
	return err;
}

/* Scans `{...}` at `*at` into the labels from index `first` on. */
static enum pl_err scan_labels(struct pl_exposition_line *l, size_t first, size_t *count, const char **at)
{
	const char *p = skip_loose(l, *at + 1);
	size_t i = first;
	while (*p != '}') {
		enum pl_err err = scan_label(l, first, i++, &p);
		if (err != PL_OK)
			return err;
		p = skip_loose(l, p);
		if (*p == '}')
			break;
		if (*p != ',')
			return expected(l, p, "`,` or `}` behind a label");
		p = skip_loose(l, p + 1);
		if (*p == '}' && l->format == PL_EXPOSITION_OPENMETRICS)
			return expected(l, p, "a label behind `,`");
	}
	*count = i - first;
	*at = p + 1;
	return PL_OK;
}

/* ---- samples ---- */

static enum pl_err scan_number(struct pl_exposition_line *l, const char **at, enum pl_value_class *value_class, double *number)
{
	const char *end = pl_exposition_number_scan(*at, value_class, number);
	if (end == NULL)
		return expected(l, *at, "a value (decimal number, NaN or Inf)");
	*at = end;
	return PL_OK;
}

/* ` {labels} number [seconds]` behind an exemplar's `#`. */
static enum pl_err scan_exemplar(struct pl_exposition_line *l, const char **at)
{
	const char *p = *at;
	l->exemplar.at = p++;
	if (*p != ' ' || p[1] != '{')
		return expected(l, p, "` {` behind the `#` of an exemplar");
	p++;
	enum pl_err err = scan_labels(l, l->sample.n_labels, &l->exemplar.n_labels, &p);
	if (err != PL_OK)
		return err;
	if (*p != ' ')
		return expected(l, p, "a space and the exemplar's value");
	const char *value = ++p;
	enum pl_value_class value_class;
	double number;
	err = scan_number(l, &p, &value_class, &number);
	if (err != PL_OK)
		return err;
	l->exemplar.value = (struct pl_str){value, (size_t)(p - value)};
	if (*p == ' ') {
		int64_t ns;
		const char *end = pl_exposition_time_seconds(++p, &ns);
		if (end == NULL)
			return expected(l, p, "the exemplar's timestamp in seconds");
		p = end;
	}
	if (*p != '\n')
		return expected(l, p, "the end of the line behind an exemplar");
	*at = p;
	return PL_OK;
}

/* What may stand behind a value; ends at the newline. */
static enum pl_err scan_tail_openmetrics(struct pl_exposition_line *l, const char **at)
{
	const char *p = *at;
	if (*p == ' ' && p[1] != '#') {
		const char *end = pl_exposition_time_seconds(++p, &l->sample.time_ns);
		if (end == NULL)
			return expected(l, p, "a timestamp in seconds or an exemplar behind the value");
		l->sample.has_time = true;
		p = end;
	}
	*at = p;
	if (*p == ' ' && p[1] == '#') {
		(*at)++;
		return scan_exemplar(l, at);
	}
	return *p == '\n' ? PL_OK : expected(l, p, "the end of the line or one space");
}

static enum pl_err scan_tail_text(struct pl_exposition_line *l, const char **at)
{
	const char *p = skip_blanks(*at);
	if (*p != '\n') {
		const char *end = pl_exposition_time_ms(p, &l->sample.time_ns);
		if (end == NULL)
			return expected(l, p, "a timestamp in whole milliseconds (64-bit) or the end of the line");
		l->sample.has_time = true;
		p = skip_blanks(end);
	}
	*at = p;
	return *p == '\n' ? PL_OK : expected(l, p, "the end of the line behind the timestamp");
}

static enum pl_err fail_name(struct pl_exposition_line *l, const char *p)
{
	if (*p == '{')
		return pl_exposition_line_fail(l, p, PL_EPARSE,
					       "expected a metric name before `{`; names in quotes are not supported");
	return expected(l, p, "a metric name [a-zA-Z_:][a-zA-Z0-9_:]*");
}

enum pl_err pl_exposition_line_sample(struct pl_exposition_line *l, const char **at)
{
	struct pl_sample *s = &l->sample;
	const char *p = *at, *name = p;
	enum pl_err err;

	l->same_name = begins_as(l, p, l->known_name) && !is(p + l->known_name.n, NAME | COLON | DIGIT);
	p = l->same_name ? p + l->known_name.n : metric_name_end(l, p);
	if (p == name)
		return fail_name(l, p);
	s->name.p = l->known_name.p = name; /* word by word: a copy in one piece would wait for the stores of its two words */
	s->name.n = l->known_name.n = (size_t)(p - name);
	s->n_labels = 0;
	s->has_time = false;
	l->exemplar.at = NULL;
	const char *behind = p;
	p = skip_loose(l, p);
	if (*p == '{') {
		err = scan_labels(l, 0, &s->n_labels, &p);
		if (err != PL_OK)
			return err;
		behind = l->format == PL_EXPOSITION_TEXT ? NULL : p;
		p = skip_loose(l, p);
	}
	l->known_labels = s->n_labels;
	if (l->format == PL_EXPOSITION_OPENMETRICS && *p == ' ')
		p++;
	if (p == behind)
		return expected(l, p,
				s->n_labels > 0 ? "a space and a value behind the labels"
						: "`{` or a space and a value behind the metric's name");

	s->value.p = p;
	err = scan_number(l, &p, &s->value_class, &s->value_number);
	if (err != PL_OK)
		return err;
	s->value.n = (size_t)(p - s->value.p);
	if (*p != '\n') {
		err = l->format == PL_EXPOSITION_TEXT ? scan_tail_text(l, &p) : scan_tail_openmetrics(l, &p);
		if (err != PL_OK)
			return err;
	}
	s->labels = l->labels;
	s->line = l->number;
	l->exemplar.labels = l->labels + s->n_labels;
	*at = p + 1;
	return PL_OK;
}

/* ---- comments ---- */

static enum pl_err scan_type(struct pl_exposition_line *l, struct pl_metadata *m)
{
	if (pl_metric_type_parse(l->format, m->text, &m->type))
		return PL_OK;
	struct pl_str rest = m->text, word = pl_str_cut(&rest, ' ');
	if (rest.p != NULL && pl_metric_type_parse(l->format, word, &m->type))
		return expected(l, word.p + word.n, "the end of the line behind the type");
	return expected(l, m->text.p,
			l->format == PL_EXPOSITION_TEXT
			    ? "one of counter, gauge, histogram, summary, untyped"
			    : "one of counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown");
}

/* `name text` behind a keyword and its blank. */
static enum pl_err scan_metadata(struct pl_exposition_line *l, const char *p, const char *end, struct pl_metadata *m)
{
	bool loose = l->format == PL_EXPOSITION_TEXT;
	const char *behind = metric_name_end(l, p);
	if (behind == p)
		return expected(l, p, "a metric name [a-zA-Z_:][a-zA-Z0-9_:]*");
	m->name = (struct pl_str){p, (size_t)(behind - p)};
	if (*behind != ' ' && !(loose && (*behind == '\t' || *behind == '\n')))
		return expected(l, behind, "a space behind the metric's name");
	p = behind == end ? end : loose ? skip_blanks(behind) : behind + 1;
	m->text = (struct pl_str){p, (size_t)(end - p)};
	if (m->kind == PL_METADATA_TYPE)
		return scan_type(l, m);
	if (!pl_str_utf8(m->text))
		return pl_exposition_line_fail(l, p, PL_EPARSE, "this text is not valid UTF-8");
	return PL_OK;
}

/* The keyword at `p`, PL_METADATA_COMMENT when it is none; `*behind` is set behind it. */
static enum pl_metadata_kind keyword(const char *p, const char *end, const char **behind)
{
	static const char words[][5] = {[PL_METADATA_HELP] = "HELP", [PL_METADATA_TYPE] = "TYPE", [PL_METADATA_UNIT] = "UNIT"};
	enum { WORD = 4 };
	for (size_t i = 0; end - p >= WORD && i < PL_COUNT_OF(words); i++) {
		if (memcmp(p, words[i], WORD) != 0)
			continue;
		*behind = p + WORD;
		return (enum pl_metadata_kind)i;
	}
	return PL_METADATA_COMMENT;
}

static enum pl_err comment_text(struct pl_exposition_line *l, const char *p, const char *end, struct pl_metadata *m)
{
	const char *behind;
	if (!is(p + 1, BLANK))
		return PL_OK;
	p = skip_blanks(p + 1);
	enum pl_metadata_kind kind = keyword(p, end, &behind);
	if (kind == PL_METADATA_COMMENT || kind == PL_METADATA_UNIT || !is(behind, BLANK))
		return PL_OK;
	m->kind = kind;
	return scan_metadata(l, skip_blanks(behind), end, m);
}

static enum pl_err comment_openmetrics(struct pl_exposition_line *l, const char *p, const char *end, struct pl_metadata *m)
{
	const char *behind;
	if (p[1] != ' ')
		return expected(l, p + 1, "a space behind `#`");
	p += 2;
	if (pl_str_eq((struct pl_str){p, (size_t)(end - p)}, PL_STR("EOF"))) {
		m->kind = PL_METADATA_EOF;
		return PL_OK;
	}
	m->kind = keyword(p, end, &behind);
	if (m->kind == PL_METADATA_COMMENT)
		return expected(l, p, "HELP, TYPE, UNIT or EOF (OpenMetrics has no other comments)");
	if (*behind != ' ')
		return expected(l, behind, "a space behind the keyword");
	return scan_metadata(l, behind + 1, end, m);
}

enum pl_err pl_exposition_line_comment(struct pl_exposition_line *l, const char **at, struct pl_metadata *out)
{
	const char *p = *at, *end = line_end(l, p);
	*out = (struct pl_metadata){.kind = PL_METADATA_COMMENT, .line = l->number};
	*at = end + 1;
	return l->format == PL_EXPOSITION_TEXT ? comment_text(l, p, end, out) : comment_openmetrics(l, p, end, out);
}
