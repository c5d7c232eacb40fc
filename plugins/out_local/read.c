#include "out_local/read.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_local/buckets.h"
#include "out_local/tagset.h"
#include "out_local/walk.h"

enum { MOST_NAMES = 200000, MOST_ROWS = 10000, HISTORY_S = 10 };

static void fail(struct pl_query *q, enum pl_err err, const char *reason)
{
	q->err = err;
	q->reason = pl_arena_strdup(&q->arena, reason);
}

static void fail_database(struct pl_query *q, const struct pl_local_database *db)
{
	fail(q, PL_EIO, db->reason);
}

/* ---- names ---- */

static int by_bytes(const void *a, const void *b)
{
	return pl_str_cmp(*(const struct pl_str *)a, *(const struct pl_str *)b);
}

static void settle_names(struct pl_query *q, struct pl_str *names, size_t n)
{
	size_t kept = 0;
	if (n > 0)
		qsort(names, n, sizeof *names, by_bytes);
	q->names = pl_arena_alloc(&q->arena, (n > 0 ? n : 1) * sizeof *names);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || !pl_str_eq(q->names[kept - 1], names[i]))
			q->names[kept++] = names[i];
	}
	q->n_names = kept;
}

/* A metric is asked for by its measurement when the field has that name too, or is `value`; else by its field. */
static struct pl_str name_of_row(sqlite3_stmt *s, enum pl_query_kind kind)
{
	struct pl_str first = pl_local_column(s, 0);
	if (kind == PL_QUERY_TAGS)
		return first;
	struct pl_str field = pl_local_column(s, 1);
	return pl_str_is(field, "value") ? first : field;
}

static void read_names(struct pl_local_database *db, struct pl_query *q)
{
	struct pl_str *names = NULL;
	size_t n = 0, cap = 0;
	enum pl_err err = PL_EIO;
	sqlite3_stmt *s = pl_local_statement(db, q->kind == PL_QUERY_KEYS ? PL_LOCAL_METRIC_LIST : PL_LOCAL_TAG_KEY_LIST);
	while (s != NULL && (err = pl_local_step(db, s)) == PL_OK) {
		if (n == MOST_NAMES) {
			sqlite3_reset(s);
			err = PL_ELIMIT;
			break;
		}
		if (n == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			names = pl_realloc(names, cap * sizeof *names);
		}
		names[n++] = pl_arena_str(&q->arena, name_of_row(s, q->kind));
	}
	if (err == PL_ENOENT)
		settle_names(q, names, n);
	else if (err == PL_ELIMIT)
		fail(q, PL_EIO, "more than 200000 names");
	else
		fail_database(q, db);
	free(names);
}

/* ---- the rows themselves ---- */

/* Samples of one moment; a series with both fields is one row, with the value of the field that has the measurement's name. */
struct moment {
	struct pl_local_walk *l;
	int64_t time_ns;
	struct moment_row {
		struct pl_local_match match;
		double value;
	} * v; /* rows_most */
	size_t n;
	uint32_t *row_ids; /* of q->rows; rows_most */
};

static void end_moment(struct moment *m)
{
	struct pl_query *q = m->l->q;
	for (size_t i = 0; i < m->n && q->n_rows < m->l->rows_most; i++) {
		m->row_ids[q->n_rows] = m->v[i].match.id;
		pl_local_walk_add_row(m->l, m->time_ns, m->v[i].value);
	}
	m->n = 0;
}

static struct moment_row *same_series(struct moment *m, const struct pl_local_match *match)
{
	for (size_t i = 0; i < m->n && m->l->both_fields; i++) {
		if (m->v[i].match.tags_hash == match->tags_hash)
			return &m->v[i];
	}
	return NULL;
}

static bool into_moment(void *data, int64_t time_ns, const struct pl_local_match *match, double value)
{
	struct moment *m = data;
	if (m->n > 0 && time_ns != m->time_ns) {
		end_moment(m);
		if (m->l->q->n_rows == m->l->rows_most)
			return false;
	}
	m->time_ns = time_ns;
	struct moment_row *known = same_series(m, match);
	if (known != NULL && match->own)
		*known = (struct moment_row){*match, value};
	else if (known == NULL && m->n < m->l->rows_most)
		m->v[m->n++] = (struct moment_row){*match, value};
	return true;
}

static enum pl_err add_tags(struct pl_local_walk *l, struct pl_query_row *row, uint32_t id)
{
	struct pl_query *q = l->q;
	size_t n = 0;
	for (size_t i = 0; i < q->n_filters; i++)
		n += q->filters[i].n_values > 1;
	if (n == 0)
		return PL_OK;
	sqlite3_stmt *s = pl_local_statement(l->db, PL_LOCAL_SERIES_TAGS);
	if (s == NULL)
		return PL_EIO;
	sqlite3_bind_int64(s, 1, id);
	enum pl_err err = pl_local_step(l->db, s);
	if (err != PL_OK)
		return err == PL_ENOENT ? PL_OK : err;
	row->tags = pl_arena_alloc(&q->arena, n * sizeof *row->tags);
	for (size_t i = 0; i < q->n_filters; i++) {
		if (q->filters[i].n_values < 2)
			continue;
		struct pl_str value = pl_local_tagset_get(pl_local_column(s, 0), q->filters[i].key, &l->scratch);
		row->tags[row->n_tags++] = (struct pl_label){q->filters[i].key, pl_arena_str(&q->arena, value)};
	}
	sqlite3_reset(s);
	return PL_OK;
}

static enum pl_err read_rows(struct pl_local_walk *l, int64_t after_ns)
{
	struct moment m = {.l = l};
	m.row_ids = pl_calloc(l->rows_most, sizeof *m.row_ids);
	m.v = pl_calloc(l->rows_most, sizeof *m.v);
	enum pl_err err = pl_local_walk_samples(l, after_ns, INT64_MAX, into_moment, &m);
	if (err == PL_OK)
		end_moment(&m);
	for (size_t i = 0; i < l->q->n_rows && err == PL_OK; i++)
		err = add_tags(l, &l->q->rows[i], m.row_ids[i]);
	free(m.v);
	free(m.row_ids);
	return err;
}

static void settle_rows(struct pl_local_walk *l, enum pl_err err)
{
	struct pl_query *q = l->q;
	if (err == PL_ELIMIT)
		fail(q, PL_ELIMIT, "too many series or values for one question; filter by tags");
	else if (err == PL_ETIMEOUT)
		fail(q, PL_ELIMIT, "reading took too long; ask for a shorter time");
	else if (err != PL_OK)
		fail_database(q, l->db);
	else if (q->n_rows == 0)
		fail(q, PL_ENOENT, "no such series, or nothing in that time");
	pl_local_walk_finish(l);
}

static void read_latest(struct pl_local_database *db, struct pl_query *q, int64_t now_ns)
{
	struct pl_local_walk l = {.db = db, .q = q, .rows_most = q->limit == 0 ? 1 : q->limit};
	int64_t after_ns = now_ns - 2 * q->poll_ns;
	if (l.rows_most > MOST_ROWS)
		l.rows_most = MOST_ROWS;
	if (q->poll_ns <= 0 || q->poll_ns > INT64_MAX / 4) {
		fail(q, PL_EINVAL, "the interval is out of range");
		return;
	}
	q->rows = pl_arena_alloc(&q->arena, l.rows_most * sizeof *q->rows);
	q->n_rows = 0;
	enum pl_err err = pl_local_walk_find(&l);
	if (err == PL_OK && l.n > 0)
		err = q->verb == PL_VERB_NONE ? read_rows(&l, after_ns) : pl_local_buckets_read(&l, q->poll_ns, after_ns, now_ns);
	settle_rows(&l, err);
}

/* ---- history ---- */

static void turn_round(struct pl_query *q)
{
	for (size_t i = 0, k = q->n_rows; i + 1 < k; i++) {
		struct pl_query_row row = q->rows[i];
		q->rows[i] = q->rows[--k];
		q->rows[k] = row;
	}
}

static void read_history(struct pl_local_database *db, struct pl_query *q)
{
	int64_t first_ns;
	struct pl_local_walk l = {.db = db, .q = q, .rows_most = pl_query_windows(q, &first_ns)};
	if (l.rows_most > PL_QUERY_MOST_WINDOWS || q->verb == PL_VERB_NONE) {
		fail(q, PL_EINVAL, "there would be too many values");
		return;
	}
	enum pl_err err = PL_OK;
	if (l.rows_most > 0) {
		q->rows = pl_arena_alloc(&q->arena, l.rows_most * sizeof *q->rows);
		err = pl_local_walk_find(&l);
	}
	/* deliveries wait as long as this reads */
	l.deadline_mono_ns = pl_clock_mono_ns() + HISTORY_S * PL_NS_PER_S;
	if (err == PL_OK && l.n > 0)
		err = pl_local_buckets_read(&l, q->width_ns, q->from_ns, q->until_ns - 1);
	turn_round(q);
	settle_rows(&l, err);
}

void pl_local_read(struct pl_local_database *db, struct pl_query *q, int64_t now_ns)
{
	q->err = PL_OK;
	q->reason = "";
	q->n_names = q->n_rows = 0;
	if (pl_local_database_open(db) != PL_OK) {
		fail_database(q, db);
		return;
	}
	if (q->kind == PL_QUERY_LATEST)
		read_latest(db, q, now_ns);
	else if (q->kind == PL_QUERY_HISTORY)
		read_history(db, q);
	else
		read_names(db, q);
	if (db->trouble != PL_LOCAL_FINE)
		pl_local_rollback(db);
}
