#include "out_local/read.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_local/frame.h"
#include "out_local/reduce.h"
#include "out_local/tagset.h"

enum { MOST_NAMES = 200000, MOST_MATCHES = 262144, MOST_ROWS = 10000 };

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

/* ---- which series ---- */

struct match {
	uint64_t tags_hash;
	uint32_t id;
	bool own; /* the field has the measurement's name; else it is `value` */
};

struct latest {
	struct pl_local_database *db;
	struct pl_query *q;
	struct match *matches; /* by rising id */
	size_t n, cap;
	struct pl_buf scratch;
	size_t rows_most;
	bool both_fields; /* there are matches of either kind */
};

static bool has_value(const struct pl_filter *f, struct pl_str value)
{
	for (size_t i = 0; i < f->n_values; i++) {
		if (pl_str_eq(f->values[i], value))
			return true;
	}
	return false;
}

static bool passes(struct latest *l, struct pl_str tags)
{
	for (size_t i = 0; i < l->q->n_filters; i++) {
		const struct pl_filter *f = &l->q->filters[i];
		if (!has_value(f, pl_local_tagset_get(tags, f->key, &l->scratch)))
			return false;
	}
	return true;
}

static enum pl_err find_matches(struct latest *l)
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
		l->matches[l->n++] = (struct match){.tags_hash = pl_str_hash(tags, 0),
						    .id = (uint32_t)sqlite3_column_int64(s, 0),
						    .own = sqlite3_column_int(s, 1) != 0};
	}
	for (size_t i = 1; i < l->n && !l->both_fields; i++)
		l->both_fields = l->matches[i].own != l->matches[0].own;
	return err == PL_ENOENT ? PL_OK : err;
}

/* The first match whose id is at least `id`. */
static size_t match_from(const struct latest *l, uint64_t id)
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

/* Returns false to end the walk. */
typedef bool (*sample_fn)(void *data, int64_t time_ns, const struct match *match, double value);

static enum pl_err walk_frame(struct latest *l, int64_t frame, int64_t time_ns, uint64_t chunk, size_t at, sample_fn fn,
			      void *data, bool *go_on)
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

static enum pl_err walk(struct latest *l, int64_t after_ns, int64_t until_ns, sample_fn fn, void *data)
{
	bool go_on = true;
	enum pl_err err = PL_OK;
	sqlite3_stmt *scan = pl_local_statement(l->db, PL_LOCAL_FRAME_SCAN);
	if (scan == NULL)
		return PL_EIO;
	sqlite3_bind_int64(scan, 1, after_ns);
	sqlite3_bind_int64(scan, 2, until_ns);
	while (go_on && (err = pl_local_step(l->db, scan)) == PL_OK) {
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

static struct pl_query_row *add_row(struct latest *l, int64_t time_ns, double value)
{
	struct pl_query_row *row = &l->q->rows[l->q->n_rows++];
	int64_t s = time_ns / PL_NS_PER_S - (time_ns % PL_NS_PER_S < 0);
	*row = (struct pl_query_row){.time_ms = s * 1000, .value = value};
	return row;
}

/* ---- one value per bucket ---- */

struct buckets {
	struct latest *l;
	int64_t width_ns, start_ns; /* of the bucket being filled */
	bool begun, overflowed;
	struct pl_local_reduce own, plain;
};

static void end_bucket(struct buckets *b)
{
	double value = 0;
	b->overflowed = b->overflowed || pl_local_reduce_overflowed(&b->own) || pl_local_reduce_overflowed(&b->plain);
	bool has = pl_local_reduce_result(&b->own, &value) || pl_local_reduce_result(&b->plain, &value);
	if (has && b->l->q->n_rows < b->l->rows_most)
		add_row(b->l, b->start_ns, value);
	pl_local_reduce_clear(&b->own);
	pl_local_reduce_clear(&b->plain);
}

static bool into_bucket(void *data, int64_t time_ns, const struct match *match, double value)
{
	struct buckets *b = data;
	int64_t start = time_ns - time_ns % b->width_ns;
	if (b->begun && start != b->start_ns) {
		end_bucket(b);
		if (b->l->q->n_rows == b->l->rows_most)
			return false;
	}
	b->begun = true;
	b->start_ns = start;
	pl_local_reduce_add(match->own ? &b->own : &b->plain, time_ns, value);
	return true;
}

static enum pl_err read_buckets(struct latest *l, int64_t after_ns, int64_t now_ns)
{
	struct buckets b = {.l = l, .width_ns = l->q->poll_ns, .own = {.verb = l->q->verb}, .plain = {.verb = l->q->verb}};
	enum pl_err err = walk(l, after_ns, now_ns, into_bucket, &b);
	if (err == PL_OK && b.begun)
		end_bucket(&b);
	pl_local_reduce_finish(&b.own);
	pl_local_reduce_finish(&b.plain);
	return b.overflowed ? PL_ELIMIT : err;
}

/* ---- the rows themselves ---- */

/* Samples of one moment; a series with both fields is one row, with the value of the field that has the measurement's name. */
struct moment {
	struct latest *l;
	int64_t time_ns;
	struct moment_row {
		struct match match;
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
		add_row(m->l, m->time_ns, m->v[i].value);
	}
	m->n = 0;
}

static struct moment_row *same_series(struct moment *m, const struct match *match)
{
	for (size_t i = 0; i < m->n && m->l->both_fields; i++) {
		if (m->v[i].match.tags_hash == match->tags_hash)
			return &m->v[i];
	}
	return NULL;
}

static bool into_moment(void *data, int64_t time_ns, const struct match *match, double value)
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

static enum pl_err add_tags(struct latest *l, struct pl_query_row *row, uint32_t id)
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

static enum pl_err read_rows(struct latest *l, int64_t after_ns)
{
	struct moment m = {.l = l};
	m.row_ids = pl_calloc(l->rows_most, sizeof *m.row_ids);
	m.v = pl_calloc(l->rows_most, sizeof *m.v);
	enum pl_err err = walk(l, after_ns, INT64_MAX, into_moment, &m);
	if (err == PL_OK)
		end_moment(&m);
	for (size_t i = 0; i < l->q->n_rows && err == PL_OK; i++)
		err = add_tags(l, &l->q->rows[i], m.row_ids[i]);
	free(m.v);
	free(m.row_ids);
	return err;
}

static void read_latest(struct pl_local_database *db, struct pl_query *q, int64_t now_ns)
{
	struct latest l = {.db = db, .q = q, .rows_most = q->limit == 0 ? 1 : q->limit};
	int64_t after_ns = now_ns - 2 * q->poll_ns;
	if (l.rows_most > MOST_ROWS)
		l.rows_most = MOST_ROWS;
	if (q->poll_ns <= 0 || q->poll_ns > INT64_MAX / 4) {
		fail(q, PL_EINVAL, "the interval is out of range");
		return;
	}
	q->rows = pl_arena_alloc(&q->arena, l.rows_most * sizeof *q->rows);
	q->n_rows = 0;
	enum pl_err err = find_matches(&l);
	if (err == PL_OK && l.n > 0)
		err = q->verb == PL_VERB_NONE ? read_rows(&l, after_ns) : read_buckets(&l, after_ns, now_ns);
	if (err == PL_ELIMIT)
		fail(q, PL_EIO, "too many series or values for one question; filter by tags");
	else if (err != PL_OK)
		fail_database(q, db);
	else if (q->n_rows == 0)
		fail(q, PL_ENOENT, "no such series, or nothing recent");
	free(l.matches);
	pl_buf_finish(&l.scratch);
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
	else
		read_names(db, q);
	if (db->trouble != PL_LOCAL_FINE)
		pl_local_rollback(db);
}
