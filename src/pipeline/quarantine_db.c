#include "pipeline/quarantine_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	APPLICATION_ID = 0x504c5152, /* "PLQR" */
	FORMAT = 1,
	BUSY_MS = 2000,
};

static const char schema[] =
    "CREATE TABLE line(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " output TEXT NOT NULL, database TEXT NOT NULL, retention_policy TEXT NOT NULL, label TEXT NOT NULL,"
    " measurement TEXT NOT NULL, job TEXT NOT NULL, instance TEXT NOT NULL, line BLOB NOT NULL, reason BLOB NOT NULL,"
    " hash INTEGER NOT NULL, segment INTEGER, record INTEGER, place INTEGER);"
    "CREATE UNIQUE INDEX line_origin ON line(segment, record, place, hash, output) WHERE segment IS NOT NULL;";

static const char *name_of(const struct pl_quarantine_db *db)
{
	return db->path != NULL ? db->path : "the quarantine in memory";
}

static enum pl_err refuse(struct pl_quarantine_db *db, enum pl_err err, const char *words)
{
	snprintf(db->reason, sizeof db->reason, "%s: %s", name_of(db), words);
	return err;
}

static enum pl_err note(struct pl_quarantine_db *db, int code)
{
	int os_error = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
	int extended = db->handle != NULL ? sqlite3_extended_errcode(db->handle) : code;
	const char *words = sqlite3_errstr(code);
	enum pl_err err = PL_EIO;
	bool io = (code & 0xff) == SQLITE_IOERR;
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		words = "another program holds its lock";
		break;
	case SQLITE_FULL:
		words = "no space left on the disk";
		break;
	case SQLITE_IOERR:
		words =
		    os_error == ENOSPC || os_error == EDQUOT ? "no space left on the disk" : "the disk does not read or write it";
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		words = "it cannot be written to";
		err = PL_EACCES;
		break;
	case SQLITE_CANTOPEN:
		words = "it cannot be opened";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		words = "the file is damaged";
		err = PL_EPARSE;
		db->damaged = db->path != NULL;
		break;
	}
	snprintf(db->reason, sizeof db->reason, "%.300s: %s (SQLite %d%s%s)", name_of(db), words, extended,
		 io && os_error != 0 ? ", " : "", io && os_error != 0 ? strerror(os_error) : "");
	return err;
}

static enum pl_err execute(struct pl_quarantine_db *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? PL_OK : note(db, code);
}

/* ---- opening ---- */

/* SQLite would make it with the umask's rights, and the files beside it with those of the first. */
static enum pl_err make_file(struct pl_quarantine_db *db)
{
	char parent[4096];
	const char *slash = strrchr(db->path, '/');
	if (slash != NULL && slash != db->path && (size_t)(slash - db->path) < sizeof parent) {
		snprintf(parent, sizeof parent, "%.*s", (int)(slash - db->path), db->path);
		if (mkdir(parent, 0750) != 0 && errno != EEXIST)
			goto failed;
	}
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		goto failed;
	close(fd);
	return PL_OK;
failed:;
	bool no_right =
	    errno == EACCES || errno == EPERM || errno == EROFS || errno == ENOTDIR || errno == EISDIR || errno == ENOENT;
	return refuse(db, no_right ? PL_EACCES : PL_EIO, strerror(errno));
}

static enum pl_err read_number(struct pl_quarantine_db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? PL_OK : note(db, code);
}

/* Nothing is ever written to a file that is not ours, nor is it set aside. */
static enum pl_err check_owner(struct pl_quarantine_db *db, bool *fresh)
{
	int64_t application, format, objects;
	enum pl_err err = read_number(db, "PRAGMA application_id", &application);
	if (err == PL_OK)
		err = read_number(db, "PRAGMA user_version", &format);
	if (err == PL_OK)
		err = read_number(db, "SELECT count(*) FROM sqlite_master", &objects);
	if (err != PL_OK)
		return err;
	*fresh = application == 0 && format == 0 && objects == 0;
	if (*fresh)
		return PL_OK;
	if (application != APPLICATION_ID)
		return refuse(db, PL_EVERSION, "this is the database of another program");
	if (format > FORMAT) {
		char words[96];
		snprintf(words, sizeof words, "written by a newer Pulseline (format %lld, this one knows %d)", (long long)format,
			 FORMAT);
		return refuse(db, PL_EVERSION, words);
	}
	return PL_OK;
}

/* The file is bounded, so that looking at all of it takes but a moment. */
static enum pl_err check_whole(struct pl_quarantine_db *db)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	bool whole = text != NULL && strcmp(text, "ok") == 0;
	sqlite3_finalize(s);
	if (whole)
		return PL_OK;
	return note(db, code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_CORRUPT : code);
}

static enum pl_err create_schema(struct pl_quarantine_db *db)
{
	char stamp[96];
	snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID, FORMAT);
	enum pl_err err = execute(db, "BEGIN IMMEDIATE");
	if (err == PL_OK)
		err = execute(db, schema);
	if (err == PL_OK)
		err = execute(db, stamp);
	return err == PL_OK ? execute(db, "COMMIT") : err;
}

static enum pl_err open_once(struct pl_quarantine_db *db)
{
	static const char pragmas[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1024;"
				      "PRAGMA mmap_size=0; PRAGMA journal_size_limit=4194304";
	bool fresh = true;
	enum pl_err err = db->path != NULL ? make_file(db) : PL_OK;
	if (err != PL_OK)
		return err;
	int code = sqlite3_open_v2(db->path != NULL ? db->path : ":memory:", &db->handle,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return note(db, code);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_extended_result_codes(db->handle, 1);
	err = check_owner(db, &fresh);
	if (err == PL_OK && sqlite3_db_readonly(db->handle, "main") == 1)
		return refuse(db, PL_EACCES, "it cannot be written to");
	if (err == PL_OK && !fresh)
		err = check_whole(db);
	if (err == PL_OK)
		err = execute(db, pragmas);
	if (err == PL_OK && fresh)
		err = create_schema(db);
	return err;
}

/* What is beside it belongs to it: a new file must not find an old one's log. */
static enum pl_err set_aside(struct pl_quarantine_db *db)
{
	static const char *const ends[] = {"-wal", "-shm", ""};
	char from[4096], to[4096];
	int64_t now = pl_clock_wall_ns();
	pl_quarantine_db_close(db);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		int n = snprintf(from, sizeof from, "%s%s", db->path, ends[i]);
		int m = snprintf(to, sizeof to, "%s.damaged-%lld%s", db->path, (long long)(now / PL_NS_PER_S), ends[i]);
		if (n < 0 || m < 0 || (size_t)n >= sizeof from || (size_t)m >= sizeof to)
			return refuse(db, PL_EINVAL, "the name is too long");
		if (rename(from, to) != 0 && errno != ENOENT)
			return refuse(db, PL_EIO, strerror(errno));
	}
	db->damaged = false;
	snprintf(db->reason, sizeof db->reason, "the quarantine was damaged; set aside as %.400s, a new one was begun", to);
	return PL_OK;
}

enum pl_err pl_quarantine_db_open(struct pl_quarantine_db *db)
{
	char told[sizeof db->reason] = "";
	enum pl_err err = db->damaged ? PL_EPARSE : open_once(db);
	if (err == PL_EPARSE && db->damaged) {
		err = set_aside(db);
		memcpy(told, db->reason, sizeof told);
		if (err == PL_OK)
			err = open_once(db);
	}
	if (err == PL_OK)
		memcpy(db->reason, told, sizeof told);
	else
		pl_quarantine_db_close(db);
	return err;
}

void pl_quarantine_db_close(struct pl_quarantine_db *db)
{
	for (size_t i = 0; i < PL_QUARANTINE_STATEMENT_COUNT; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* ---- statements ---- */

sqlite3_stmt *pl_quarantine_db_statement(struct pl_quarantine_db *db, enum pl_quarantine_statement which)
{
	static const char *const sql[] = {
#define X(name, text) text,
	    PL_QUARANTINE_STATEMENT_MAP(X)
#undef X
	};
	sqlite3_stmt **s = &db->statements[which];
	if (*s == NULL) {
		int code = sqlite3_prepare_v3(db->handle, sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
		if (code != SQLITE_OK)
			note(db, code);
	}
	return *s;
}

enum pl_err pl_quarantine_db_step(struct pl_quarantine_db *db, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return PL_OK;
	enum pl_err err = code == SQLITE_DONE ? PL_ENOENT : note(db, code);
	sqlite3_reset(s);
	return err;
}

enum pl_err pl_quarantine_db_run(struct pl_quarantine_db *db, enum pl_quarantine_statement which)
{
	sqlite3_stmt *s = pl_quarantine_db_statement(db, which);
	enum pl_err err = s != NULL ? pl_quarantine_db_step(db, s) : PL_EIO;
	if (err == PL_OK)
		sqlite3_reset(s);
	return err == PL_ENOENT ? PL_OK : err;
}

enum pl_err pl_quarantine_db_numbers(struct pl_quarantine_db *db, enum pl_quarantine_statement which, int64_t out[2])
{
	out[0] = out[1] = 0;
	sqlite3_stmt *s = pl_quarantine_db_statement(db, which);
	enum pl_err err = s != NULL ? pl_quarantine_db_step(db, s) : PL_EIO;
	if (err == PL_OK) {
		for (int i = 0; i < 2 && i < sqlite3_column_count(s); i++)
			out[i] = sqlite3_column_int64(s, i);
		sqlite3_reset(s);
	}
	return err == PL_ENOENT ? PL_OK : err;
}

void pl_quarantine_db_rollback(struct pl_quarantine_db *db)
{
	if (db->handle == NULL)
		return;
	int code = sqlite3_errcode(db->handle) & 0xff;
	for (size_t i = 0; i < PL_QUARANTINE_STATEMENT_COUNT; i++)
		if (db->statements[i] != NULL)
			sqlite3_reset(db->statements[i]);
	if (sqlite3_get_autocommit(db->handle) == 0)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	if (db->path != NULL && code != SQLITE_FULL && code != SQLITE_BUSY && code != SQLITE_LOCKED)
		pl_quarantine_db_close(db);
}

bool pl_quarantine_db_moved(struct pl_quarantine_db *db)
{
	int moved = 0;
	return db->path != NULL && db->handle != NULL &&
	       sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}
