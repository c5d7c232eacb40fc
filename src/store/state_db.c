#include "store/state_db.h"

#include <stdio.h>
#include <stdlib.h>

#define STATEMENT_MAP(X)                                                                                                         \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                              \
	X(COMMIT, "COMMIT")                                                                                                      \
	X(PUT, "INSERT INTO document(kind, id, body) VALUES (?1, ?2, ?3) ON CONFLICT(kind, id) DO UPDATE SET body = ?3")         \
	X(REMOVE, "DELETE FROM document WHERE kind = ?1 AND id = ?2")                                                            \
	X(LOAD, "SELECT id, body FROM document WHERE kind = ?1 ORDER BY id")                                                     \
	X(APPEND, "INSERT INTO event(subject, key, time, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(subject, key) DO NOTHING")    \
	X(TRIM_OLD, "DELETE FROM event WHERE subject = ?1 AND time < ?2")                                                        \
	X(TRIM_MOST, "DELETE FROM event WHERE subject = ?1 AND id <= (SELECT id FROM event INDEXED BY event_subject "            \
		     "WHERE subject = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)")                                                   \
	X(EVENTS, "SELECT id, time, body FROM event INDEXED BY event_subject WHERE subject = ?1 AND id < ?2 "                    \
		  "ORDER BY id DESC LIMIT ?3")                                                                                   \
	X(FORGET, "DELETE FROM event WHERE subject = ?1")                                                                        \
	X(SIZE, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")

enum statement {
#define X(name, sql) name,
	STATEMENT_MAP(X)
#undef X
	    STATEMENT_COUNT
};

static const char *const statements[] = {
#define X(name, sql) sql,
    STATEMENT_MAP(X)
#undef X
};

static const char schema[] =
    "CREATE TABLE document(kind BLOB NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, UNIQUE(kind, id));"
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, subject BLOB NOT NULL, key BLOB, time INTEGER NOT NULL,"
    " body BLOB NOT NULL, UNIQUE(subject, key));"
    "CREATE INDEX event_subject ON event(subject, id);"
    "CREATE INDEX event_time ON event(subject, time);";

const struct pl_sqlite_kind pl_state_kind = {
    .what = "the state",
    .application_id = 0x504c5354, /* "PLST" */
    .format = 1,
    .schema = schema,
    .sync = true,
    .statements = statements,
    .n_statements = STATEMENT_COUNT,
};

_Static_assert((int)STATEMENT_COUNT <= (int)PL_SQLITE_MOST_STATEMENTS, "they have a place");

void pl_state_call_free(struct pl_state_call *c)
{
	pl_buf_finish(&c->rows);
	pl_buf_finish(&c->text);
	free(c);
}

static int64_t bounded(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static enum pl_err trim(struct pl_sqlite_file *f, const struct pl_state_call *c)
{
	sqlite3_stmt *s = pl_sqlite_statement(f, TRIM_OLD);
	if (s != NULL) {
		pl_sqlite_bind_blob(s, 1, c->of);
		sqlite3_bind_int64(s, 2, c->oldest_ns);
	}
	enum pl_err err = pl_sqlite_run(f, s);
	if (err != PL_OK)
		return err;
	s = pl_sqlite_statement(f, TRIM_MOST);
	if (s != NULL) {
		pl_sqlite_bind_blob(s, 1, c->of);
		sqlite3_bind_int64(s, 2, bounded(c->most));
	}
	return pl_sqlite_run(f, s);
}

static enum pl_err append(struct pl_sqlite_file *f, sqlite3_stmt *s, struct pl_state_call *c)
{
	if (c->name.n > 0)
		pl_sqlite_bind_blob(s, 2, c->name);
	else
		sqlite3_bind_null(s, 2);
	sqlite3_bind_int64(s, 3, c->wall_ns);
	pl_sqlite_bind_blob(s, 4, c->body);
	enum pl_err err = pl_sqlite_run(f, s);
	if (err != PL_OK)
		return err;
	if (sqlite3_changes(f->handle) > 0)
		return trim(f, c);
	c->err = PL_EEXIST;
	return PL_OK;
}

static void keep_row(struct pl_state_call *c, struct pl_state_row row, struct pl_str name, struct pl_str body)
{
	row.name_bytes = name.n;
	row.body_bytes = body.n;
	pl_buf_add(&c->rows, &row, sizeof row);
	pl_buf_add_str(&c->text, name);
	pl_buf_add_str(&c->text, body);
}

static enum pl_err load(struct pl_sqlite_file *f, sqlite3_stmt *s, struct pl_state_call *c)
{
	enum pl_err err;
	while ((err = pl_sqlite_step(f, s)) == PL_OK)
		keep_row(c, (struct pl_state_row){0}, pl_sqlite_column(s, 0), pl_sqlite_column(s, 1));
	return err == PL_ENOENT ? PL_OK : err;
}

static enum pl_err events(struct pl_sqlite_file *f, sqlite3_stmt *s, struct pl_state_call *c)
{
	enum pl_err err;
	sqlite3_bind_int64(s, 2, c->before != 0 ? bounded(c->before) : INT64_MAX);
	sqlite3_bind_int64(s, 3, bounded(c->most));
	while ((err = pl_sqlite_step(f, s)) == PL_OK) {
		const struct pl_state_row row = {.id = (uint64_t)sqlite3_column_int64(s, 0),
						 .wall_ns = sqlite3_column_int64(s, 1)};
		keep_row(c, row, (struct pl_str){0}, pl_sqlite_column(s, 2));
	}
	return err == PL_ENOENT ? PL_OK : err;
}

static enum pl_err do_one(struct pl_sqlite_file *f, struct pl_state_call *c)
{
	static const enum statement of_op[] = {[PL_STATE_PUT] = PUT,       [PL_STATE_REMOVE] = REMOVE, [PL_STATE_APPEND] = APPEND,
					       [PL_STATE_FORGET] = FORGET, [PL_STATE_EVENTS] = EVENTS, [PL_STATE_LOAD] = LOAD};
	sqlite3_stmt *s = pl_sqlite_statement(f, of_op[c->op]);
	if (s == NULL)
		return PL_EIO;
	c->err = PL_OK;
	pl_buf_clear(&c->rows);
	pl_buf_clear(&c->text);
	pl_sqlite_bind_blob(s, 1, c->of);
	switch (c->op) {
	case PL_STATE_APPEND:
		return append(f, s, c);
	case PL_STATE_EVENTS:
		return events(f, s, c);
	case PL_STATE_LOAD:
		return load(f, s, c);
	case PL_STATE_PUT:
		pl_sqlite_bind_blob(s, 3, c->body);
		break;
	default:
		break;
	}
	if (c->op != PL_STATE_FORGET)
		pl_sqlite_bind_blob(s, 2, c->name);
	return pl_sqlite_run(f, s);
}

/* A connection: a new one after trouble, or when somebody took the file away. */
static enum pl_err ready(struct pl_sqlite_file *f, struct pl_log *log)
{
	if (pl_sqlite_moved(f)) {
		pl_warn(log, "the state's file was taken away; a new one is begun", PL_KVC("path", f->path));
		pl_sqlite_close(f);
	}
	if (f->handle != NULL)
		return PL_OK;
	enum pl_err err = pl_sqlite_open(f);
	if (err == PL_OK && f->reason[0] != '\0')
		pl_error(log, "state set aside", PL_KVC("reason", f->reason));
	return err;
}

static enum pl_err do_all(struct pl_sqlite_file *f, struct pl_state_call *first, struct pl_log *log)
{
	enum pl_err err = ready(f, log);
	if (err == PL_OK)
		err = pl_sqlite_run(f, pl_sqlite_statement(f, BEGIN));
	for (struct pl_state_call *c = first; c != NULL && err == PL_OK; c = c->next)
		err = do_one(f, c);
	if (err == PL_OK)
		err = pl_sqlite_run(f, pl_sqlite_statement(f, COMMIT));
	if (err != PL_OK)
		pl_sqlite_rollback(f);
	return err;
}

static enum pl_err told(const struct pl_sqlite_file *f, enum pl_err err)
{
	if (err == PL_EIO && f->full)
		return PL_EFULL;
	return err == PL_EPARSE ? PL_EIO : err;
}

enum pl_err pl_state_db_do(struct pl_sqlite_file *f, struct pl_state_call *first, struct pl_log *log, char *reason,
			   size_t reason_size)
{
	enum pl_err err = do_all(f, first, log);
	if (err != PL_OK && f->damaged)
		err = do_all(f, first, log); /* into a new file */
	if (err == PL_OK)
		return PL_OK;
	err = told(f, err);
	snprintf(reason, reason_size, "%s", f->reason);
	for (struct pl_state_call *c = first; c != NULL; c = c->next) {
		c->err = err;
		if (!pl_state_op_reads(c->op))
			continue;
		enum pl_err alone = ready(f, log);
		if (alone == PL_OK)
			alone = do_one(f, c);
		if (alone != PL_OK)
			pl_sqlite_rollback(f);
		c->err = told(f, alone);
	}
	return err;
}

uint64_t pl_state_db_bytes(struct pl_sqlite_file *f)
{
	int64_t v[2] = {0, 0};
	if (f->handle != NULL && pl_sqlite_numbers(f, SIZE, v) != PL_OK)
		pl_sqlite_rollback(f);
	return (uint64_t)v[0];
}
