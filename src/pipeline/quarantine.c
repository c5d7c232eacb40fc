#include "pipeline/quarantine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/lineproto.h"
#include "pipeline/quarantine_db.h"

enum {
	ROW_BYTES = 128, /* what a line costs in the file beside its own text */
	MOST_REASON = 4096,
};

struct pl_quarantine {
	pthread_mutex_t lock; /* of all but stats */
	struct pl_sqlite_file db;
	char *path;
	struct pl_log *log;
	uint64_t max_bytes;
	struct pl_quarantine_stats now; /* the lock's owner works on it; published in stats */
	struct pl_buf scratch;
	pthread_mutex_t stats_lock; /* a look at the stats waits for no disk */
	struct pl_quarantine_stats stats;
};

static void say(const struct pl_quarantine *q, char *reason, size_t reason_size)
{
	if (reason_size > 0)
		snprintf(reason, reason_size, "%s", q->db.reason);
}

static void publish(struct pl_quarantine *q)
{
	q->now.max_bytes = q->max_bytes;
	pthread_mutex_lock(&q->stats_lock);
	q->stats = q->now;
	pthread_mutex_unlock(&q->stats_lock);
}

/* ---- opening ---- */

static enum pl_err read_oldest(struct pl_quarantine *q)
{
	int64_t v[2];
	enum pl_err err = pl_sqlite_numbers(&q->db, PL_QUARANTINE_OLDEST, v);
	q->now.oldest_wall_ns = v[0];
	return err;
}

static enum pl_err read_sums(struct pl_quarantine *q)
{
	int64_t v[2], last[2];
	enum pl_err err = pl_sqlite_numbers(&q->db, PL_QUARANTINE_SUMS, v);
	if (err == PL_OK)
		err = pl_sqlite_numbers(&q->db, PL_QUARANTINE_LAST, last);
	if (err == PL_OK)
		err = read_oldest(q);
	if (err != PL_OK)
		return err;
	q->now.lines = (uint64_t)v[0];
	q->now.bytes = (uint64_t)v[1];
	q->now.last_id = last[0];
	return PL_OK;
}

static enum pl_err open_db(struct pl_quarantine *q)
{
	enum pl_err err = pl_sqlite_open(&q->db);
	if (err != PL_OK)
		return err;
	if (q->db.reason[0] != '\0')
		pl_error(q->log, "quarantine set aside", PL_KVC("reason", q->db.reason));
	err = read_sums(q);
	if (err != PL_OK)
		pl_sqlite_close(&q->db);
	return err;
}

/* A connection for the next use: a new one after trouble, or when somebody took the file away. */
static enum pl_err ready(struct pl_quarantine *q)
{
	if (pl_sqlite_moved(&q->db))
		pl_sqlite_close(&q->db);
	return q->db.handle != NULL ? PL_OK : open_db(q);
}

enum pl_err pl_quarantine_open(struct pl_quarantine **out, const struct pl_quarantine_options *options, char *reason,
			       size_t reason_size)
{
	struct pl_quarantine *q = pl_calloc(1, sizeof *q);
	pthread_mutex_init(&q->lock, NULL);
	pthread_mutex_init(&q->stats_lock, NULL);
	q->path = options->path != NULL ? pl_strdup(options->path) : NULL;
	q->db = (struct pl_sqlite_file){.kind = &pl_quarantine_kind, .path = q->path};
	q->log = options->log;
	q->max_bytes = options->max_bytes;
	enum pl_err err = open_db(q);
	say(q, reason, reason_size);
	*out = NULL;
	if (err != PL_OK && (err != PL_EIO || q->path == NULL)) {
		pl_quarantine_close(q);
		return err;
	}
	publish(q);
	*out = q;
	return PL_OK;
}

void pl_quarantine_close(struct pl_quarantine *q)
{
	pl_sqlite_close(&q->db);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->stats_lock);
	pl_buf_finish(&q->scratch);
	free(q->path);
	free(q);
}

struct pl_quarantine_stats pl_quarantine_stats(const struct pl_quarantine *q)
{
	struct pl_quarantine *own = (struct pl_quarantine *)q; /* the mutex alone changes */
	pthread_mutex_lock(&own->stats_lock);
	struct pl_quarantine_stats s = q->stats;
	pthread_mutex_unlock(&own->stats_lock);
	return s;
}

/* ---- transactions ---- */

/* Ends what `err` tells of: commits, or undoes everything including the counters. */
static enum pl_err end(struct pl_quarantine *q, enum pl_err err, const struct pl_quarantine_stats *before, char *reason,
		       size_t reason_size)
{
	if (err == PL_OK)
		err = read_oldest(q);
	if (err == PL_OK)
		err = pl_sqlite_run(&q->db, pl_sqlite_statement(&q->db, PL_QUARANTINE_COMMIT));
	if (err != PL_OK) {
		say(q, reason, reason_size);
		pl_sqlite_rollback(&q->db);
		q->now = *before;
	}
	return err;
}

/* Afterwards q->now is what `end` may go back to. */
static enum pl_err begin(struct pl_quarantine *q, struct pl_quarantine_stats *before)
{
	enum pl_err err = ready(q); /* may read the sums anew */
	*before = q->now;
	return err == PL_OK ? pl_sqlite_run(&q->db, pl_sqlite_statement(&q->db, PL_QUARANTINE_BEGIN)) : err;
}

/* Deletes by a statement that returns the row's bytes. PL_ENOENT: there was nothing. */
static enum pl_err remove_one(struct pl_quarantine *q, sqlite3_stmt *s)
{
	enum pl_err err = pl_sqlite_step(&q->db, s);
	if (err != PL_OK)
		return err;
	q->now.lines--;
	q->now.bytes -= (uint64_t)sqlite3_column_int64(s, 0);
	err = pl_sqlite_step(&q->db, s);
	return err == PL_ENOENT ? PL_OK : err;
}

static enum pl_err make_room(struct pl_quarantine *q)
{
	enum pl_err err = PL_OK;
	while (err == PL_OK && q->now.bytes > q->max_bytes) {
		sqlite3_stmt *s = pl_sqlite_statement(&q->db, PL_QUARANTINE_EVICT);
		err = s != NULL ? remove_one(q, s) : PL_EIO;
		if (err == PL_OK)
			q->now.gone_full++;
	}
	return err == PL_ENOENT ? PL_OK : err;
}

void pl_quarantine_set_limit(struct pl_quarantine *q, uint64_t max_bytes)
{
	pthread_mutex_lock(&q->lock);
	q->max_bytes = max_bytes;
	if (q->now.bytes > max_bytes) {
		struct pl_quarantine_stats before;
		enum pl_err err = begin(q, &before);
		err = end(q, err == PL_OK ? make_room(q) : err, &before, NULL, 0);
		(void)err; /* the next line that is added makes the room */
	}
	publish(q);
	pthread_mutex_unlock(&q->lock);
}

/* ---- adding ---- */

struct tags {
	struct pl_str measurement, job, instance; /* views of the scratch buffer */
};

static struct pl_str unescape(struct pl_buf *to, struct pl_str escaped)
{
	size_t from = to->n;
	pl_lp_unescape(to, escaped);
	return (struct pl_str){to->p + from, to->n - from};
}

static struct tags tags_of(struct pl_quarantine *q, struct pl_str text)
{
	struct tags t = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct pl_lp_line line;
	struct pl_str key, value;
	size_t column_number;
	const char *why;
	pl_buf_clear(&q->scratch);
	if (pl_lp_parse(text, &line, &column_number, &why) != PL_OK)
		return t;
	pl_buf_reserve(&q->scratch, line.series.n); /* views stay valid: unescaping only shortens */
	t.measurement = unescape(&q->scratch, line.measurement);
	for (struct pl_str rest = line.tags; pl_lp_next_pair(&rest, &key, &value);) {
		if (pl_str_is(key, "job"))
			t.job = unescape(&q->scratch, value);
		else if (pl_str_is(key, "instance"))
			t.instance = unescape(&q->scratch, value);
	}
	return t;
}

static struct pl_str shortened(struct pl_str s)
{
	if (s.n <= MOST_REASON)
		return s;
	size_t n = MOST_REASON;
	while (n > MOST_REASON - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return (struct pl_str){s.p, n};
}

static enum pl_err insert(struct pl_quarantine *q, const struct pl_quarantined *v)
{
	sqlite3_stmt *s = pl_sqlite_statement(&q->db, PL_QUARANTINE_INSERT);
	if (s == NULL)
		return PL_EIO;
	const struct tags t = tags_of(q, v->line);
	const struct pl_str texts[] = {pl_str_of(v->output),
				       pl_str_of(v->route != NULL ? v->route->database : ""),
				       pl_str_of(v->route != NULL ? v->route->retention_policy : ""),
				       pl_str_of(v->as != NULL ? v->as : "refused"),
				       t.measurement,
				       t.job,
				       t.instance};
	const struct pl_str reason = shortened(v->reason);
	uint64_t bytes = ROW_BYTES + v->line.n + reason.n;
	for (size_t i = 0; i < PL_COUNT_OF(texts); i++) {
		bytes += texts[i].n;
		pl_sqlite_bind_text(s, 3 + (int)i, texts[i]);
	}
	sqlite3_bind_int64(s, 1, v->refused_wall_ns);
	sqlite3_bind_int64(s, 2, (int64_t)bytes);
	pl_sqlite_bind_blob(s, 10, v->line);
	pl_sqlite_bind_blob(s, 11, reason);
	sqlite3_bind_int64(s, 12, (int64_t)pl_str_hash(v->line, 0));
	bool known = v->origin[0] != 0 || v->origin[1] != 0 || v->origin[2] != 0;
	for (int i = 0; i < 3; i++)
		known ? sqlite3_bind_int64(s, 13 + i, (int64_t)v->origin[i]) : sqlite3_bind_null(s, 13 + i);
	enum pl_err err = pl_sqlite_step(&q->db, s);
	if (err != PL_ENOENT)
		return err;
	if (sqlite3_changes(q->db.handle) == 0)
		return PL_OK;
	q->now.last_id = sqlite3_last_insert_rowid(q->db.handle);
	q->now.lines++;
	q->now.bytes += bytes;
	q->now.added++;
	return make_room(q);
}

static enum pl_err add_all(struct pl_quarantine *q, const struct pl_quarantined *v, size_t n, char *reason, size_t reason_size)
{
	struct pl_quarantine_stats before;
	enum pl_err err = begin(q, &before);
	for (size_t i = 0; err == PL_OK && i < n; i++)
		err = insert(q, &v[i]);
	return end(q, err, &before, reason, reason_size);
}

enum pl_err pl_quarantine_add(struct pl_quarantine *q, const struct pl_quarantined *v, size_t n, char *reason, size_t reason_size)
{
	if (n == 0)
		return PL_OK;
	pthread_mutex_lock(&q->lock);
	enum pl_err err = add_all(q, v, n, reason, reason_size);
	if (err != PL_OK && q->db.damaged)
		err = add_all(q, v, n, reason, reason_size); /* into a new file */
	if (err != PL_OK) {
		q->now.failed += n;
		err = PL_EIO;
	}
	publish(q);
	pthread_mutex_unlock(&q->lock);
	return err;
}

/* ---- reading ---- */

static void bind_optional(sqlite3_stmt *s, int at, struct pl_str v, bool blob)
{
	if (v.p == NULL)
		sqlite3_bind_null(s, at);
	else if (blob)
		pl_sqlite_bind_blob(s, at, v);
	else
		pl_sqlite_bind_text(s, at, v);
}

static sqlite3_stmt *filtered(struct pl_quarantine *q, enum pl_quarantine_statement which, const struct pl_quarantine_filter *f)
{
	sqlite3_stmt *s = pl_sqlite_statement(&q->db, which);
	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, f->id_from);
	sqlite3_bind_int64(s, 2, f->id_to != 0 ? f->id_to : INT64_MAX);
	sqlite3_bind_int64(s, 3, f->since_wall_ns != 0 ? f->since_wall_ns : INT64_MIN);
	sqlite3_bind_int64(s, 4, f->until_wall_ns != 0 ? f->until_wall_ns : INT64_MAX);
	bind_optional(s, 5, pl_str_of(f->output), false);
	bind_optional(s, 6, pl_str_of(f->as), false);
	bind_optional(s, 7, f->job, false);
	bind_optional(s, 8, f->instance, false);
	bind_optional(s, 9, f->measurement, false);
	bind_optional(s, 10, f->contains, true);
	return s;
}

static int64_t bounded(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

/* Calls `each` for the rows; false from it ends them. */
static enum pl_err walk(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t skip, uint64_t limit,
			bool (*each)(void *data, const struct pl_quarantined *line), void *data)
{
	sqlite3_stmt *s = filtered(q, PL_QUARANTINE_LIST, f);
	enum pl_err err = PL_EIO;
	if (s == NULL)
		return err;
	sqlite3_bind_int64(s, 11, bounded(limit));
	sqlite3_bind_int64(s, 12, bounded(skip));
	while ((err = pl_sqlite_step(&q->db, s)) == PL_OK) {
		const struct pl_route route = {.refs = 1,
					       .database = (const char *)sqlite3_column_text(s, 3),
					       .retention_policy = (const char *)sqlite3_column_text(s, 4)};
		const struct pl_quarantined line = {
		    .id = sqlite3_column_int64(s, 0),
		    .refused_wall_ns = sqlite3_column_int64(s, 1),
		    .output = (const char *)sqlite3_column_text(s, 2),
		    .route = &route,
		    .as = (const char *)sqlite3_column_text(s, 5),
		    .measurement = pl_sqlite_column(s, 6),
		    .job = pl_sqlite_column(s, 7),
		    .instance = pl_sqlite_column(s, 8),
		    .line = pl_sqlite_column(s, 9),
		    .reason = pl_sqlite_column(s, 10),
		};
		if (!each(data, &line))
			break;
	}
	sqlite3_reset(s);
	return err == PL_ENOENT ? PL_OK : err;
}

static enum pl_err count(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t *total)
{
	sqlite3_stmt *s = filtered(q, PL_QUARANTINE_COUNT, f);
	enum pl_err err = s != NULL ? pl_sqlite_step(&q->db, s) : PL_EIO;
	*total = err == PL_OK ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	if (err == PL_OK)
		sqlite3_reset(s);
	return err;
}

/* Reading has no transaction to undo, but a broken connection must not stay. */
static void end_reading(struct pl_quarantine *q, enum pl_err err)
{
	if (err != PL_OK)
		pl_sqlite_rollback(&q->db);
	publish(q);
}

enum pl_err pl_quarantine_list(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t skip, uint64_t limit,
			       bool (*each)(void *data, const struct pl_quarantined *line), void *data, uint64_t *total)
{
	pthread_mutex_lock(&q->lock);
	enum pl_err err = ready(q);
	if (err == PL_OK && total != NULL)
		err = count(q, f, total);
	if (err == PL_OK && limit > 0)
		err = walk(q, f, skip, limit, each, data);
	end_reading(q, err);
	pthread_mutex_unlock(&q->lock);
	return err;
}

enum pl_err pl_quarantine_outputs(struct pl_quarantine *q, const struct pl_quarantine_filter *f,
				  void (*each)(void *data, const char *output, uint64_t lines), void *data)
{
	pthread_mutex_lock(&q->lock);
	enum pl_err err = ready(q);
	sqlite3_stmt *s = err == PL_OK ? filtered(q, PL_QUARANTINE_OUTPUTS, f) : NULL;
	if (err == PL_OK && s == NULL)
		err = PL_EIO;
	while (err == PL_OK && (err = pl_sqlite_step(&q->db, s)) == PL_OK)
		each(data, (const char *)sqlite3_column_text(s, 0), (uint64_t)sqlite3_column_int64(s, 1));
	err = err == PL_ENOENT ? PL_OK : err;
	end_reading(q, err);
	pthread_mutex_unlock(&q->lock);
	return err;
}

/* ---- taking ---- */

struct taking {
	bool (*each)(void *data, const struct pl_quarantined *line);
	void *data;
	int64_t *ids; /* owned */
	size_t n, cap;
};

static bool take_one(void *data, const struct pl_quarantined *line)
{
	struct taking *t = data;
	if (t->each != NULL && !t->each(t->data, line))
		return true;
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 256 : 2 * t->cap;
		t->ids = pl_realloc(t->ids, t->cap * sizeof *t->ids);
	}
	t->ids[t->n++] = line->id;
	return true;
}

enum pl_err pl_quarantine_take(struct pl_quarantine *q, const struct pl_quarantine_filter *f, uint64_t limit,
			       bool (*each)(void *data, const struct pl_quarantined *line), void *data, uint64_t *deleted)
{
	struct taking t = {.each = each, .data = data};
	*deleted = 0;
	pthread_mutex_lock(&q->lock);
	struct pl_quarantine_stats before;
	enum pl_err err = begin(q, &before);
	if (err == PL_OK)
		err = walk(q, f, 0, limit, take_one, &t);
	for (size_t i = 0; err == PL_OK && i < t.n; i++) {
		sqlite3_stmt *s = pl_sqlite_statement(&q->db, PL_QUARANTINE_DELETE);
		if (s != NULL)
			sqlite3_bind_int64(s, 1, t.ids[i]);
		err = s != NULL ? remove_one(q, s) : PL_EIO;
	}
	if (err == PL_OK)
		*(each != NULL ? &q->now.replayed : &q->now.deleted) += t.n;
	err = end(q, err, &before, NULL, 0);
	*deleted = err == PL_OK ? t.n : 0;
	publish(q);
	pthread_mutex_unlock(&q->lock);
	free(t.ids);
	return err;
}
