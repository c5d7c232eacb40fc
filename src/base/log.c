#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LONGEST_VALUE = 2048 };

struct pl_log {
	int fd;
	atomic_int format, level;
	atomic_uint_fast64_t lost;
	bool torn;            /* the last line was written in part; under the lock */
	pthread_mutex_t lock; /* one line at a time: write(2) to a pipe may be partial beyond PIPE_BUF */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct pl_log *pl_log_create(int fd, enum pl_log_format format, enum pl_log_level level)
{
	struct pl_log *log = pl_calloc(1, sizeof *log);
	log->fd = fd;
	atomic_init(&log->format, (int)format);
	atomic_init(&log->level, (int)level);
	pthread_mutex_init(&log->lock, NULL);
	return log;
}

void pl_log_destroy(struct pl_log *log)
{
	if (log == NULL)
		return;
	pthread_mutex_destroy(&log->lock);
	free(log);
}

void pl_log_set(struct pl_log *log, enum pl_log_format format, enum pl_log_level level)
{
	atomic_store(&log->format, (int)format);
	atomic_store(&log->level, (int)level);
}

bool pl_log_enabled(const struct pl_log *log, enum pl_log_level level)
{
	return log != NULL && (int)level >= atomic_load_explicit(&log->level, memory_order_relaxed);
}

uint64_t pl_log_lost(const struct pl_log *log)
{
	return atomic_load(&log->lost);
}

/* Characters of well-formed UTF-8 that change how a terminal or a reader shows what follows: C1 controls (U+009B begins escape
 * sequences), U+2028/9 (line ends), the marks and overrides of writing direction. Of at least 2 bytes. */
static bool is_treacherous(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	if (n == 2)
		return p[0] == 0xC2 && p[1] < 0xA0;
	if (n != 3 || p[0] != 0xE2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAE))) ||
	       (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

static void add_code_point(struct pl_buf *b, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned c = n == 2 ? (p[0] & 0x1FU) << 6 | (p[1] & 0x3FU) : (p[0] & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
	pl_buf_addf(b, "\\u%04x", c);
}

/* Both formats use JSON's escapes. A byte that is not UTF-8 appears as \u00XX. */
static void add_quoted(struct pl_buf *b, struct pl_str s)
{
	size_t most = s.n < LONGEST_VALUE ? s.n : LONGEST_VALUE;
	pl_buf_add_char(b, '"');
	for (size_t i = 0; i < most;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t k = pl_utf8_length(s.p + i, s.n - i);
		if (c == '"' || c == '\\') {
			pl_buf_add_char(b, '\\');
			pl_buf_add_char(b, (char)c);
		} else if (c == '\n') {
			pl_buf_add_cstr(b, "\\n");
		} else if (c < 0x20 || c == 0x7F || k == 0) {
			pl_buf_addf(b, "\\u%04x", c);
		} else if (k > 1 && is_treacherous(s.p + i, k)) {
			add_code_point(b, s.p + i, k);
		} else {
			pl_buf_add(b, s.p + i, k);
		}
		i += k > 0 ? k : 1;
	}
	if (s.n > most)
		pl_buf_add_cstr(b, "...");
	pl_buf_add_char(b, '"');
}

static bool is_bare(struct pl_str s)
{
	if (s.n == 0 || s.n > LONGEST_VALUE)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
			return false;
	}
	return true;
}

static void add_value(struct pl_buf *b, const struct pl_kv *kv, bool json)
{
	switch (kv->type) {
	case PL_KV_INT:
		pl_buf_add_i64(b, kv->num);
		return;
	case PL_KV_SECONDS:
		pl_buf_addf(b, "%.3f", (double)kv->num / 1e9);
		return;
	case PL_KV_STR:
		if (!json && is_bare(kv->str))
			pl_buf_add_str(b, kv->str);
		else
			add_quoted(b, kv->str);
		return;
	}
}

static void add_pair(struct pl_buf *b, const struct pl_kv *kv, bool json)
{
	if (json) {
		pl_buf_add_cstr(b, b->n > 0 ? ",\"" : "{\"");
		pl_buf_add_cstr(b, kv->key);
		pl_buf_add_cstr(b, "\":");
	} else {
		if (b->n > 0)
			pl_buf_add_char(b, ' ');
		pl_buf_add_cstr(b, kv->key);
		pl_buf_add_char(b, '=');
	}
	add_value(b, kv, json);
}

/* What was written of the n bytes. */
static size_t write_all(int fd, const char *p, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t k = write(fd, p + done, n - done);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		done += (size_t)k;
	}
	return done;
}

void pl_log_write(struct pl_log *log, enum pl_log_level level, const char *message, const struct pl_kv *kv)
{
	if (!pl_log_enabled(log, level))
		return;
	bool json = atomic_load_explicit(&log->format, memory_order_relaxed) == PL_LOG_JSON;
	char now[PL_CLOCK_TEXT_BYTES];
	struct pl_buf b = {0};
	add_pair(&b, &PL_KVC(json ? "time" : "ts", pl_clock_text(pl_clock_wall_ns(), now)), json);
	add_pair(&b, &PL_KVC("level", level_names[level]), json);
	add_pair(&b, &PL_KVC("msg", message), json);
	for (; kv != NULL && kv->key != NULL; kv++)
		add_pair(&b, kv, json);
	pl_buf_add_cstr(&b, json ? "}\n" : "\n");
	pthread_mutex_lock(&log->lock);
	if (log->torn) /* the reader must not take this line for the rest of the one that was cut off */
		log->torn = write_all(log->fd, "\n", 1) == 0;
	size_t written = log->torn ? 0 : write_all(log->fd, b.p, b.n);
	if (written > 0 && written < b.n)
		log->torn = true;
	pthread_mutex_unlock(&log->lock);
	if (written < b.n)
		atomic_fetch_add(&log->lost, 1);
	pl_buf_finish(&b);
}

enum pl_err pl_log_level_parse(struct pl_str s, enum pl_log_level *out)
{
	for (size_t i = 0; i < PL_COUNT_OF(level_names); i++)
		if (s.n == strlen(level_names[i]) && strncasecmp(s.p, level_names[i], s.n) == 0) {
			*out = (enum pl_log_level)i;
			return PL_OK;
		}
	if (s.n == 7 && strncasecmp(s.p, "warning", 7) == 0) {
		*out = PL_LOG_WARN;
		return PL_OK;
	}
	return PL_EINVAL;
}
