#include "out_local/database.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	APPLICATION_ID = 0x504c5053, /* "PLPS" */
	FORMAT = 1,
	PAGE_BYTES = 4096,
	BUSY_MS = 2000,
	LOOKASIDE_SLOT_BYTES = 256,
	LOOKASIDE_SLOTS = 64,
};

static const char schema[] = "CREATE TABLE metric(id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, field TEXT NOT NULL,"
			     " UNIQUE(measurement, field));"
			     "CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, hash INTEGER NOT NULL,"
			     " metric INTEGER NOT NULL, seen INTEGER NOT NULL, tags TEXT NOT NULL);"
			     "CREATE INDEX series_hash ON series(hash);"
			     "CREATE INDEX series_metric ON series(metric);"
			     "CREATE TABLE tag_key(key TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;"
			     "CREATE TABLE frame(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, chunk INTEGER NOT NULL,"
			     " samples INTEGER NOT NULL, data BLOB NOT NULL);"
			     "CREATE UNIQUE INDEX frame_time ON frame(time, chunk);";

void pl_local_database_init(struct pl_local_database *db, const struct pl_local_database_options *options)
{
	*db = (struct pl_local_database){.options = *options};
}

static enum pl_local_trouble trouble_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return PL_LOCAL_BUSY;
	case SQLITE_FULL:
		return PL_LOCAL_FULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return PL_LOCAL_REFUSED;
	default:
		return PL_LOCAL_IO;
	}
}

static enum pl_err err_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return PL_EFULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return PL_EACCES;
	default:
		return PL_EIO;
	}
}

static const char *words_of(int code, bool at_limit)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another program holds its lock";
	case SQLITE_FULL:
		return at_limit ? "max_bytes is reached" : "no space left on the disk";
	case SQLITE_READONLY:
		return "it cannot be written to";
	case SQLITE_CANTOPEN:
		return "it cannot be opened";
	case SQLITE_CORRUPT:
		return "the file is damaged; move it away to begin a new one";
	case SQLITE_NOTADB:
		return "the file is not an SQLite database";
	case SQLITE_IOERR:
		return "the disk does not read or write it";
	default:
		return sqlite3_errstr(code);
	}
}

static enum pl_err refuse(struct pl_local_database *db, enum pl_err err, const char *words)
{
	db->trouble = PL_LOCAL_REFUSED;
	snprintf(db->reason, sizeof db->reason, "%s: %s", db->options.path, words);
	return err;
}

static uint64_t page_limit(const struct pl_local_database *db)
{
	/* room for the b-trees' own growth between two trims */
	return db->options.max_bytes / PAGE_BYTES + db->options.max_bytes / PAGE_BYTES / 16 + 512;
}

/* SQLite says "full" for a full disk and for its own page limit, and does not keep the system's reason. */
static bool at_page_limit(struct pl_local_database *db)
{
	sqlite3_stmt *s = NULL;
	uint64_t pages = 0;
	if (db->handle != NULL && sqlite3_prepare_v2(db->handle, "PRAGMA page_count", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		pages = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return pages + 1 >= page_limit(db);
}

static enum pl_err note(struct pl_local_database *db, int code)
{
	int extended = db->handle != NULL ? sqlite3_extended_errcode(db->handle) : code;
	int os_error = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
	bool io = (code & 0xff) == SQLITE_IOERR;
	if ((extended & 0xff) != (code & 0xff))
		extended = code;
	if (io && (os_error == ENOSPC || os_error == EDQUOT))
		code = SQLITE_FULL;
	db->trouble = trouble_of(code);
	const char *words = words_of(code, (code & 0xff) == SQLITE_FULL && !io && at_page_limit(db));
	snprintf(db->reason, sizeof db->reason, "%s: %s (SQLite %d%s%s)", db->options.path, words, extended,
		 io && os_error != 0 ? ", " : "", io && os_error != 0 ? strerror(os_error) : "");
	return err_of(code);
}

static enum pl_err execute(struct pl_local_database *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? PL_OK : note(db, code);
}

static enum pl_err read_number(struct pl_local_database *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? PL_OK : note(db, code);
}

static enum pl_err make_parent(struct pl_local_database *db)
{
	char parent[4096];
	const char *slash = strrchr(db->options.path, '/');
	if (slash == NULL || slash == db->options.path)
		return PL_OK;
	if ((size_t)(slash - db->options.path) >= sizeof parent)
		return refuse(db, PL_EINVAL, "the name is too long");
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - db->options.path), db->options.path);
	if (mkdir(parent, 0750) == 0 || errno == EEXIST)
		return PL_OK;
	enum pl_local_trouble trouble = errno == ENOSPC || errno == EDQUOT ? PL_LOCAL_FULL : PL_LOCAL_REFUSED;
	snprintf(db->reason, sizeof db->reason, "%.100s: cannot make the directory %.80s: %s", db->options.path, parent,
		 strerror(errno));
	db->trouble = trouble;
	return trouble == PL_LOCAL_FULL ? PL_EFULL : PL_EACCES;
}

/* Nothing is ever written to a file that is not ours. */
static enum pl_err check_owner(struct pl_local_database *db, bool *fresh)
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
		return refuse(db, PL_EVERSION, "this is the database of another program; give another path");
	if (format > FORMAT) {
		char words[96];
		snprintf(words, sizeof words, "written by a newer Pulseline (format %lld, this one knows %d)", (long long)format,
			 FORMAT);
		return refuse(db, PL_EVERSION, words);
	}
	return PL_OK;
}

static enum pl_err create_schema(struct pl_local_database *db)
{
	char stamp[96];
	snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID, FORMAT);
	enum pl_err err = execute(db, "BEGIN IMMEDIATE");
	if (err == PL_OK)
		err = execute(db, schema);
	if (err == PL_OK)
		err = execute(db, stamp);
	if (err == PL_OK)
		err = execute(db, "COMMIT");
	return err;
}

static enum pl_err set_up(struct pl_local_database *db)
{
	char pragmas[256];
	bool fresh = false;
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_extended_result_codes(db->handle, 1);
	enum pl_err err = check_owner(db, &fresh);
	if (err != PL_OK)
		return err;
	if (sqlite3_db_readonly(db->handle, "main") == 1)
		return refuse(db, PL_EACCES, "it cannot be written to");
	if (fresh)
		err = execute(db, "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL");
	snprintf(pragmas, sizeof pragmas,
		 "PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA cache_size=-512; PRAGMA mmap_size=0;"
		 "PRAGMA journal_size_limit=4194304; PRAGMA max_page_count=%llu",
		 db->options.fsync ? "FULL" : "NORMAL", (unsigned long long)page_limit(db));
	if (err == PL_OK)
		err = execute(db, pragmas);
	if (err == PL_OK && fresh)
		err = create_schema(db);
	return err;
}

enum pl_err pl_local_database_open(struct pl_local_database *db)
{
	db->trouble = PL_LOCAL_FINE;
	if (db->handle != NULL)
		return PL_OK;
	enum pl_err err = make_parent(db);
	if (err != PL_OK)
		return err;
	int code = sqlite3_open_v2(db->options.path, &db->handle,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SLOT_BYTES, LOOKASIDE_SLOTS);
		err = set_up(db);
	} else {
		err = note(db, code);
	}
	if (err != PL_OK) {
		pl_local_database_close(db);
		return err;
	}
	db->opened++;
	return PL_OK;
}

void pl_local_database_close(struct pl_local_database *db)
{
	for (size_t i = 0; i < PL_LOCAL_STATEMENT_COUNT; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
}

sqlite3_stmt *pl_local_statement(struct pl_local_database *db, enum pl_local_statement which)
{
	static const char *const sql[] = {
#define X(name, text) text,
	    PL_LOCAL_STATEMENT_MAP(X)
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

enum pl_err pl_local_step(struct pl_local_database *db, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return PL_OK;
	enum pl_err err = code == SQLITE_DONE ? PL_ENOENT : note(db, code);
	sqlite3_reset(s);
	return err;
}

enum pl_err pl_local_run(struct pl_local_database *db, sqlite3_stmt *s)
{
	enum pl_err err = pl_local_step(db, s);
	if (err == PL_OK)
		sqlite3_reset(s);
	return err == PL_ENOENT ? PL_OK : err;
}

void pl_local_rollback(struct pl_local_database *db)
{
	if (db->handle == NULL)
		return;
	for (size_t i = 0; i < PL_LOCAL_STATEMENT_COUNT; i++) {
		if (db->statements[i] != NULL)
			sqlite3_reset(db->statements[i]);
	}
	if (sqlite3_get_autocommit(db->handle) == 0)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	if (db->trouble == PL_LOCAL_IO || db->trouble == PL_LOCAL_REFUSED)
		pl_local_database_close(db);
}

void pl_local_bind(sqlite3_stmt *s, int at, struct pl_str text)
{
	sqlite3_bind_text(s, at, text.n > 0 ? text.p : "", (int)text.n, SQLITE_STATIC);
}

void pl_local_bind_blob(sqlite3_stmt *s, int at, struct pl_str bytes)
{
	sqlite3_bind_blob(s, at, bytes.n > 0 ? bytes.p : "", (int)bytes.n, SQLITE_STATIC);
}

struct pl_str pl_local_column(sqlite3_stmt *s, int at)
{
	const char *p = sqlite3_column_blob(s, at);
	return (struct pl_str){p, p != NULL ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

enum pl_err pl_local_used_bytes(struct pl_local_database *db, uint64_t *used, uint64_t *free_bytes)
{
	sqlite3_stmt *s = pl_local_statement(db, PL_LOCAL_PAGES);
	if (s == NULL)
		return PL_EIO;
	enum pl_err err = pl_local_step(db, s);
	if (err != PL_OK)
		return err == PL_ENOENT ? PL_EIO : err;
	uint64_t pages = (uint64_t)sqlite3_column_int64(s, 0), unused = (uint64_t)sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	*used = (pages - unused) * PAGE_BYTES;
	*free_bytes = unused * PAGE_BYTES;
	return PL_OK;
}

enum pl_err pl_local_vacuum(struct pl_local_database *db, unsigned pages)
{
	char sql[64];
	snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%u)", pages);
	return execute(db, sql);
}

bool pl_local_database_moved(struct pl_local_database *db)
{
	int moved = 0;
	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}
