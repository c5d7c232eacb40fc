#include "store/state.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock_file.h"
#include "base/mem.h"
#include "store/state_db.h"

enum {
	DEFAULT_PENDING = 10000,
	DEFAULT_PENDING_BYTES = 64 << 20,
	MOST_PENDING_BYTES = 512 << 20, /* within what SQLite takes as one value */
	REASON_BYTES = 512,
};

struct pl_state {
	struct pl_loop *loop;
	struct pl_log *log;
	char *path; /* NULL: in memory */
	int lock_fd;
	size_t max_pending, max_pending_bytes;
	/* the control thread's */
	struct pl_state_stats stats;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
	struct pl_msg last; /* the thread has ended its work */
	/* the thread's, from its start on */
	struct pl_sqlite_file file;
	bool troubled;
	pthread_t thread;
	/* both threads' */
	pthread_mutex_t lock;
	pthread_cond_t called, loaded;
	struct pl_state_call *head, *tail; /* wait for the thread */
	bool is_loaded;                    /* the load that the control thread waits for */
};

/* Calls that were done together, on their way back. */
struct group {
	struct pl_msg msg;
	struct pl_state *s;
	struct pl_state_call *first;
	uint64_t bytes;
	char reason[REASON_BYTES]; /* "": all went well */
};

/* ---- answers, on the control thread ---- */

static const struct pl_state_row *rows_of(const struct pl_state_call *c, size_t *n)
{
	*n = c->rows.n / sizeof(struct pl_state_row);
	return (const struct pl_state_row *)(const void *)c->rows.p;
}

static void answer_events(const struct pl_state_call *c, const char *reason)
{
	size_t n;
	const struct pl_state_row *rows = rows_of(c, &n);
	const char *p = c->text.p;
	n = c->err == PL_OK ? n : 0;
	struct pl_state_event *v = pl_calloc(n + 1, sizeof *v);
	for (size_t i = 0; i < n; i++) {
		v[i] = (struct pl_state_event){rows[i].id, rows[i].wall_ns, {p, rows[i].body_bytes}};
		p += rows[i].body_bytes;
	}
	c->events_done(c->data, c->err, v, n, reason);
	free(v);
}

static void answer(struct pl_state *s, const struct pl_state_call *c, const char *group_reason)
{
	const char *reason = c->err == PL_OK ? "" : c->err == PL_EEXIST ? pl_err_text(PL_EEXIST) : group_reason;
	s->stats.pending--;
	s->stats.pending_bytes -= c->n_bytes;
	if (c->err != PL_OK && c->err != PL_EEXIST)
		s->stats.failed++;
	else if (!pl_state_op_reads(c->op))
		s->stats.written++;
	if (c->events_done != NULL)
		answer_events(c, reason);
	else if (c->done != NULL)
		c->done(c->data, c->err, reason);
}

static void free_group(struct group *g)
{
	for (struct pl_state_call *c = g->first, *next; c != NULL; c = next) {
		next = c->next;
		pl_state_call_free(c);
	}
	free(g);
}

static void on_group(struct pl_msg *msg)
{
	struct group *g = pl_container_of(msg, struct group, msg);
	g->s->stats.bytes = g->bytes;
	for (const struct pl_state_call *c = g->first; c != NULL; c = c->next)
		answer(g->s, c, g->reason);
	free_group(g);
}

static void destroy(struct pl_state *s)
{
	pl_sqlite_close(&s->file);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->called);
	pthread_cond_destroy(&s->loaded);
	free(s->path);
	free(s);
}

static void on_last(struct pl_msg *msg)
{
	struct pl_state *s = pl_container_of(msg, struct pl_state, last);
	void (*closed)(void *) = s->closed;
	void *data = s->closed_data;
	pthread_join(s->thread, NULL);
	destroy(s);
	if (closed != NULL)
		closed(data);
}

/* ---- the thread ---- */

static void tell_trouble(struct pl_state *s, enum pl_err err, const char *reason)
{
	if (err != PL_OK && !s->troubled)
		pl_error(s->log, "state is not written", PL_KVC("reason", reason));
	else if (err == PL_OK && s->troubled)
		pl_info(s->log, "state is written again", PL_KVC("path", s->path != NULL ? s->path : ""));
	s->troubled = err != PL_OK;
}

static void do_group(struct pl_state *s, struct pl_state_call *first)
{
	struct group *g = pl_calloc(1, sizeof *g);
	*g = (struct group){.msg.run = on_group, .s = s, .first = first};
	enum pl_err err = pl_state_db_do(&s->file, first, s->log, g->reason, sizeof g->reason);
	tell_trouble(s, err, g->reason);
	g->bytes = pl_state_db_bytes(&s->file);
	if (!pl_loop_post(s->loop, &g->msg))
		free_group(g);
}

/* The control thread waits in it: nothing is called behind it until it is answered. */
static void do_load(struct pl_state *s, struct pl_state_call *load)
{
	char reason[REASON_BYTES];
	enum pl_err err = pl_state_db_do(&s->file, load, s->log, reason, sizeof reason);
	if (err != PL_OK && load->err != PL_OK) {
		pl_buf_clear(&load->text);
		pl_buf_add_cstr(&load->text, reason);
	}
	pthread_mutex_lock(&s->lock);
	s->is_loaded = true;
	pthread_cond_signal(&s->loaded);
	pthread_mutex_unlock(&s->lock);
}

static struct pl_state_call *wait_for_calls(struct pl_state *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->head == NULL)
		pthread_cond_wait(&s->called, &s->lock);
	struct pl_state_call *first = s->head;
	s->head = s->tail = NULL;
	pthread_mutex_unlock(&s->lock);
	return first;
}

/* Cuts what does not go in a group with others, a load or the end, off the list; it is the last one there. */
static struct pl_state_call *cut_last(struct pl_state_call **first)
{
	struct pl_state_call **at = first;
	while (*at != NULL && (*at)->op != PL_STATE_LOAD && (*at)->op != PL_STATE_END)
		at = &(*at)->next;
	struct pl_state_call *last = *at;
	*at = NULL;
	assert(last == NULL || last->next == NULL);
	return last;
}

static void *work(void *data)
{
	struct pl_state *s = data;
	bool ended = false;
	pthread_setname_np(pthread_self(), "state");
	while (!ended) {
		struct pl_state_call *first = wait_for_calls(s), *last = cut_last(&first);
		if (first != NULL)
			do_group(s, first);
		ended = last != NULL && last->op == PL_STATE_END;
		if (ended)
			pl_state_call_free(last);
		else if (last != NULL)
			do_load(s, last);
	}
	pl_sqlite_close(&s->file); /* here, as it may wait for the disk */
	s->last.run = on_last;
	(void)pl_loop_post(s->loop, &s->last);
	return NULL;
}

static enum pl_err start(struct pl_state *s)
{
	/* A thread starts with its creator's mask: signals are the main thread's business from its first instruction on. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&s->thread, NULL, work, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? PL_OK : PL_EIO;
}

/* ---- opening and closing ---- */

static enum pl_err lock_dir(struct pl_state *s, const char *dir, char *reason, size_t reason_size)
{
	char why[128];
	struct pl_buf name = {0};
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		int error = errno;
		snprintf(reason, reason_size, "%s: cannot be made: %s", dir, strerror(error));
		return error == EACCES || error == EPERM || error == EROFS ? PL_EACCES : PL_EIO;
	}
	pl_buf_addf(&name, "%s/state.lock", dir);
	enum pl_err err = pl_lock_file_take(&s->lock_fd, pl_buf_cstr(&name), why, sizeof why);
	if (err == PL_EINUSE)
		snprintf(reason, reason_size, "%s: its state is in use by another daemon, %s", dir, why);
	else if (err != PL_OK)
		snprintf(reason, reason_size, "%s: cannot be locked: %s", pl_buf_cstr(&name), why);
	pl_buf_finish(&name);
	return err;
}

static enum pl_err open_file(struct pl_state *s, char *reason, size_t reason_size)
{
	s->file.path = s->path;
	enum pl_err err = pl_sqlite_open(&s->file);
	snprintf(reason, reason_size, "%s", s->file.reason);
	return err == PL_EPARSE ? PL_EIO : err;
}

enum pl_err pl_state_open(struct pl_state **out, const struct pl_state_options *options, char *reason, size_t reason_size)
{
	struct pl_state *s = pl_calloc(1, sizeof *s);
	enum pl_err err = PL_OK;
	size_t bytes = options->max_pending_bytes != 0 ? options->max_pending_bytes : DEFAULT_PENDING_BYTES;
	*s = (struct pl_state){.loop = options->loop, .log = options->log, .lock_fd = -1, .file.kind = &pl_state_kind};
	s->max_pending = options->max_pending != 0 ? options->max_pending : DEFAULT_PENDING;
	s->max_pending_bytes = bytes < MOST_PENDING_BYTES ? bytes : MOST_PENDING_BYTES;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->called, NULL);
	pthread_cond_init(&s->loaded, NULL);
	*out = NULL;
	if (options->dir != NULL) {
		struct pl_buf path = {0};
		pl_buf_addf(&path, "%s/state.db", options->dir);
		s->path = pl_buf_take(&path);
		err = lock_dir(s, options->dir, reason, reason_size);
	}
	if (err == PL_OK)
		err = open_file(s, reason, reason_size);
	if (err == PL_OK) {
		s->stats.durable = s->path != NULL;
		s->stats.bytes = pl_state_db_bytes(&s->file);
		err = start(s);
		if (err != PL_OK)
			snprintf(reason, reason_size, "the state's thread does not start");
	}
	if (err != PL_OK) {
		destroy(s);
		return err;
	}
	*out = s;
	return PL_OK;
}

/* ---- calls ---- */

static struct pl_str keep(struct pl_state_call *c, struct pl_str v)
{
	char *to = c->bytes + c->n_bytes;
	if (v.n > 0)
		memcpy(to, v.p, v.n);
	c->n_bytes += v.n;
	return (struct pl_str){to, v.n};
}

static struct pl_state_call *make(enum pl_state_op op, struct pl_str of, struct pl_str name, struct pl_str body)
{
	struct pl_state_call *c = pl_alloc(sizeof *c + of.n + name.n + body.n);
	*c = (struct pl_state_call){.op = op};
	c->of = keep(c, of);
	c->name = keep(c, name);
	c->body = keep(c, body);
	return c;
}

static void push(struct pl_state *s, struct pl_state_call *c)
{
	pthread_mutex_lock(&s->lock);
	bool idle = s->head == NULL;
	if (idle)
		s->head = c;
	else
		s->tail->next = c;
	s->tail = c;
	if (idle)
		pthread_cond_signal(&s->called);
	pthread_mutex_unlock(&s->lock);
}

static bool fits(const struct pl_state *s, struct pl_str of, struct pl_str name, struct pl_str body)
{
	size_t left = s->max_pending_bytes - s->stats.pending_bytes;
	if (s->stats.pending >= s->max_pending || of.n > left || name.n > left - of.n)
		return false;
	return body.n <= left - of.n - name.n;
}

/* A call with its bytes in it, or NULL: it is refused. */
static struct pl_state_call *begin(struct pl_state *s, enum pl_state_op op, struct pl_str of, struct pl_str name,
				   struct pl_str body, enum pl_err *err)
{
	*err = s->closing ? PL_ECANCELED : fits(s, of, name, body) ? PL_OK : PL_ELIMIT;
	if (*err != PL_OK) {
		s->stats.refused++;
		return NULL;
	}
	struct pl_state_call *c = make(op, of, name, body);
	s->stats.pending++;
	s->stats.pending_bytes += c->n_bytes;
	return c;
}

static enum pl_err change(struct pl_state *s, enum pl_state_op op, struct pl_str of, struct pl_str name, struct pl_str body,
			  pl_state_done done, void *data)
{
	enum pl_err err;
	struct pl_state_call *c = begin(s, op, of, name, body, &err);
	if (c != NULL) {
		c->done = done;
		c->data = data;
		push(s, c);
	}
	return err;
}

enum pl_err pl_state_put(struct pl_state *s, const char *kind, struct pl_str id, struct pl_str body, pl_state_done done,
			 void *data)
{
	return change(s, PL_STATE_PUT, pl_str_of(kind), id, body, done, data);
}

enum pl_err pl_state_remove(struct pl_state *s, const char *kind, struct pl_str id, pl_state_done done, void *data)
{
	return change(s, PL_STATE_REMOVE, pl_str_of(kind), id, (struct pl_str){0}, done, data);
}

enum pl_err pl_state_forget(struct pl_state *s, struct pl_str subject, pl_state_done done, void *data)
{
	return change(s, PL_STATE_FORGET, subject, (struct pl_str){0}, (struct pl_str){0}, done, data);
}

enum pl_err pl_state_append(struct pl_state *s, struct pl_str subject, struct pl_str key, int64_t wall_ns, struct pl_str body,
			    size_t most, int64_t oldest_ns, pl_state_done done, void *data)
{
	enum pl_err err;
	struct pl_state_call *c = begin(s, PL_STATE_APPEND, subject, key, body, &err);
	if (c != NULL) {
		c->wall_ns = wall_ns;
		c->most = most;
		c->oldest_ns = oldest_ns;
		c->done = done;
		c->data = data;
		push(s, c);
	}
	return err;
}

enum pl_err pl_state_events(struct pl_state *s, struct pl_str subject, uint64_t before, size_t most, pl_state_events_done done,
			    void *data)
{
	enum pl_err err;
	struct pl_state_call *c = begin(s, PL_STATE_EVENTS, subject, (struct pl_str){0}, (struct pl_str){0}, &err);
	if (c != NULL) {
		c->before = before;
		c->most = most;
		c->events_done = done;
		c->data = data;
		push(s, c);
	}
	return err;
}

enum pl_err pl_state_load(struct pl_state *s, const char *kind, void (*each)(void *data, struct pl_str id, struct pl_str body),
			  void *data, char *reason, size_t reason_size)
{
	size_t n;
	if (s->closing)
		return PL_ECANCELED;
	struct pl_state_call *c = make(PL_STATE_LOAD, pl_str_of(kind), (struct pl_str){0}, (struct pl_str){0});
	s->is_loaded = false; /* the thread looks at it in a load alone */
	push(s, c);
	pthread_mutex_lock(&s->lock);
	while (!s->is_loaded)
		pthread_cond_wait(&s->loaded, &s->lock);
	pthread_mutex_unlock(&s->lock);
	enum pl_err err = c->err;
	if (err != PL_OK)
		snprintf(reason, reason_size, "%s", pl_buf_cstr(&c->text));
	const struct pl_state_row *rows = rows_of(c, &n);
	const char *p = c->text.p;
	for (size_t i = 0; err == PL_OK && i < n; i++) {
		each(data, (struct pl_str){p, rows[i].name_bytes}, (struct pl_str){p + rows[i].name_bytes, rows[i].body_bytes});
		p += rows[i].name_bytes + rows[i].body_bytes;
	}
	pl_state_call_free(c);
	return err;
}

void pl_state_close(struct pl_state *s, void (*closed)(void *data), void *data)
{
	assert(!s->closing);
	s->closing = true;
	s->closed = closed;
	s->closed_data = data;
	push(s, make(PL_STATE_END, (struct pl_str){0}, (struct pl_str){0}, (struct pl_str){0}));
}

struct pl_state_stats pl_state_stats(const struct pl_state *s)
{
	return s->stats;
}
