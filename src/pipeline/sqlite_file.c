#include "pipeline/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { BUSY_MS = 2000 };

static const char *name_of(const struct pl_sqlite_file *f)
{
	return f->path != NULL ? f->path : f->kind->what;
}

static enum pl_err refuse(struct pl_sqlite_file *f, enum pl_err err, const char *words)
{
	snprintf(f->reason, sizeof f->reason, "%s: %s", name_of(f), words);
	return err;
}

/* What the system said to the last call that failed. SQLite does not keep it for a commit, but the files do. */
static int system_error(sqlite3 *handle)
{
	static const int pointers[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
	int error = handle != NULL ? sqlite3_system_errno(handle) : 0;
	for (size_t i = 0; handle != NULL && error == 0 && i < sizeof pointers / sizeof pointers[0]; i++) {
		sqlite3_file *file = NULL;
		if (sqlite3_file_control(handle, "main", pointers[i], &file) == SQLITE_OK && file != NULL &&
		    file->pMethods != NULL && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK)
			error = 0;
	}
	return error;
}

static enum pl_err note(struct pl_sqlite_file *f, int code)
{
	int os_error = (code & 0xff) == SQLITE_IOERR ? system_error(f->handle) : 0;
	int extended = f->handle != NULL ? sqlite3_extended_errcode(f->handle) : code;
	const char *words = sqlite3_errstr(code);
	enum pl_err err = PL_EIO;
	bool io = (code & 0xff) == SQLITE_IOERR;
	f->full = (code & 0xff) == SQLITE_FULL || (io && (os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG));
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		words = "another program holds its lock";
		break;
	case SQLITE_FULL:
		words = "no space left on the disk";
		break;
	case SQLITE_IOERR:
		words = f->full ? "no space left on the disk" : "the disk does not read or write it";
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
		f->damaged = f->path != NULL;
		break;
	}
	snprintf(f->reason, sizeof f->reason, "%.300s: %s (SQLite %d%s%s)", name_of(f), words, extended,
		 io && os_error != 0 ? ", " : "", io && os_error != 0 ? strerror(os_error) : "");
	return err;
}

static enum pl_err execute(struct pl_sqlite_file *f, const char *sql)
{
	int code = sqlite3_exec(f->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? PL_OK : note(f, code);
}

/* ---- opening ---- */

/* SQLite would make it with the umask's rights, and the files beside it with those of the first. */
static enum pl_err make_file(struct pl_sqlite_file *f)
{
	char parent[4096];
	const char *slash = strrchr(f->path, '/');
	if (slash != NULL && slash != f->path && (size_t)(slash - f->path) < sizeof parent) {
		snprintf(parent, sizeof parent, "%.*s", (int)(slash - f->path), f->path);
		if (mkdir(parent, 0700) != 0 && errno != EEXIST)
			goto failed;
	}
	int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		goto failed;
	close(fd);
	return PL_OK;
failed:;
	f->full = errno == ENOSPC || errno == EDQUOT;
	bool no_right =
	    errno == EACCES || errno == EPERM || errno == EROFS || errno == ENOTDIR || errno == EISDIR || errno == ENOENT;
	return refuse(f, no_right ? PL_EACCES : PL_EIO, strerror(errno));
}

static enum pl_err read_number(struct pl_sqlite_file *f, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(f->handle, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? PL_OK : note(f, code);
}

/* Nothing is ever written to a file that is not ours, nor is it set aside. */
static enum pl_err check_owner(struct pl_sqlite_file *f, bool *fresh)
{
	int64_t application, format, objects;
	enum pl_err err = read_number(f, "PRAGMA application_id", &application);
	if (err == PL_OK)
		err = read_number(f, "PRAGMA user_version", &format);
	if (err == PL_OK)
		err = read_number(f, "SELECT count(*) FROM sqlite_master", &objects);
	if (err != PL_OK)
		return err;
	*fresh = application == 0 && format == 0 && objects == 0;
	if (*fresh)
		return PL_OK;
	if (application != f->kind->application_id)
		return refuse(f, PL_EVERSION, "this is the database of another program");
	if (format > f->kind->format) {
		char words[96];
		snprintf(words, sizeof words, "written by a newer Pulseline (format %lld, this one knows %d)", (long long)format,
			 f->kind->format);
		return refuse(f, PL_EVERSION, words);
	}
	return PL_OK;
}

/* The file is bounded, so that looking at all of it takes but a moment. */
static enum pl_err check_whole(struct pl_sqlite_file *f)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(f->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	bool whole = text != NULL && strcmp(text, "ok") == 0;
	sqlite3_finalize(s);
	if (whole)
		return PL_OK;
	return note(f, code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_CORRUPT : code);
}

static enum pl_err create_schema(struct pl_sqlite_file *f)
{
	char stamp[96];
	snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d;", f->kind->application_id,
		 f->kind->format);
	enum pl_err err = execute(f, "BEGIN IMMEDIATE");
	if (err == PL_OK)
		err = execute(f, f->kind->schema);
	if (err == PL_OK)
		err = execute(f, stamp);
	return err == PL_OK ? execute(f, "COMMIT") : err;
}

static enum pl_err open_once(struct pl_sqlite_file *f)
{
	static const char pragmas[] = "PRAGMA journal_mode=WAL; PRAGMA cache_size=-1024; PRAGMA mmap_size=0;"
				      "PRAGMA journal_size_limit=4194304";
	bool fresh = true;
	enum pl_err err = f->path != NULL ? make_file(f) : PL_OK;
	if (err != PL_OK)
		return err;
	int code = sqlite3_open_v2(f->path != NULL ? f->path : ":memory:", &f->handle,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return note(f, code);
	sqlite3_busy_timeout(f->handle, BUSY_MS);
	sqlite3_extended_result_codes(f->handle, 1);
	err = check_owner(f, &fresh);
	if (err == PL_OK && sqlite3_db_readonly(f->handle, "main") == 1)
		return refuse(f, PL_EACCES, "it cannot be written to");
	if (err == PL_OK && !fresh)
		err = check_whole(f);
	if (err == PL_OK)
		err = execute(f, pragmas);
	if (err == PL_OK)
		err = execute(f, f->kind->sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	if (err == PL_OK && fresh)
		err = create_schema(f);
	return err;
}

/* What is beside it belongs to it: a new file must not find an old one's log. */
static enum pl_err set_aside(struct pl_sqlite_file *f)
{
	static const char *const ends[] = {"-wal", "-shm", ""};
	char from[4096], to[4096];
	int64_t now = pl_clock_wall_ns();
	pl_sqlite_close(f);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		int n = snprintf(from, sizeof from, "%s%s", f->path, ends[i]);
		int m = snprintf(to, sizeof to, "%s.damaged-%lld%s", f->path, (long long)(now / PL_NS_PER_S), ends[i]);
		if (n < 0 || m < 0 || (size_t)n >= sizeof from || (size_t)m >= sizeof to)
			return refuse(f, PL_EINVAL, "the name is too long");
		if (rename(from, to) != 0 && errno != ENOENT)
			return refuse(f, PL_EIO, strerror(errno));
	}
	f->damaged = false;
	snprintf(f->reason, sizeof f->reason, "%s was damaged; set aside as %.400s, a new one was begun", f->kind->what, to);
	return PL_OK;
}

enum pl_err pl_sqlite_open(struct pl_sqlite_file *f)
{
	char told[sizeof f->reason] = "";
	f->full = false;
	enum pl_err err = f->damaged ? PL_EPARSE : open_once(f);
	if (err == PL_EPARSE && f->damaged) {
		err = set_aside(f);
		memcpy(told, f->reason, sizeof told);
		if (err == PL_OK)
			err = open_once(f);
	}
	if (err == PL_OK)
		memcpy(f->reason, told, sizeof told);
	else
		pl_sqlite_close(f);
	return err;
}

void pl_sqlite_close(struct pl_sqlite_file *f)
{
	for (size_t i = 0; i < f->kind->n_statements; i++) {
		sqlite3_finalize(f->statements[i]);
		f->statements[i] = NULL;
	}
	sqlite3_close(f->handle);
	f->handle = NULL;
}

/* ---- statements ---- */

sqlite3_stmt *pl_sqlite_statement(struct pl_sqlite_file *f, size_t which)
{
	sqlite3_stmt **s = &f->statements[which];
	if (*s == NULL) {
		int code = sqlite3_prepare_v3(f->handle, f->kind->statements[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
		if (code != SQLITE_OK)
			note(f, code);
	}
	return *s;
}

enum pl_err pl_sqlite_step(struct pl_sqlite_file *f, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return PL_OK;
	enum pl_err err = code == SQLITE_DONE ? PL_ENOENT : note(f, code);
	sqlite3_reset(s);
	return err;
}

void pl_sqlite_bind_text(sqlite3_stmt *s, int at, struct pl_str text)
{
	sqlite3_bind_text(s, at, text.n > 0 ? text.p : "", (int)text.n, SQLITE_STATIC);
}

void pl_sqlite_bind_blob(sqlite3_stmt *s, int at, struct pl_str bytes)
{
	sqlite3_bind_blob(s, at, bytes.n > 0 ? bytes.p : "", (int)bytes.n, SQLITE_STATIC);
}

struct pl_str pl_sqlite_column(sqlite3_stmt *s, int at)
{
	const char *p = sqlite3_column_blob(s, at);
	return (struct pl_str){p, p != NULL ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

enum pl_err pl_sqlite_run(struct pl_sqlite_file *f, sqlite3_stmt *s)
{
	enum pl_err err = s != NULL ? pl_sqlite_step(f, s) : PL_EIO;
	if (err == PL_OK)
		sqlite3_reset(s);
	return err == PL_ENOENT ? PL_OK : err;
}

enum pl_err pl_sqlite_numbers(struct pl_sqlite_file *f, size_t which, int64_t out[2])
{
	out[0] = out[1] = 0;
	sqlite3_stmt *s = pl_sqlite_statement(f, which);
	enum pl_err err = s != NULL ? pl_sqlite_step(f, s) : PL_EIO;
	if (err == PL_OK) {
		for (int i = 0; i < 2 && i < sqlite3_column_count(s); i++)
			out[i] = sqlite3_column_int64(s, i);
		sqlite3_reset(s);
	}
	return err == PL_ENOENT ? PL_OK : err;
}

void pl_sqlite_rollback(struct pl_sqlite_file *f)
{
	if (f->handle == NULL)
		return;
	int code = sqlite3_errcode(f->handle) & 0xff;
	for (size_t i = 0; i < f->kind->n_statements; i++)
		if (f->statements[i] != NULL)
			sqlite3_reset(f->statements[i]);
	if (sqlite3_get_autocommit(f->handle) == 0)
		sqlite3_exec(f->handle, "ROLLBACK", NULL, NULL, NULL);
	if (f->path != NULL && !f->full && code != SQLITE_BUSY && code != SQLITE_LOCKED)
		pl_sqlite_close(f);
}

bool pl_sqlite_moved(struct pl_sqlite_file *f)
{
	int moved = 0;
	return f->path != NULL && f->handle != NULL &&
	       sqlite3_file_control(f->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}
