/* InfluxDB 1.x as it judges a write, in memory: the order of its checks, its shards, its words, as seen on 1.6.7. So that the
 * finding of refused lines can be tried on thousands of bodies; that the real one behaves so is shown by the tests against it.
 *
 * It knows lines of the one form `mM,s=S v=VALUE TIME`, TIME in seconds being the line's own number (unlike any other), and takes
 * `bad...` for a line that cannot be parsed. */
#ifndef PL_TESTS_INFLUX_MODEL_H
#define PL_TESTS_INFLUX_MODEL_H

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
#include "out_influxdb/answer.h"

enum { MODEL_SHARDS = 4, MODEL_MEASUREMENTS = 1024, MODEL_SERIES = 8192, MODEL_LINES = 32768 };

struct model {
	char types[MODEL_SHARDS][MODEL_MEASUREMENTS]; /* 0: none yet; 'f', 'i', 's' */
	bool series[MODEL_SERIES];
	unsigned n_series, most_series; /* 0: no bound */
	unsigned shard_lines;           /* as many of them make a shard */
	unsigned expired_before;        /* line numbers */
	size_t most_bytes;              /* 0: no bound */
	bool all_or_nothing;            /* of lines that cannot be parsed, as InfluxDB 2 is */
	bool stored[MODEL_LINES];
	unsigned requests;
	size_t bytes;
};

struct model_line {
	unsigned number, shard, measurement, series;
	char type;
	bool taken;
};

static inline const char *model_type_name(char type)
{
	return type == 'f' ? "float" : type == 'i' ? "integer" : "string";
}

static inline bool model_read(const struct model *m, struct pl_str text, struct model_line *out)
{
	char line[200], value[40];
	snprintf(line, sizeof line, "%.*s", (int)text.n, text.p);
	*out = (struct model_line){.taken = true};
	if (sscanf(line, "m%u,s=%u v=%39s %u", &out->measurement, &out->series, value, &out->number) != 4)
		return false;
	out->shard = out->number / m->shard_lines % MODEL_SHARDS;
	out->type = value[0] == '"' ? 's' : value[strlen(value) - 1] == 'i' ? 'i' : 'f';
	assert_true(out->number < MODEL_LINES && out->measurement < MODEL_MEASUREMENTS && out->series < MODEL_SERIES);
	return true;
}

/* The lines of one shard. Leaves the error's words in `words` unless there are some. False: not all was taken. */
static inline void model_write_shard(struct model *m, struct model_line *lines, size_t n, unsigned shard, struct pl_buf *words)
{
	unsigned fresh = 0, dropped = 0, more = 0;
	char first[200] = "";
	static const char conflict[] = "field type conflict";
	for (size_t i = 0; i < n; i++)
		fresh += lines[i].shard == shard && !m->series[lines[i].series];
	if (m->most_series > 0 && fresh > 0 && m->n_series + fresh > m->most_series) {
		for (size_t i = 0; i < n; i++)
			if (lines[i].shard == shard)
				lines[i].taken = false;
		if (words->n == 0)
			pl_buf_addf(words, "partial write: max-series-per-database limit exceeded: (%u) dropped=%u",
				    m->most_series, fresh);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char known = m->types[shard][lines[i].measurement];
		if (lines[i].shard != shard)
			continue;
		if (!m->series[lines[i].series]) {
			m->series[lines[i].series] = true;
			m->n_series++;
		}
		if (known == '\0' || known == lines[i].type)
			continue;
		lines[i].taken = false;
		if (dropped++ == 0)
			snprintf(
			    first, sizeof first,
			    "partial write: %s: input field \"v\" on measurement \"m%u\" is type %s, already exists as type %s",
			    conflict, lines[i].measurement, model_type_name(lines[i].type), model_type_name(known));
	}
	for (size_t i = 0; i < n && more == 0; i++) {
		char *known = &m->types[shard][lines[i].measurement];
		if (lines[i].shard != shard || !lines[i].taken)
			continue;
		more = *known != '\0' && *known != lines[i].type;
		if (*known == '\0')
			*known = lines[i].type;
	}
	for (size_t i = 0; i < n && more > 0; i++)
		if (lines[i].shard == shard)
			lines[i].taken = false;
	if (words->n == 0 && more > 0)
		pl_buf_add_cstr(words, conflict);
	else if (words->n == 0 && dropped > 0)
		pl_buf_addf(words, "%s dropped=%u", first, dropped);
}

/* Answers a body; `out` gets the JSON. Returns the status. */
static inline long model_write(struct model *m, const struct pl_str *pieces, size_t n_pieces, struct pl_buf *out)
{
	struct pl_buf body = {0}, bad = {0}, words = {0};
	m->requests++;
	for (size_t i = 0; i < n_pieces; i++)
		pl_buf_add_str(&body, pieces[i]);
	m->bytes += body.n;
	pl_buf_clear(out);
	if (m->most_bytes > 0 && body.n > m->most_bytes) {
		pl_buf_add_cstr(out, "{\"error\":\"Request Entity Too Large\"}");
		pl_buf_finish(&body);
		return 413;
	}
	struct model_line *lines = pl_calloc(body.n / 4 + 1, sizeof *lines);
	size_t n = 0;
	unsigned expired = 0;
	for (struct pl_str rest = pl_buf_str(&body); rest.n > 0;) {
		struct pl_str text = pl_str_cut(&rest, '\n');
		if (!model_read(m, text, &lines[n]))
			pl_buf_addf(&bad, "%sunable to parse '%.*s': missing fields", bad.n > 0 ? "\\n" : "", (int)text.n,
				    text.p);
		else if (lines[n].number < m->expired_before)
			expired++;
		else
			n++;
	}
	if (bad.n > 0 && (m->all_or_nothing || (n == 0 && expired == 0))) {
		pl_buf_addf(&words, "%.*s", (int)bad.n, bad.p);
		n = 0;
	}
	for (unsigned shard = 0; shard < MODEL_SHARDS; shard++)
		model_write_shard(m, lines, n, shard, &words);
	for (size_t i = 0; i < n; i++)
		m->stored[lines[i].number] = m->stored[lines[i].number] || lines[i].taken;
	if (words.n == 0 && expired > 0)
		pl_buf_addf(&words, "partial write: points beyond retention policy dropped=%u", expired);
	if (words.n == 0 && bad.n > 0)
		pl_buf_addf(&words, "partial write: %.*s dropped=0", (int)bad.n, bad.p);
	for (size_t i = 0; i < words.n; i++) {
		if (words.p[i] == '"')
			pl_buf_add_char(out, '\\');
		pl_buf_add_char(out, words.p[i]);
	}
	long status = words.n > 0 ? 400 : 204;
	if (status == 400) {
		struct pl_buf text = *out;
		*out = (struct pl_buf){0};
		pl_buf_addf(out, "{\"error\":\"%.*s\"}\n", (int)text.n, text.p);
		pl_buf_finish(&text);
	}
	free(lines);
	pl_buf_finish(&body);
	pl_buf_finish(&bad);
	pl_buf_finish(&words);
	return status;
}

#endif
