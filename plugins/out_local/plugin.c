/* The local store: points in an SQLite database of our own, so that nothing else is needed to begin with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_local/database.h"
#include "out_local/ingest.h"
#include "out_local/read.h"
#include "out_local/series.h"
#include "out_local/trim.h"
#include "pipeline/plugin.h"

enum { TRIM_EVERY_MS = 10000, TRIM_AGAIN_MS = 20, TRIMS_WHEN_FULL = 16 };

struct pl_local_config {
	const char *path;
	int64_t retention, max_bytes, max_series;
	bool fsync;
};

struct local {
	struct pl_output_env env;
	const struct pl_local_config *config;
	struct pl_local_database db;
	struct pl_local_series series;
	struct pl_local_ingest ingest;
	struct pl_local_trim trim;
	uint64_t displaced_told;
	struct pl_delivery *delivery; /* to be done at the loop's next turn */
	uv_timer_t turn, trim_timer;
	unsigned handles; /* not closed yet */
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- one delivery ---- */

static void trouble_verdict(const struct local *l, struct pl_verdict *v)
{
	v->kind = l->db.trouble == PL_LOCAL_REFUSED ? PL_VERDICT_HOLD : PL_VERDICT_RETRY;
	snprintf(v->reason, sizeof v->reason, "%s", l->db.reason);
}

static void refusal_verdict(const struct pl_local_ingest *in, struct pl_verdict *v)
{
	size_t most = 0;
	for (size_t i = 0; i < PL_LOCAL_REFUSAL_COUNT; i++) {
		v->refused += in->refused[i];
		if (in->refused[i] > in->refused[most])
			most = i;
	}
	if (v->refused == 0)
		return;
	v->refused_as = pl_local_refusal_label(most);
	snprintf(v->reason, sizeof v->reason, "%" PRIu32 " points %s; the first: %s", in->refused[most],
		 pl_local_refusal_text(most), in->first_refused);
}

/* SQLite would go on writing to a file that nobody can find any more. */
static void notice_moved(struct local *l)
{
	if (l->db.handle == NULL || !pl_local_database_moved(&l->db))
		return;
	pl_warn(l->env.log, "the local store's file was moved or deleted; a new one is begun", PL_KVC("output", l->env.name),
		PL_KVC("path", l->config->path));
	pl_local_database_close(&l->db);
}

static enum pl_err store(struct local *l, const struct pl_delivery *d)
{
	int64_t now = pl_clock_wall_ns();
	notice_moved(l);
	enum pl_err err = pl_local_database_open(&l->db);
	if (err == PL_OK)
		err = pl_local_ingest_begin(&l->ingest, now, now - l->config->retention);
	for (size_t i = 0; i < d->n && err == PL_OK; i++)
		err = pl_local_ingest_lines(&l->ingest, (struct pl_str){d->batches[i]->p, d->batches[i]->n});
	if (err == PL_OK)
		err = pl_local_ingest_commit(&l->ingest);
	if (err != PL_OK)
		pl_local_ingest_abandon(&l->ingest);
	return err;
}

enum { REMOVED_EXPIRED, REMOVED_DISPLACED, N_COUNTERS };

static const char *counter_label(size_t i)
{
	static const char *const labels[N_COUNTERS] = {"samples_removed_by_retention", "samples_removed_by_max_bytes"};
	return i < N_COUNTERS ? labels[i] : NULL;
}

static void publish_counters(struct local *l)
{
	atomic_store_explicit(&l->env.counters[REMOVED_EXPIRED], l->trim.expired, memory_order_relaxed);
	atomic_store_explicit(&l->env.counters[REMOVED_DISPLACED], l->trim.displaced, memory_order_relaxed);
}

static void tell_displaced(struct local *l)
{
	publish_counters(l);
	if (l->trim.displaced == l->displaced_told)
		return;
	if (l->displaced_told == 0)
		pl_warn(l->env.log, "the local store is at its max_bytes; the oldest samples go", PL_KVC("output", l->env.name),
			PL_KVC("path", l->config->path));
	l->displaced_told = l->trim.displaced;
}

/* The disk or max_bytes left no room: what is oldest goes, if that is ours to decide. */
static bool make_room(struct local *l)
{
	bool more = true;
	enum pl_err err = PL_OK;
	uint64_t before = l->trim.displaced;
	enum pl_local_trouble trouble = l->db.trouble;
	char reason[sizeof l->db.reason];
	snprintf(reason, sizeof reason, "%s", l->db.reason);
	if (l->db.handle == NULL)
		return false;
	for (unsigned i = 0; i < TRIMS_WHEN_FULL && more && err == PL_OK; i++)
		err = pl_local_trim_size(&l->trim, &more);
	if (err != PL_OK)
		pl_local_rollback(&l->db);
	tell_displaced(l);
	l->db.trouble = trouble;
	snprintf(l->db.reason, sizeof l->db.reason, "%s", reason);
	return l->trim.displaced > before;
}

/* With the lines in, the size may be above its bound. */
static void keep_size(struct local *l)
{
	bool more = true;
	enum pl_err err = PL_OK;
	for (unsigned i = 0; i < TRIMS_WHEN_FULL && more && err == PL_OK; i++)
		err = pl_local_trim_size(&l->trim, &more);
	if (err != PL_OK)
		pl_local_rollback(&l->db);
	tell_displaced(l);
}

static void on_turn(uv_timer_t *timer)
{
	struct local *l = timer->data;
	struct pl_delivery *d = l->delivery;
	struct pl_verdict v = {.kind = PL_VERDICT_DONE};
	l->delivery = NULL;
	enum pl_err err = store(l, d);
	if (err == PL_EFULL && make_room(l))
		err = store(l, d);
	if (err == PL_OK) {
		refusal_verdict(&l->ingest, &v);
		keep_size(l);
	} else {
		trouble_verdict(l, &v);
	}
	d->done(d, &v);
}

/* Not at once but at the loop's next turn, so that questions and the timer get theirs while the queue is never empty. */
static void deliver(void *self, struct pl_delivery *d)
{
	struct local *l = self;
	l->delivery = d;
	uv_timer_start(&l->turn, on_turn, 0, 0);
}

static void query(void *self, struct pl_query *q)
{
	struct local *l = self;
	pl_local_read(&l->db, q, pl_clock_wall_ns());
	l->env.query_done(q);
}

/* ---- between deliveries ---- */

static void on_trim(uv_timer_t *timer)
{
	struct local *l = timer->data;
	bool more = false;
	if (l->db.handle != NULL && pl_local_trim_step(&l->trim, pl_clock_wall_ns(), &more) != PL_OK) {
		pl_local_rollback(&l->db);
		more = false;
	}
	tell_displaced(l);
	uv_timer_start(&l->trim_timer, on_trim, more ? TRIM_AGAIN_MS : TRIM_EVERY_MS, 0);
}

/* ---- open, close ---- */

static void release(struct local *l)
{
	pl_local_ingest_finish(&l->ingest);
	pl_local_series_finish(&l->series);
	pl_local_database_close(&l->db);
	free(l);
}

static enum pl_err open_local(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	const struct pl_local_config *c = config;
	struct local *l = pl_calloc(1, sizeof *l);
	l->env = *env;
	l->config = c;
	pl_local_database_init(&l->db,
			       &(struct pl_local_database_options){
				   .path = c->path, .max_bytes = (uint64_t)c->max_bytes, .fsync = c->fsync, .log = env->log});
	pl_local_series_init(&l->series, &l->db, (uint64_t)c->max_series);
	pl_local_ingest_init(&l->ingest, &l->db, &l->series);
	l->trim = (struct pl_local_trim){
	    .db = &l->db, .series = &l->series, .retention_ns = c->retention, .max_bytes = (uint64_t)c->max_bytes};
	enum pl_err err = pl_local_database_open(&l->db);
	if (err != PL_OK && l->db.trouble == PL_LOCAL_REFUSED) {
		snprintf(reason, reason_size, "%s", l->db.reason);
		release(l);
		return err;
	}
	if (err != PL_OK) /* a full disk or a held lock may pass */
		pl_warn(env->log, "the local store cannot be opened yet", PL_KVC("output", env->name),
			PL_KVC("reason", l->db.reason));
	uv_timer_init(&env->loop->uv, &l->turn);
	uv_timer_init(&env->loop->uv, &l->trim_timer);
	l->turn.data = l->trim_timer.data = l;
	l->handles = 2;
	uv_timer_start(&l->trim_timer, on_trim, TRIM_EVERY_MS, 0);
	*self = l;
	return PL_OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct local *l = handle->data;
	void (*closed)(void *) = l->closed;
	void *data = l->closed_data;
	if (--l->handles > 0)
		return;
	release(l);
	closed(data);
}

static void close_local(void *self, void (*closed)(void *data), void *data)
{
	struct local *l = self;
	l->closed = closed;
	l->closed_data = data;
	if (l->delivery != NULL) {
		struct pl_delivery *d = l->delivery;
		l->delivery = NULL;
		d->done(d, &(struct pl_verdict){.kind = PL_VERDICT_RETRY, .reason = "closing"});
	}
	if (l->trim.displaced > 0)
		pl_info(l->env.log, "the local store removed samples to stay within max_bytes", PL_KVC("output", l->env.name),
			PL_KVI("samples", l->trim.displaced));
	uv_close((uv_handle_t *)&l->turn, on_handle_closed);
	uv_close((uv_handle_t *)&l->trim_timer, on_handle_closed);
}

/* ---- the plugin ---- */

static const struct pl_field fields[] = {
    {.key = "path",
     .type = PL_FIELD_PATH,
     .offset = offsetof(struct pl_local_config, path),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulseline.db",
     .help = "the database file; its directory is made if its parent is there"},
    {.key = "retention",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct pl_local_config, retention),
     .fallback = "7d",
     .min = 3600 * PL_NS_PER_S,
     .max = INT64_C(3650) * 86400 * PL_NS_PER_S,
     .help = "how long samples are kept"},
    {.key = "max_bytes",
     .type = PL_FIELD_BYTES,
     .offset = offsetof(struct pl_local_config, max_bytes),
     .fallback = "1GiB",
     .min = INT64_C(1) << 20,
     .max = INT64_C(1) << 43,
     .help = "beyond this size the oldest samples go"},
    {.key = "max_series",
     .type = PL_FIELD_INT,
     .offset = offsetof(struct pl_local_config, max_series),
     .fallback = "1000000",
     .min = 1,
     .max = INT64_C(1) << 31,
     .help = "points of new series beyond this number are refused"},
    {.key = "fsync",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct pl_local_config, fsync),
     .fallback = "false",
     .help = "wait for the disk at every delivery: survives a power cut, costs speed"},
    {0},
};

static const struct pl_schema schema = {.name = "local", .size = sizeof(struct pl_local_config), .fields = fields};

static const struct pl_output_ops ops = {
    .open = open_local,
    .deliver = deliver,
    .query = query,
    .counter_label = counter_label,
    .durable = true,
    .close = close_local,
};

extern const struct pl_plugin pl_plugin_out_local;
const struct pl_plugin pl_plugin_out_local = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_OUTPUT, .name = "local", .help = "keeps points in an SQLite database of our own",
    .schema = &schema, .ops.output = &ops,
};
