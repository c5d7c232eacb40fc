#include "out_local/walk.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_local/frame.h"
#include "out_local/tagset.h"

enum { MOST_MATCHES = 262144, LOOK_AT_CLOCK = 256 };

void pl_local_walk_finish(struct pl_local_walk *l)
{
	free(l->matches);
	pl_buf_finish(&l->scratch);
}

/* ---- which series ---- */

static bool has_value(const struct pl_filter *f, struct pl_str value)
{
	for (size_t i = 0; i < f->n_values; i++) {
		if (pl_str_eq(f->values[i], value))
			return true;
	}
	return false;
}

static bool passes(struct pl_local_walk *l, struct pl_str tags)
{
	for (size_t i = 0; i < l->q->n_filters; i++) {
		const struct pl_filter *f = &l->q->filters[i];
		if (!has_value(f, pl_local_tagset_get(tags, f->key, &l->scratch)))
			return false;
	}
	return true;
}

enum pl_err pl_local_walk_find(struct pl_local_walk *l)
{
	enum pl_err err = PL_OK;
	sqlite3_stmt *s = pl_local_statement(l->db, PL_LOCAL_SERIES_MATCH);
	if (s == NULL)
		return PL_EIO;
	pl_local_bind(s, 1, l->q->stat);
	while ((err = pl_local_step(l->db, s)) == PL_OK) {
		struct pl_str tags = pl_local_column(s, 2);
		if (!passes(l, tags))
			continue;
		if (l->n == MOST_MATCHES) {
			sqlite3_reset(s);
			return PL_ELIMIT;
		}
		if (l->n == l->cap) {
			l->cap = l->cap == 0 ? 64 : 2 * l->cap;
			l->matches = pl_realloc(l->matches, l->cap * sizeof *l->matches);
		}
		l->matches[l->n++] = (struct pl_local_match){.tags_hash = pl_str_hash(tags, 0),
							     .id = (uint32_t)sqlite3_column_int64(s, 0),
							     .own = sqlite3_column_int(s, 1) != 0};
	}
	for (size_t i = 1; i < l->n && !l->both_fields; i++)
		l->both_fields = l->matches[i].own != l->matches[0].own;
	return err == PL_ENOENT ? PL_OK : err;
}

/* The first match whose id is at least `id`. */
static size_t match_from(const struct pl_local_walk *l, uint64_t id)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (l->matches[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- their samples, newest first ---- */

static enum pl_err walk_frame(struct pl_local_walk *l, int64_t frame, int64_t time_ns, uint64_t chunk, size_t at,
			      pl_local_sample_fn fn, void *data, bool *go_on)
{
	uint64_t first = chunk * PL_LOCAL_FRAME_SERIES;
	struct pl_local_frame_sample sample;
	unsigned next = 0;
	sqlite3_stmt *s = pl_local_statement(l->db, PL_LOCAL_FRAME_DATA);
	if (s == NULL)
		return PL_EIO;
	sqlite3_bind_int64(s, 1, frame);
	enum pl_err err = pl_local_step(l->db, s);
	if (err != PL_OK)
		return err == PL_ENOENT ? PL_OK : err;
	struct pl_str rest = pl_local_column(s, 0);
	while (*go_on && at < l->n && l->matches[at].id < first + PL_LOCAL_FRAME_SERIES &&
	       pl_local_frame_next(&rest, &next, &sample) == PL_OK) {
		while (at < l->n && l->matches[at].id < first + sample.offset)
			at++;
		if (at < l->n && l->matches[at].id == first + sample.offset)
			*go_on = fn(data, time_ns, &l->matches[at], sample.value);
	}
	sqlite3_reset(s);
	return PL_OK;
}

enum pl_err pl_local_walk_samples(struct pl_local_walk *l, int64_t after_ns, int64_t until_ns, pl_local_sample_fn fn, void *data)
{
	bool go_on = true;
	enum pl_err err = PL_OK;
	unsigned frames = 0;
	sqlite3_stmt *scan = pl_local_statement(l->db, PL_LOCAL_FRAME_SCAN);
	if (scan == NULL)
		return PL_EIO;
	sqlite3_bind_int64(scan, 1, after_ns);
	sqlite3_bind_int64(scan, 2, until_ns);
	while (go_on && (err = pl_local_step(l->db, scan)) == PL_OK) {
		if (l->deadline_mono_ns != 0 && ++frames % LOOK_AT_CLOCK == 0 && pl_clock_mono_ns() > l->deadline_mono_ns) {
			err = PL_ETIMEOUT;
			break;
		}
		uint64_t chunk = (uint64_t)sqlite3_column_int64(scan, 2);
		size_t at = match_from(l, chunk * PL_LOCAL_FRAME_SERIES);
		if (at == l->n || l->matches[at].id >= (chunk + 1) * PL_LOCAL_FRAME_SERIES)
			continue;
		err = walk_frame(l, sqlite3_column_int64(scan, 0), sqlite3_column_int64(scan, 1), chunk, at, fn, data, &go_on);
		if (err != PL_OK)
			break;
	}
	sqlite3_reset(scan);
	return err == PL_ENOENT ? PL_OK : err;
}

struct pl_query_row *pl_local_walk_add_row(struct pl_local_walk *l, int64_t time_ns, double value)
{
	struct pl_query_row *row = &l->q->rows[l->q->n_rows++];
	int64_t s = time_ns / PL_NS_PER_S - (time_ns % PL_NS_PER_S < 0);
	*row = (struct pl_query_row){.time_ms = s * 1000, .value = value};
	return row;
}
