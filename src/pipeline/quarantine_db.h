/* The SQLite file behind the quarantine: opening, checking and setting it aside, its statements, and what its errors mean.
 *
 *   line   one row per refused line; ids grow and never come again. `bytes` is what the row counts against the bound.
 *
 * `hash` stands in the index of origins beside the place, so that a spool that was begun anew cannot hide a new line behind an
 * old one of the same place. Line and reason are blobs: any bytes, compared as bytes. One user at a time. */
#ifndef PL_PIPELINE_QUARANTINE_DB_H
#define PL_PIPELINE_QUARANTINE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The conditions of a pl_quarantine_filter, parameters 1 to 10. */
#define PL_QUARANTINE_WHERE                                                                                                      \
	"FROM line WHERE id BETWEEN ?1 AND ?2 AND time BETWEEN ?3 AND ?4 AND (?5 IS NULL OR output = ?5) AND "                   \
	"(?6 IS NULL OR label = ?6) AND (?7 IS NULL OR job = ?7) AND (?8 IS NULL OR instance = ?8) AND "                         \
	"(?9 IS NULL OR measurement = ?9) AND (?10 IS NULL OR instr(line, ?10) > 0 OR instr(reason, ?10) > 0) "

#define PL_QUARANTINE_STATEMENT_MAP(X)                                                                                           \
	X(PL_QUARANTINE_BEGIN, "BEGIN IMMEDIATE")                                                                                \
	X(PL_QUARANTINE_COMMIT, "COMMIT")                                                                                        \
	X(PL_QUARANTINE_INSERT,                                                                                                  \
	  "INSERT INTO line(time, bytes, output, database, retention_policy, label, measurement, job, instance, line, reason, "  \
	  "hash, segment, record, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "             \
	  "ON CONFLICT DO NOTHING")                                                                                              \
	X(PL_QUARANTINE_EVICT, "DELETE FROM line WHERE id = (SELECT min(id) FROM line) RETURNING bytes")                         \
	X(PL_QUARANTINE_DELETE, "DELETE FROM line WHERE id = ?1 RETURNING bytes")                                                \
	X(PL_QUARANTINE_SUMS, "SELECT count(*), coalesce(sum(bytes), 0) FROM line")                                              \
	X(PL_QUARANTINE_OLDEST, "SELECT time FROM line ORDER BY id LIMIT 1")                                                     \
	X(PL_QUARANTINE_LAST, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'line'")                           \
	X(PL_QUARANTINE_LIST, "SELECT id, time, output, database, retention_policy, label, measurement, job, instance, line, "   \
			      "reason " PL_QUARANTINE_WHERE "ORDER BY id LIMIT ?11 OFFSET ?12")                                  \
	X(PL_QUARANTINE_COUNT, "SELECT count(*) " PL_QUARANTINE_WHERE)                                                           \
	X(PL_QUARANTINE_OUTPUTS, "SELECT output, count(*) " PL_QUARANTINE_WHERE "GROUP BY output")

enum pl_quarantine_statement {
#define X(name, sql) name,
	PL_QUARANTINE_STATEMENT_MAP(X)
#undef X
	    PL_QUARANTINE_STATEMENT_COUNT
};

struct pl_quarantine_db {
	const char *path; /* NULL: in memory; borrowed */
	sqlite3 *handle;  /* NULL: closed */
	sqlite3_stmt *statements[PL_QUARANTINE_STATEMENT_COUNT];
	bool damaged;     /* an error said so: set aside when it is opened next */
	char reason[512]; /* of the last failure; after opening: "", or what became of a damaged file */
};

/* Opens, makes or checks the file. A damaged one is renamed to <path>.damaged-<Unix time> and a new one begun: PL_OK, and
 * `reason` tells. PL_EVERSION: a newer one, or another program's; PL_EACCES: no right; PL_EIO: the disk. */
PL_MUST_CHECK enum pl_err pl_quarantine_db_open(struct pl_quarantine_db *db);
void pl_quarantine_db_close(struct pl_quarantine_db *db); /* may be opened again */

/* A prepared statement ready for binding, or NULL (reason is set). */
sqlite3_stmt *pl_quarantine_db_statement(struct pl_quarantine_db *db, enum pl_quarantine_statement which);

/* A row is PL_OK; the end PL_ENOENT (and the statement is reset); anything else is told in reason, and the statement reset. */
PL_MUST_CHECK enum pl_err pl_quarantine_db_step(struct pl_quarantine_db *db, sqlite3_stmt *s);

/* For statements without parameters that return nothing. */
PL_MUST_CHECK enum pl_err pl_quarantine_db_run(struct pl_quarantine_db *db, enum pl_quarantine_statement which);

/* For statements that return one row of numbers: reads up to two of its columns. No row leaves zeros. */
PL_MUST_CHECK enum pl_err pl_quarantine_db_numbers(struct pl_quarantine_db *db, enum pl_quarantine_statement which,
						   int64_t out[2]);

/* Undoes an open transaction, if there is one; after trouble that a new connection may cure it also closes. */
void pl_quarantine_db_rollback(struct pl_quarantine_db *db);

/* Is the file no longer where it was opened? */
bool pl_quarantine_db_moved(struct pl_quarantine_db *db);

#endif
