#include "pipeline/spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { MIB = 1 << 20, OPEN_FILES = 8, SUSPECTS = 8 };

/* When a segment that takes records, all of them settled, makes room for a new one: before the system would write it to the
 * medium, but not at every batch. */
enum { WORTH_REMOVING = MIB };
static const int64_t old_enough_ns = 5 * PL_NS_PER_S;

static uint64_t segment_bytes(const struct pl_spool *s)
{
	uint64_t n = s->limits.max_bytes / 16;
	n = n < MIB ? MIB : n > 16 * MIB ? 16 * MIB : n;
	return n < s->limits.max_bytes / 2 ? n : s->limits.max_bytes / 2;
}

static uint64_t bytes_on_disk(const struct pl_spool *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->segments[i].end;
	return n;
}

/* Index of the first segment whose number is not below `id`. */
static size_t find(const struct pl_spool *s, uint64_t id)
{
	size_t from = 0, to = s->n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (s->segments[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The segment is about to be used: few files are open at once. */
static struct pl_segment *use(struct pl_spool *s, size_t i)
{
	struct pl_segment *g = &s->segments[i], *oldest = NULL;
	size_t open = 0;
	g->used = ++s->turn;
	for (size_t k = 0; g->fd < 0 && k < s->n; k++) {
		struct pl_segment *other = &s->segments[k];
		if (other->fd < 0)
			continue;
		open++;
		if (oldest == NULL || other->used < oldest->used)
			oldest = other;
	}
	if (open >= OPEN_FILES)
		pl_segment_close(oldest);
	return g;
}

struct pl_segment *pl_spool_add_segment(struct pl_spool *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->segments = pl_realloc(s->segments, s->cap * sizeof *s->segments);
	}
	s->segments[s->n] = (struct pl_segment){.fd = -1};
	return &s->segments[s->n++];
}

static void forget(struct pl_spool *s, size_t i)
{
	pl_segment_finish(&s->segments[i]);
	if (i + 1 == s->n)
		s->appending = false;
	memmove(&s->segments[i], &s->segments[i + 1], (s->n - i - 1) * sizeof *s->segments);
	s->n--;
}

enum pl_err pl_spool_retire(struct pl_spool *s, size_t i, enum pl_drop reason)
{
	struct pl_segment *g = &s->segments[i];
	char name[PL_SEGMENT_NAME_BYTES];
	pl_segment_name(g->id, name);
	if (!g->counted) {
		bool keep = g->damaged && g->pending == 0;
		struct pl_spool_sums sums = pl_segment_sums_without(g, reason);
		s->unremoved = true;
		if (!s->ledger.made && pl_ledger_make(&s->ledger, pl_clock_wall_ns()) != PL_OK)
			return PL_EIO;
		if (pl_ledger_add(&s->ledger, g->id, &sums) != PL_OK)
			return PL_EIO;
		g->counted = true;
		g->pending = g->pending_held = g->pending_points = g->pending_bytes = 0;
		if (i + 1 == s->n)
			s->appending = false;
		if (keep && pl_spool_dir_set_aside(s->dir.fd, name, pl_clock_wall_ns()) == PL_OK) {
			forget(s, i);
			return PL_OK;
		}
	}
	if (unlinkat(s->dir.fd, name, 0) == 0 || errno == ENOENT)
		forget(s, i);
	else
		s->unremoved = true;
	return PL_OK;
}

static bool retirable(const struct pl_spool *s, size_t i, int64_t wall_ns)
{
	const struct pl_segment *g = &s->segments[i];
	if (g->pending > 0)
		return false;
	return !s->appending || i + 1 < s->n || g->end >= WORTH_REMOVING || wall_ns - g->made_wall_ns >= old_enough_ns ||
	       wall_ns < g->made_wall_ns;
}

void pl_spool_retire_settled(struct pl_spool *s)
{
	int64_t now = pl_clock_wall_ns();
	s->unremoved = false;
	for (size_t i = s->n; i-- > 0;) {
		const struct pl_segment *g = &s->segments[i];
		if (g->n_late > 0 && !g->counted)
			pl_segment_settle_late(use(s, i));
		s->unremoved = s->unremoved || g->n_late > 0;
		if (retirable(s, i, now) && pl_spool_retire(s, i, PL_DROP_CORRUPT) != PL_OK)
			s->unremoved = true;
	}
}

void pl_spool_set_limits(struct pl_spool *s, const struct pl_spool_limits *limits)
{
	s->limits = *limits;
}

static enum pl_err explain(enum pl_err err, const struct pl_spool *s, const char *what, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "cannot %s in %s: %s", what, s->path, strerror(errno));
	return err;
}

bool pl_spool_has(const struct pl_spool *s, uint64_t segment)
{
	size_t i = find(s, segment);
	return i < s->n && s->segments[i].id == segment && !s->segments[i].counted;
}

void pl_spool_pin(struct pl_spool *s, uint64_t from, uint64_t to)
{
	s->pinned_from = from;
	s->pinned_to = to;
}

static bool pinned(const struct pl_spool *s, size_t i)
{
	return s->segments[i].id >= s->pinned_from && s->segments[i].id <= s->pinned_to && s->pinned_to > 0;
}

static size_t oldest_droppable(const struct pl_spool *s)
{
	size_t i = 0;
	while (i < s->n && pinned(s, i))
		i++;
	return i;
}

static enum pl_err make_room(struct pl_spool *s, uint64_t bytes, char *reason, size_t reason_size)
{
	if (bytes > s->limits.max_bytes) {
		snprintf(reason, reason_size, "a batch of %zu bytes is larger than the queue's bound", (size_t)bytes);
		return PL_EFULL;
	}
	while (bytes_on_disk(s) + bytes > s->limits.max_bytes) {
		size_t oldest = oldest_droppable(s), before = s->n;
		if (oldest == s->n || (s->limits.policy == PL_POLICY_DROP_NEWEST && s->segments[oldest].pending > 0)) {
			snprintf(reason, reason_size, "%s holds its %zu bytes", s->path, (size_t)s->limits.max_bytes);
			return PL_EFULL;
		}
		uint64_t points = s->segments[oldest].pending_points;
		if (pl_spool_retire(s, oldest, PL_DROP_FULL_OLDEST) != PL_OK || s->n == before)
			return explain(PL_EIO, s, "remove a segment", reason, reason_size);
		if (points > 0)
			pl_warn(s->log, "the queue's disk buffer is full: its oldest points were dropped",
				PL_KVC("output", s->name), PL_KVC("dir", s->path), PL_KVI("points", points));
	}
	return PL_OK;
}

static enum pl_err begin_segment(struct pl_spool *s, int64_t wall_ns)
{
	struct pl_segment *g = pl_spool_add_segment(s);
	use(s, s->n - 1);
	enum pl_err err = pl_segment_create(g, s->dir.fd, s->next_id, wall_ns);
	if (err != PL_OK) {
		s->n--;
		return err;
	}
	s->next_id++;
	s->appending = true;
	return PL_OK;
}

/* After a failed append: an empty file goes, another one goes on when there is something to go on with. */
static void give_up_segment(struct pl_spool *s)
{
	struct pl_segment *g = &s->segments[s->n - 1];
	char name[PL_SEGMENT_NAME_BYTES];
	int error = errno;
	s->appending = false;
	if (g->end == 0) {
		pl_segment_name(g->id, name);
		unlinkat(s->dir.fd, name, 0); /* an empty one that stays is removed when the directory is opened again */
		forget(s, s->n - 1);
	}
	pl_spool_retire_settled(s);
	errno = error;
}

enum pl_err pl_spool_append(struct pl_spool *s, const struct pl_batch *b, bool held, bool moved, struct pl_spool_ref *ref,
			    char *reason, size_t reason_size)
{
	int64_t wall = pl_clock_wall_ns(), age = pl_clock_mono_ns() - b->sealed_mono_ns;
	uint64_t cost = pl_segment_cost(b);
	if (s->unremoved)
		pl_spool_retire_settled(s);
	if (s->appending && s->segments[s->n - 1].end + cost > segment_bytes(s)) {
		s->appending = false;
		if (s->segments[s->n - 1].pending == 0)
			pl_spool_retire_settled(s);
	}
	enum pl_err err = make_room(s, cost + (s->appending ? 0 : PL_SPOOL_FILE_HEAD), reason, reason_size);
	if (err != PL_OK)
		return err;
	if (!s->appending && begin_segment(s, wall) != PL_OK)
		return explain(PL_EIO, s, "begin a segment", reason, reason_size);
	struct pl_segment *g = use(s, s->n - 1);
	uint64_t offset;
	err = pl_segment_append(g, b, held, moved, wall - (age > 0 ? age : 0), &offset);
	if (err == PL_OK) {
		*ref = (struct pl_spool_ref){g->id, offset};
		return PL_OK;
	}
	give_up_segment(s);
	if (err == PL_EIO)
		return explain(PL_EIO, s, "write", reason, reason_size);
	snprintf(reason, reason_size, "a batch of %zu bytes is too large for a record", b->n);
	return PL_EFULL;
}

/* An account that does not add up would never add up again. */
static struct pl_spool_outcome fitting(const struct pl_spool *s, const struct pl_spool_outcome *o, uint32_t points)
{
	uint64_t sum = pl_spool_outcome_points(o);
	struct pl_spool_outcome fit = sum <= points ? *o : (struct pl_spool_outcome){0};
	if (sum == points)
		return fit;
	pl_error(s->log, "an outcome of a record does not fit its points", PL_KVC("output", s->name), PL_KVI("points", points),
		 PL_KVI("settled", sum));
	fit.dropped[PL_DROP_CORRUPT] += sum < points ? points - (uint32_t)sum : points;
	return fit;
}

static void settle_in(struct pl_spool *s, size_t i, uint64_t offset, const struct pl_spool_outcome *outcome)
{
	struct pl_spool_record r;
	struct pl_segment *g = use(s, i);
	if (g->counted || pl_segment_at(g, offset, &r) != PL_OK)
		return;
	struct pl_spool_outcome fit = fitting(s, outcome, r.points);
	if (pl_segment_settle(g, &r, &fit) != PL_OK || g->n_late > 0)
		s->unremoved = true;
}

void pl_spool_settle(struct pl_spool *s, struct pl_spool_ref ref, const struct pl_spool_outcome *outcome)
{
	size_t i = find(s, ref.segment);
	if (i == s->n || s->segments[i].id != ref.segment)
		return;
	settle_in(s, i, ref.offset, outcome);
	if (retirable(s, i, pl_clock_wall_ns()) && pl_spool_retire(s, i, PL_DROP_CORRUPT) != PL_OK)
		s->unremoved = true;
}

static void settle_corrupt(struct pl_spool *s, struct pl_spool_ref ref)
{
	struct pl_spool_record r;
	size_t i = find(s, ref.segment);
	if (pl_segment_at(use(s, i), ref.offset, &r) != PL_OK)
		return;
	s->corrupt++;
	s->segments[i].damaged = true;
	s->unremoved = true;
	settle_in(s, i, ref.offset, &(struct pl_spool_outcome){.dropped[PL_DROP_CORRUPT] = r.points});
	pl_error(s->log, "a record of the queue cannot be read back: its points are lost", PL_KVC("output", s->name),
		 PL_KVC("dir", s->path), PL_KVI("segment", ref.segment), PL_KVI("offset", ref.offset),
		 PL_KVI("points", r.points));
}

/* Records whose bytes the disk did not give. They are given up only when it gives others: it may be away as a whole. */
struct suspects {
	struct pl_spool_ref v[SUSPECTS];
	size_t n;
	bool failed;
};

static enum pl_err read_in(struct pl_spool *s, size_t i, uint64_t from, enum pl_segment_want want, struct suspects *suspects,
			   struct pl_batch **batch, struct pl_spool_ref *ref)
{
	struct pl_segment *g = use(s, i);
	struct pl_spool_record r;
	for (;;) {
		enum pl_err err = pl_segment_next(g, from, want, &r);
		if (err == PL_OK)
			err = pl_segment_batch(g, &r, &s->route, batch);
		else if (err == PL_ENOENT)
			return err;
		else
			break;
		*ref = (struct pl_spool_ref){g->id, r.offset};
		from = pl_spool_record_end(&r);
		if (err == PL_OK)
			return PL_OK;
		if (err == PL_EPARSE)
			settle_corrupt(s, *ref);
		else if (suspects->n < SUSPECTS)
			suspects->v[suspects->n++] = *ref;
		else
			break;
	}
	suspects->failed = true;
	return PL_ENOENT;
}

enum pl_err pl_spool_read(struct pl_spool *s, struct pl_spool_ref after, bool held, struct pl_batch **batch,
			  struct pl_spool_ref *ref)
{
	struct suspects suspects = {0};
	enum pl_err err = PL_ENOENT;
	for (size_t i = find(s, after.segment); err != PL_OK && i < s->n; i++) {
		const struct pl_segment *g = &s->segments[i];
		if ((held ? g->pending_held : g->pending - g->pending_held) == 0 || g->n_late == PL_SEGMENT_LATE)
			continue;
		uint64_t from = g->id == after.segment ? pl_segment_behind(use(s, i), after.offset) : 0;
		err = read_in(s, i, from, held ? PL_SEGMENT_HELD : PL_SEGMENT_PLAIN, &suspects, batch, ref);
	}
	if (err != PL_OK && (suspects.failed || suspects.n > 0))
		return PL_EIO;
	for (size_t i = 0; err == PL_OK && i < suspects.n; i++)
		settle_corrupt(s, suspects.v[i]);
	return err;
}

void pl_spool_expire(struct pl_spool *s, int64_t wall_ns)
{
	int64_t limit = s->limits.max_age_ns > 0 ? wall_ns - s->limits.max_age_ns : INT64_MIN;
	for (size_t i = s->n; i-- > 0;) {
		struct pl_segment *g = &s->segments[i];
		struct pl_spool_record r;
		if (pinned(s, i))
			continue;
		if (g->pending > 0 && g->newest_wall_ns < limit && pl_spool_retire(s, i, PL_DROP_TOO_OLD) == PL_OK)
			continue;
		for (uint64_t pending = 0; g->pending > 0 && g->pending != pending && g->first_wall_ns < limit;) {
			pending = g->pending; /* ends when nothing moves */
			if (pl_segment_next(use(s, i), g->first, PL_SEGMENT_ANY, &r) == PL_OK)
				settle_in(s, i, r.offset, &(struct pl_spool_outcome){.dropped[PL_DROP_TOO_OLD] = r.points});
		}
	}
	pl_spool_retire_settled(s);
}

bool pl_spool_needs_sync(const struct pl_spool *s, int64_t wall_ns)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct pl_segment *g = &s->segments[i];
		if (g->pending > 0 && g->synced < g->end &&
		    (g->first >= g->synced ? g->first_wall_ns : g->unsynced_wall_ns) <= wall_ns)
			return true;
	}
	return false;
}

enum pl_err pl_spool_sync(struct pl_spool *s)
{
	enum pl_err err = pl_ledger_sync(&s->ledger);
	for (size_t i = 0; i < s->n; i++) {
		const struct pl_segment *g = &s->segments[i];
		if (g->pending > 0 && g->synced < g->end && pl_segment_sync(use(s, i)) != PL_OK)
			err = PL_EIO;
	}
	return err;
}

struct pl_spool_account pl_spool_account(const struct pl_spool *s)
{
	struct pl_spool_sums sums = s->ledger.last.totals;
	struct pl_spool_account a = {.bytes_on_disk = bytes_on_disk(s), .segments = s->n, .torn = s->torn, .corrupt = s->corrupt};
	for (size_t i = 0; i < s->n; i++) {
		const struct pl_segment *g = &s->segments[i];
		if (g->counted)
			continue;
		pl_spool_sums_add(&sums, &g->sums);
		a.points_pending += g->pending_points;
		a.records_pending += g->pending;
		a.bytes_pending += g->pending_bytes;
		if (g->pending > 0 && a.oldest_wall_ns == 0)
			a.oldest_wall_ns = g->first_wall_ns;
	}
	a.points_in = sums.in + sums.moved_in - sums.moved_out;
	a.points_out = sums.out;
	a.points_quarantined = sums.quarantined;
	memcpy(a.dropped, sums.dropped, sizeof a.dropped);
	return a;
}
