#include "pipeline/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"

/* A place where reading goes on. A record that did not fit is kept for the next time. */
struct cursor {
	struct pl_spool_ref after;
	struct pl_spool_ref before; /* read no further than to this; segment 0: no bound */
	bool held;
};

struct pl_journal {
	struct pl_spool *spool;
	struct pl_log *log;
	char *name;
	enum pl_sync sync;
	bool resting; /* in trouble, and tried since the last tick */
	bool unsynced;
	uint64_t dropped; /* points that the spool's bounds had dropped when the queue was last told */
	struct pl_incident incident, sync_incident;
	char reason[256];
	struct cursor backlog, held;
	bool backlog_ended;      /* nothing was left while the two below stay as they were */
	uint64_t forgotten_then; /* so many had memory let go */
};

enum pl_err pl_journal_open(struct pl_journal **out, const struct pl_journal_options *options, char *reason, size_t reason_size)
{
	struct pl_spool *spool;
	enum pl_err err = pl_spool_open(&spool, &options->spool, reason, reason_size);
	if (err != PL_OK)
		return err;
	struct pl_journal *j = pl_calloc(1, sizeof *j);
	j->spool = spool;
	j->log = options->spool.log;
	j->name = pl_strdup(options->spool.name);
	j->sync = options->sync;
	j->held.held = true;
	*out = j;
	return PL_OK;
}

void pl_journal_close(struct pl_journal *j)
{
	if (j == NULL)
		return;
	pl_spool_close(j->spool);
	free(j->name);
	free(j);
}

void pl_journal_set_limits(struct pl_journal *j, const struct pl_spool_limits *limits, enum pl_sync sync)
{
	pl_spool_set_limits(j->spool, limits);
	j->sync = sync;
}

struct pl_spool_account pl_journal_account(const struct pl_journal *j)
{
	return pl_spool_account(j->spool);
}

int64_t pl_journal_trouble(const struct pl_journal *j, const char **reason)
{
	int64_t since = j->incident.since_ns != 0 ? j->incident.since_ns : j->sync_incident.since_ns;
	*reason = since != 0 ? j->reason : "";
	return since;
}

static bool is_there(void *data, uint64_t segment)
{
	const struct pl_journal *j = data;
	return pl_spool_has(j->spool, segment);
}

static void forget_dropped(struct pl_journal *j, struct pl_queue *q, const struct pl_spool_account *account)
{
	uint64_t dropped = account->dropped[PL_DROP_FULL_OLDEST] + account->dropped[PL_DROP_TOO_OLD];
	if (dropped != j->dropped)
		pl_queue_forget_dropped(q, is_there, j);
	j->dropped = dropped;
}

static void publish(struct pl_journal *j, struct pl_queue *q)
{
	struct pl_spool_account account = pl_spool_account(j->spool);
	forget_dropped(j, q, &account);
	pl_queue_publish(q, &account, 0);
}

/* ---- writing ---- */

static void note_trouble(struct pl_journal *j, struct pl_incident *incident, const char *message, const char *reason)
{
	snprintf(j->reason, sizeof j->reason, "%s", reason);
	const struct pl_kv kv[] = {PL_KVC("output", j->name), PL_KVC("reason", j->reason), {0}};
	pl_incident_fail(incident, pl_clock_wall_ns(), j->log, PL_LOG_ERROR, message, kv);
}

static void end_trouble(struct pl_journal *j, struct pl_incident *incident, const char *message)
{
	const struct pl_kv kv[] = {PL_KVC("output", j->name), {0}};
	pl_incident_end(incident, pl_clock_wall_ns(), j->log, message, kv);
}

void pl_journal_sync(struct pl_journal *j)
{
	j->unsynced = false;
	enum pl_err err = pl_spool_sync(j->spool);
	if (err == PL_OK)
		end_trouble(j, &j->sync_incident, "the queue's disk takes what is written again");
	else
		note_trouble(j, &j->sync_incident, "the queue's disk does not take what was written", pl_err_text(err));
}

/* False: no more now. */
static bool write_one(struct pl_journal *j, struct pl_queue *q, const struct pl_batch *b)
{
	char reason[sizeof j->reason] = "";
	struct pl_spool_ref ref;
	enum pl_err err = pl_spool_append(j->spool, b, false, false, &ref, reason, sizeof reason);
	if (err == PL_OK) {
		struct pl_spool_account account = pl_spool_account(j->spool);
		pl_queue_written(q, ref, &account);
		forget_dropped(j, q, &account);
		j->unsynced = true;
		end_trouble(j, &j->incident, "the queue is on disk again");
		return true;
	}
	if (err == PL_EFULL) {
		pl_queue_unwritable(q);
		return true;
	}
	note_trouble(j, &j->incident, "the queue cannot be written to disk; it goes on in memory",
		     reason[0] != '\0' ? reason : pl_err_text(err));
	pl_queue_not_written(q);
	j->resting = true;
	return false;
}

void pl_journal_write(struct pl_journal *j, struct pl_queue *q)
{
	struct pl_batch *b;
	bool more = true;
	if (j->resting) {
		pl_queue_not_written(q);
		return;
	}
	while (more && pl_queue_unwritten(q, &b)) {
		more = write_one(j, q, b);
		pl_batch_release(b);
	}
	if (j->sync == PL_SYNC_ALWAYS && j->unsynced)
		pl_journal_sync(j);
}

bool pl_journal_hold(struct pl_journal *j, const struct pl_batch *b)
{
	char reason[sizeof j->reason] = "";
	struct pl_spool_ref ref;
	enum pl_err err = pl_spool_append(j->spool, b, true, true, &ref, reason, sizeof reason);
	if (err == PL_OK && j->held.before.segment == 0)
		j->held.before = ref;
	return err == PL_OK;
}

void pl_journal_pin(struct pl_journal *j, const struct pl_lane_item *items, size_t n)
{
	uint64_t from = 0, to = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t segment = items[i].ref.segment;
		if (segment == 0)
			continue;
		from = from == 0 || segment < from ? segment : from;
		to = segment > to ? segment : to;
	}
	pl_spool_pin(j->spool, from, to);
}

void pl_journal_settle(struct pl_journal *j, struct pl_spool_ref ref, const struct pl_spool_outcome *outcome)
{
	pl_spool_settle(j->spool, ref, outcome);
}

void pl_journal_tick(struct pl_journal *j, struct pl_queue *q)
{
	int64_t now = pl_clock_wall_ns();
	j->resting = false;
	if (j->sync == PL_SYNC_INTERVAL && pl_spool_needs_sync(j->spool, now - PL_NS_PER_S))
		pl_journal_sync(j);
	pl_spool_expire(j->spool, now); /* also tidies up what is settled */
	publish(j, q);
}

/* ---- reading ---- */

static bool is_before(struct pl_spool_ref a, struct pl_spool_ref b)
{
	return b.segment == 0 || a.segment < b.segment || (a.segment == b.segment && a.offset < b.offset);
}

static size_t read_from(struct pl_journal *j, const struct cursor *from, size_t max_bytes, struct pl_lane_item *out, size_t cap)
{
	size_t n = 0, bytes = 0;
	struct pl_spool_ref after = from->after;
	while (n < cap) {
		struct pl_lane_item item;
		if (pl_spool_read(j->spool, after, from->held, &item.batch, &item.ref) != PL_OK)
			break;
		if (!is_before(item.ref, from->before) ||
		    (n > 0 && (bytes + item.batch->n > max_bytes || !pl_route_eq(item.batch->route, out[0].batch->route)))) {
			pl_batch_release(item.batch);
			break;
		}
		bytes += item.batch->n;
		after = item.ref;
		out[n++] = item;
	}
	return n;
}

size_t pl_journal_read(struct pl_journal *j, struct pl_queue *q, size_t max_bytes, struct pl_lane_item *out, size_t cap)
{
	uint64_t forgotten;
	struct pl_spool_ref before = pl_queue_first_written(q, &forgotten);
	bool same = forgotten == j->forgotten_then && before.segment == j->backlog.before.segment &&
		    before.offset == j->backlog.before.offset;
	if ((j->backlog_ended && same) || pl_queue_account(q).on_disk_only == 0)
		return 0;
	j->backlog.before = before;
	size_t n = read_from(j, &j->backlog, max_bytes, out, cap);
	j->backlog_ended = n == 0;
	j->forgotten_then = forgotten;
	publish(j, q); /* what could not be read is accounted for */
	return n;
}

void pl_journal_pass(struct pl_journal *j, struct pl_spool_ref last)
{
	j->backlog.after = last;
}

void pl_journal_begin_sweep(struct pl_journal *j)
{
	j->held.after = j->held.before = (struct pl_spool_ref){0};
}

size_t pl_journal_read_held(struct pl_journal *j, size_t max_bytes, struct pl_lane_item *out, size_t cap)
{
	return read_from(j, &j->held, max_bytes, out, cap);
}

void pl_journal_pass_held(struct pl_journal *j, struct pl_spool_ref last)
{
	j->held.after = last;
}
