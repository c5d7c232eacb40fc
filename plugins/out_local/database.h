/* The SQLite database behind the local store: opening and checking it, its schema, its statements, and what its errors mean.
 *
 *   metric   what /keys lists: one row per measurement and field
 *   series   one row per metric and tag set; 256 neighbouring ids make a chunk
 *   tag_key  what /tags lists
 *   frame    the samples of one chunk at one moment (see frame.h); unique by time and chunk, so that a batch that comes twice
 *            leaves the same rows, and new rows go to the end of both b-trees
 *
 * INDEXED BY, because without statistics SQLite may walk all series of a metric to find one (100 times slower, seen on 3.40).
 *
 * `seen` is the day (since 1970) on which a series was last looked up: those not seen for longer than the retention are removed.
 * One thread. */
#ifndef PL_OUT_LOCAL_DATABASE_H
#define PL_OUT_LOCAL_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define PL_LOCAL_STATEMENT_MAP(X)                                                                                                \
	X(PL_LOCAL_BEGIN, "BEGIN IMMEDIATE")                                                                                     \
	X(PL_LOCAL_COMMIT, "COMMIT")                                                                                             \
	X(PL_LOCAL_PAGES, "SELECT p.page_count, f.freelist_count FROM pragma_page_count p, pragma_freelist_count f")             \
	X(PL_LOCAL_METRIC_FIND, "SELECT id FROM metric WHERE measurement = ?1 AND field = ?2")                                   \
	X(PL_LOCAL_METRIC_ADD, "INSERT INTO metric(measurement, field) VALUES (?1, ?2)")                                         \
	X(PL_LOCAL_METRIC_LIST, "SELECT measurement, field FROM metric")                                                         \
	X(PL_LOCAL_METRIC_CLEAN, "DELETE FROM metric WHERE NOT EXISTS (SELECT 1 FROM series WHERE series.metric = metric.id)")   \
	X(PL_LOCAL_SERIES_FIND,                                                                                                  \
	  "SELECT id, seen FROM series INDEXED BY series_hash WHERE hash = ?1 AND metric = ?2 AND tags = ?3")                    \
	X(PL_LOCAL_SERIES_ADD, "INSERT INTO series(hash, metric, seen, tags) VALUES (?1, ?2, ?3, ?4)")                           \
	X(PL_LOCAL_SERIES_SEEN, "UPDATE series SET seen = ?2 WHERE id = ?1")                                                     \
	X(PL_LOCAL_SERIES_TAGS, "SELECT tags FROM series WHERE id = ?1")                                                         \
	X(PL_LOCAL_SERIES_COUNT, "SELECT count(*), coalesce(max(id), 0) FROM series")                                            \
	X(PL_LOCAL_SERIES_CLEAN, "DELETE FROM series WHERE id > ?1 AND id <= ?2 AND seen < ?3")                                  \
	X(PL_LOCAL_SERIES_MATCH, "SELECT s.id, m.field = ?1, s.tags FROM metric m JOIN series s ON s.metric = m.id "             \
				 "WHERE m.measurement = ?1 AND m.field IN (?1, 'value') ORDER BY s.id")                          \
	X(PL_LOCAL_TAG_KEY_SEEN, "INSERT INTO tag_key(key, seen) VALUES (?1, ?2) "                                               \
				 "ON CONFLICT(key) DO UPDATE SET seen = excluded.seen WHERE seen < excluded.seen")               \
	X(PL_LOCAL_TAG_KEY_LIST, "SELECT key FROM tag_key")                                                                      \
	X(PL_LOCAL_TAG_KEY_CLEAN, "DELETE FROM tag_key WHERE seen < ?1")                                                         \
	X(PL_LOCAL_FRAME_ADD, "INSERT INTO frame(time, chunk, samples, data) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")    \
	X(PL_LOCAL_FRAME_FIND, "SELECT id, data FROM frame WHERE time = ?1 AND chunk = ?2")                                      \
	X(PL_LOCAL_FRAME_SET, "UPDATE frame SET samples = ?2, data = ?3 WHERE id = ?1")                                          \
	X(PL_LOCAL_FRAME_DATA, "SELECT data FROM frame WHERE id = ?1")                                                           \
	X(PL_LOCAL_FRAME_SCAN, "SELECT id, time, chunk FROM frame WHERE time > ?1 AND time <= ?2 ORDER BY time DESC")            \
	X(PL_LOCAL_FRAME_EXPIRE, "DELETE FROM frame WHERE id IN (SELECT id FROM frame WHERE time < ?1 ORDER BY time LIMIT ?2) "  \
				 "RETURNING samples")

enum pl_local_statement {
#define X(name, sql) name,
	PL_LOCAL_STATEMENT_MAP(X)
#undef X
	    PL_LOCAL_STATEMENT_COUNT
};

struct pl_local_database_options {
	const char *path;
	uint64_t max_bytes;
	bool fsync; /* wait for the disk at every delivery, not only at checkpoints */
	struct pl_log *log;
};

/* What became of the last failed call. */
enum pl_local_trouble {
	PL_LOCAL_FINE,
	PL_LOCAL_BUSY,    /* somebody else holds the lock */
	PL_LOCAL_FULL,    /* the disk, or max_bytes */
	PL_LOCAL_IO,      /* the disk fails */
	PL_LOCAL_REFUSED, /* another program's, too new, damaged, read-only, no right: needs a person */
};

struct pl_local_database {
	struct pl_local_database_options options;
	sqlite3 *handle; /* NULL: closed */
	sqlite3_stmt *statements[PL_LOCAL_STATEMENT_COUNT];
	uint64_t opened; /* how often; ids remembered from before are void */
	enum pl_local_trouble trouble;
	char reason[256];
};

/* Borrows the strings of options. Opens nothing yet. */
void pl_local_database_init(struct pl_local_database *db, const struct pl_local_database_options *options);
void pl_local_database_close(struct pl_local_database *db); /* may be opened again */

/* Opens, creates, checks, unless it is open. On failure trouble and reason tell. */
PL_MUST_CHECK enum pl_err pl_local_database_open(struct pl_local_database *db);

/* A prepared statement ready for binding, or NULL (trouble is set). */
sqlite3_stmt *pl_local_statement(struct pl_local_database *db, enum pl_local_statement which);

/* SQLITE_ROW or SQLITE_DONE are PL_OK and PL_ENOENT; anything else is noted as trouble. The statement is reset unless there is a
 * row. */
PL_MUST_CHECK enum pl_err pl_local_step(struct pl_local_database *db, sqlite3_stmt *s);

/* For statements that return nothing. */
PL_MUST_CHECK enum pl_err pl_local_run(struct pl_local_database *db, sqlite3_stmt *s);

/* Undoes an open transaction, if there is one. After trouble that a new connection may cure it also closes. */
void pl_local_rollback(struct pl_local_database *db);

void pl_local_bind(sqlite3_stmt *s, int at, struct pl_str text); /* as text; the bytes must live until the reset */
void pl_local_bind_blob(sqlite3_stmt *s, int at, struct pl_str bytes);
struct pl_str pl_local_column(sqlite3_stmt *s, int at); /* of a row; valid until the next step or reset */

/* Bytes in use, free pages not counted. */
PL_MUST_CHECK enum pl_err pl_local_used_bytes(struct pl_local_database *db, uint64_t *used, uint64_t *free_bytes);

/* Is the file no longer where it was opened? */
bool pl_local_database_moved(struct pl_local_database *db);

/* Gives up to `pages` free pages back to the file system. */
PL_MUST_CHECK enum pl_err pl_local_vacuum(struct pl_local_database *db, unsigned pages);

#endif
