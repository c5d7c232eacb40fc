/* A SQLite file of ours: opening, checking and setting it aside, its prepared statements, and what its errors mean. One user at a
 * time; what is in it stands in a `struct pl_sqlite_kind`. */
#ifndef PL_PIPELINE_SQLITE_FILE_H
#define PL_PIPELINE_SQLITE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { PL_SQLITE_MOST_STATEMENTS = 16 };

struct pl_sqlite_kind {
	const char *what;   /* "the quarantine" */
	int application_id; /* a file with another one is refused */
	int format;         /* user_version; one with a higher one is refused */
	const char *schema; /* the statements that make its tables */
	bool sync;          /* a commit waits for the medium; else it only outlives the process */
	const char *const *statements;
	size_t n_statements; /* at most PL_SQLITE_MOST_STATEMENTS */
};

struct pl_sqlite_file {
	const struct pl_sqlite_kind *kind; /* borrowed */
	const char *path;                  /* NULL: in memory; borrowed */
	sqlite3 *handle;                   /* NULL: closed */
	sqlite3_stmt *statements[PL_SQLITE_MOST_STATEMENTS];
	bool damaged;     /* an error said so: set aside when it is opened next */
	bool full;        /* the last failure was for want of room */
	char reason[512]; /* of the last failure; after opening: "", or what became of a damaged file */
};

/* Opens, makes (mode 0600, its directory 0700) or checks the file. A damaged one is renamed to <path>.damaged-<Unix time> and a
 * new one begun: PL_OK, and `reason` tells. PL_EVERSION: a newer one, or another program's; PL_EACCES: no right; PL_EIO: the
 * disk. */
PL_MUST_CHECK enum pl_err pl_sqlite_open(struct pl_sqlite_file *f);
void pl_sqlite_close(struct pl_sqlite_file *f); /* may be opened again */

/* The prepared statement of that number ready for binding, or NULL (reason is set). */
sqlite3_stmt *pl_sqlite_statement(struct pl_sqlite_file *f, size_t which);

/* Borrow the bytes until the statement's next step to its end. */
void pl_sqlite_bind_text(sqlite3_stmt *s, int at, struct pl_str text);
void pl_sqlite_bind_blob(sqlite3_stmt *s, int at, struct pl_str bytes);
struct pl_str pl_sqlite_column(sqlite3_stmt *s, int at); /* valid until the next step */

/* A row is PL_OK; the end PL_ENOENT (and the statement is reset); anything else is told in reason, and the statement reset. */
PL_MUST_CHECK enum pl_err pl_sqlite_step(struct pl_sqlite_file *f, sqlite3_stmt *s);

/* Steps once, rows or not, and resets. NULL, as pl_sqlite_statement may give it, is PL_EIO. */
PL_MUST_CHECK enum pl_err pl_sqlite_run(struct pl_sqlite_file *f, sqlite3_stmt *s);

/* For statements that return one row of numbers: reads up to two of its columns. No row leaves zeros. */
PL_MUST_CHECK enum pl_err pl_sqlite_numbers(struct pl_sqlite_file *f, size_t which, int64_t out[2]);

/* Undoes an open transaction, if there is one; after trouble that a new connection may cure it also closes. */
void pl_sqlite_rollback(struct pl_sqlite_file *f);

/* Is the file no longer where it was opened? */
bool pl_sqlite_moved(struct pl_sqlite_file *f);

#endif
