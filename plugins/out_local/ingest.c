#include "out_local/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/lineproto.h"
#include "out_local/frame.h"

enum { SAMPLES_AT_ONCE = 8192 };

const char *pl_local_refusal_label(enum pl_local_refusal r)
{
	static const char *const labels[] = {
#define X(name, label, text) label,
	    PL_LOCAL_REFUSAL_MAP(X)
#undef X
	};
	return labels[r];
}

const char *pl_local_refusal_text(enum pl_local_refusal r)
{
	static const char *const texts[] = {
#define X(name, label, text) text,
	    PL_LOCAL_REFUSAL_MAP(X)
#undef X
	};
	return texts[r];
}

void pl_local_ingest_init(struct pl_local_ingest *in, struct pl_local_database *db, struct pl_local_series *series)
{
	*in = (struct pl_local_ingest){.db = db, .series = series};
}

void pl_local_ingest_finish(struct pl_local_ingest *in)
{
	free(in->samples);
	pl_buf_finish(&in->frame);
	pl_buf_finish(&in->merged);
	*in = (struct pl_local_ingest){0};
}

enum pl_err pl_local_ingest_begin(struct pl_local_ingest *in, int64_t now_ns, int64_t oldest_ns)
{
	in->now_ns = now_ns;
	in->oldest_ns = oldest_ns;
	in->n = 0;
	in->stored = in->skipped_fields = 0;
	in->first_refused[0] = '\0';
	memset(in->refused, 0, sizeof in->refused);
	if (in->samples == NULL)
		in->samples = pl_calloc(SAMPLES_AT_ONCE, sizeof *in->samples);
	sqlite3_stmt *begin = pl_local_statement(in->db, PL_LOCAL_BEGIN);
	if (begin == NULL)
		return PL_EIO;
	enum pl_err err = pl_local_run(in->db, begin);
	return err != PL_OK ? err : pl_local_series_begin(in->series, now_ns);
}

/* ---- frames ---- */

static int by_time_and_series(const void *a, const void *b)
{
	const struct pl_local_sample *x = a, *y = b;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The frame is there already: from an earlier part of the page, or because the batch came twice. */
static enum pl_err merge_frame(struct pl_local_ingest *in, int64_t time_ns, int64_t chunk, unsigned fresh)
{
	unsigned samples = 0;
	sqlite3_stmt *find = pl_local_statement(in->db, PL_LOCAL_FRAME_FIND),
		     *set = pl_local_statement(in->db, PL_LOCAL_FRAME_SET);
	if (find == NULL || set == NULL)
		return PL_EIO;
	sqlite3_bind_int64(find, 1, time_ns);
	sqlite3_bind_int64(find, 2, chunk);
	enum pl_err err = pl_local_step(in->db, find);
	if (err != PL_OK)
		return err == PL_ENOENT ? PL_EIO : err;
	int64_t id = sqlite3_column_int64(find, 0);
	pl_buf_clear(&in->merged);
	enum pl_err read = pl_local_frame_merge(pl_local_column(find, 1), pl_buf_str(&in->frame), &in->merged, &samples);
	sqlite3_reset(find);
	/* a damaged frame gives way to the new one */
	bool whole = read == PL_OK;
	sqlite3_bind_int64(set, 1, id);
	sqlite3_bind_int64(set, 2, whole ? samples : fresh);
	pl_local_bind_blob(set, 3, pl_buf_str(whole ? &in->merged : &in->frame));
	return pl_local_run(in->db, set);
}

static enum pl_err write_frame(struct pl_local_ingest *in, const struct pl_local_sample *v, size_t n)
{
	struct pl_local_frame_writer writer = {0};
	int64_t chunk = v[0].id / PL_LOCAL_FRAME_SERIES;
	unsigned samples = 0;
	pl_buf_clear(&in->frame);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && v[i + 1].id == v[i].id)
			continue;
		pl_local_frame_add(&writer, &in->frame, v[i].id % PL_LOCAL_FRAME_SERIES, v[i].value);
		samples++;
	}
	sqlite3_stmt *add = pl_local_statement(in->db, PL_LOCAL_FRAME_ADD);
	if (add == NULL)
		return PL_EIO;
	sqlite3_bind_int64(add, 1, v[0].time_ns);
	sqlite3_bind_int64(add, 2, chunk);
	sqlite3_bind_int64(add, 3, samples);
	pl_local_bind_blob(add, 4, pl_buf_str(&in->frame));
	enum pl_err err = pl_local_run(in->db, add);
	if (err == PL_OK && sqlite3_changes(in->db->handle) == 0)
		err = merge_frame(in, v[0].time_ns, chunk, samples);
	in->stored += samples;
	return err;
}

static enum pl_err flush(struct pl_local_ingest *in)
{
	enum pl_err err = PL_OK;
	qsort(in->samples, in->n, sizeof *in->samples, by_time_and_series);
	for (size_t from = 0; from < in->n && err == PL_OK;) {
		const struct pl_local_sample *first = &in->samples[from];
		size_t to = from + 1;
		while (to < in->n && in->samples[to].time_ns == first->time_ns &&
		       in->samples[to].id / PL_LOCAL_FRAME_SERIES == first->id / PL_LOCAL_FRAME_SERIES)
			to++;
		err = write_frame(in, first, to - from);
		from = to;
	}
	in->n = 0;
	return err;
}

/* ---- lines ---- */

static void refuse(struct pl_local_ingest *in, enum pl_local_refusal why, struct pl_str line, const char *detail)
{
	in->refused[why]++;
	if (in->first_refused[0] != '\0')
		return;
	char shown[64];
	size_t n = line.n < sizeof shown ? line.n : sizeof shown;
	for (size_t i = 0; i < n; i++)
		shown[i] = line.p[i] >= ' ' && line.p[i] < 0x7f ? line.p[i] : '?';
	snprintf(in->first_refused, sizeof in->first_refused, "%s: %.*s%s", detail, (int)n, shown, n < line.n ? "..." : "");
}

static enum pl_err take_field(struct pl_local_ingest *in, const struct pl_lp_line *parsed, uint64_t hash, struct pl_str field,
			      double value)
{
	uint32_t id = 0;
	enum pl_err err = pl_local_series_id(in->series, parsed, hash, field, &id);
	if (err != PL_OK)
		return err;
	if (in->n == SAMPLES_AT_ONCE) {
		err = flush(in);
		if (err != PL_OK)
			return err;
	}
	in->samples[in->n] = (struct pl_local_sample){
	    .time_ns = parsed->has_time ? parsed->time_ns : in->now_ns, .id = id, .order = (uint32_t)in->n, .value = value};
	in->n++;
	return PL_OK;
}

static enum pl_err take_line(struct pl_local_ingest *in, struct pl_str line)
{
	struct pl_lp_line parsed;
	size_t column = 0, taken = 0, odd = 0, beyond = 0;
	const char *reason = "";
	if (pl_lp_parse(line, &parsed, &column, &reason) != PL_OK) {
		refuse(in, PL_LOCAL_REFUSED_UNPARSABLE, line, reason);
		return PL_OK;
	}
	if (parsed.has_time && parsed.time_ns < in->oldest_ns) {
		refuse(in, PL_LOCAL_REFUSED_EXPIRED, line, "older than the retention");
		return PL_OK;
	}
	uint64_t hash = pl_local_series_hash(in->series, &parsed);
	struct pl_str rest = parsed.fields, key, text;
	while (pl_lp_next_field(&rest, &key, &text)) {
		enum pl_lp_type type = PL_LP_STRING;
		double number = 0;
		if (pl_lp_value(text, &type, &number) != PL_OK || type == PL_LP_STRING) {
			odd++;
			continue;
		}
		enum pl_err err = take_field(in, &parsed, hash, key, number);
		if (err != PL_OK && err != PL_ELIMIT)
			return err;
		taken += err == PL_OK;
		beyond += err == PL_ELIMIT;
	}
	if (beyond > 0)
		refuse(in, PL_LOCAL_REFUSED_SERIES_LIMIT, line, "a new series beyond max_series");
	else if (taken == 0)
		refuse(in, PL_LOCAL_REFUSED_NOT_NUMERIC, line, "no numeric field");
	else
		in->skipped_fields += odd;
	return PL_OK;
}

enum pl_err pl_local_ingest_lines(struct pl_local_ingest *in, struct pl_str lines)
{
	struct pl_str rest = lines;
	enum pl_err err = PL_OK;
	while (rest.p != NULL && err == PL_OK) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (line.n > 0)
			err = take_line(in, line);
	}
	return err;
}

enum pl_err pl_local_ingest_commit(struct pl_local_ingest *in)
{
	enum pl_err err = flush(in);
	if (err != PL_OK)
		return err;
	sqlite3_stmt *commit = pl_local_statement(in->db, PL_LOCAL_COMMIT);
	return commit != NULL ? pl_local_run(in->db, commit) : PL_EIO;
}

void pl_local_ingest_abandon(struct pl_local_ingest *in)
{
	in->n = 0;
	pl_local_rollback(in->db);
	pl_local_series_forget(in->series);
}
