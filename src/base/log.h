/* Structured log lines to stderr: logfmt (https://brandur.org/logfmt) or one JSON object per line.
 * One logger serves all threads; a line is written with one write(2). Values are escaped: no byte from outside
 * reaches the terminal raw, and no value can start a new line or a new key. */
#ifndef PL_BASE_LOG_H
#define PL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum pl_log_level { PL_LOG_DEBUG, PL_LOG_INFO, PL_LOG_WARN, PL_LOG_ERROR };
enum pl_log_format { PL_LOG_LOGFMT, PL_LOG_JSON };

/* One key and its value. Keys are literals of our own. */
struct pl_kv {
	const char *key;
	enum { PL_KV_STR, PL_KV_INT, PL_KV_SECONDS } type;
	struct pl_str str;
	int64_t num; /* PL_KV_SECONDS: nanoseconds, printed as seconds with milliseconds */
};

#define PL_KVS(KEY, S)    ((struct pl_kv){(KEY), PL_KV_STR, (S), 0})             /* struct pl_str */
#define PL_KVC(KEY, CSTR) ((struct pl_kv){(KEY), PL_KV_STR, pl_str_of(CSTR), 0}) /* C string */
#define PL_KVI(KEY, N)    ((struct pl_kv){(KEY), PL_KV_INT, {0, 0}, (int64_t)(N)})
#define PL_KVT(KEY, NS)   ((struct pl_kv){(KEY), PL_KV_SECONDS, {0, 0}, (int64_t)(NS)})

struct pl_log;

struct pl_log *pl_log_create(int fd, enum pl_log_format format, enum pl_log_level level); /* borrows fd */
void pl_log_destroy(struct pl_log *log);
void pl_log_set(struct pl_log *log, enum pl_log_format format, enum pl_log_level level);
bool pl_log_enabled(const struct pl_log *log, enum pl_log_level level);
uint64_t pl_log_lost(const struct pl_log *log); /* lines that could not be written */

/* Writes one line; `kv` ends with an element whose key is NULL, or is NULL. A NULL log writes nothing. */
void pl_log_write(struct pl_log *log, enum pl_log_level level, const char *message, const struct pl_kv *kv);

/* Each takes a message and at least one PL_KV... */
#define pl_log_kv(LOG, LEVEL, MESSAGE, ...) pl_log_write((LOG), (LEVEL), (MESSAGE), (const struct pl_kv[]){__VA_ARGS__, {0}})
#define pl_debug(LOG, ...)                  pl_log_kv((LOG), PL_LOG_DEBUG, __VA_ARGS__)
#define pl_info(LOG, ...)                   pl_log_kv((LOG), PL_LOG_INFO, __VA_ARGS__)
#define pl_warn(LOG, ...)                   pl_log_kv((LOG), PL_LOG_WARN, __VA_ARGS__)
#define pl_error(LOG, ...)                  pl_log_kv((LOG), PL_LOG_ERROR, __VA_ARGS__)

/* "debug", "info", "warn"/"warning", "error" in any case. */
PL_MUST_CHECK enum pl_err pl_log_level_parse(struct pl_str s, enum pl_log_level *out);

#endif
