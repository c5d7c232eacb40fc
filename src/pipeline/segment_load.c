/* Summing an existing segment up: a walk from head to head, which looks for the next good head where one is damaged. */
#include "pipeline/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"

enum { HEADS = PL_SPOOL_HEAD + PL_SPOOL_OUTCOME, WINDOW = 64 * 1024 };

/* What was read last. Large records are jumped over, small ones come many at a time. */
struct window {
	int fd;
	uint64_t size; /* of the file */
	unsigned char *p;
	uint64_t at;
	size_t n;
	bool failed;
};

static bool fill(struct window *w, uint64_t at, size_t n)
{
	w->at = at;
	w->n = 0;
	while (w->n < n) {
		ssize_t done = pread(w->fd, w->p + w->n, n - w->n, (off_t)(at + w->n));
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		w->n += (size_t)done;
	}
	return w->n == n;
}

/* n bytes at `at`, which lie within the file; NULL: cannot be read. */
static const unsigned char *see(struct window *w, uint64_t at, size_t n)
{
	if (at < w->at || at + n > w->at + w->n) {
		size_t most = at - w->at < 2 * WINDOW ? WINDOW : n;
		if (!fill(w, at, w->size - at < most ? (size_t)(w->size - at) : most)) {
			w->failed = true;
			return NULL;
		}
	}
	return w->p + (at - w->at);
}

static bool head_at(struct window *w, uint64_t id, uint64_t at, struct pl_spool_record *r,
		    unsigned char outcome[PL_SPOOL_OUTCOME])
{
	if (w->size - at < HEADS)
		return false;
	const unsigned char *p = see(w, at, HEADS);
	if (p == NULL || !pl_spool_record_read(r, id, at, p) || pl_spool_record_end(r) > w->size)
		return false;
	memcpy(outcome, p + PL_SPOOL_HEAD, PL_SPOOL_OUTCOME);
	return true;
}

static bool body_good(struct window *w, const struct pl_spool_record *r)
{
	uint64_t left = (uint64_t)r->database + r->retention_policy + r->bytes, at = r->offset + HEADS;
	uint32_t crc = 0;
	for (size_t n; left > 0; left -= n, at += n) {
		n = left < WINDOW ? (size_t)left : WINDOW;
		if (!fill(w, at, n))
			return false;
		crc = pl_crc32c(crc, w->p, n);
	}
	return crc == r->body_crc;
}

static void count(struct pl_segment *g, const struct pl_spool_record *r, const struct pl_spool_outcome *settled)
{
	if (r->moved)
		g->sums.moved_in += r->points;
	else
		g->sums.in += r->points;
	g->newest_wall_ns = r->wall_ns > g->newest_wall_ns ? r->wall_ns : g->newest_wall_ns;
	if (settled != NULL) {
		g->sums.out += settled->out;
		g->sums.quarantined += settled->quarantined;
		g->sums.moved_out += settled->moved;
		for (size_t d = 0; d < PL_DROP_COUNT; d++)
			g->sums.dropped[d] += settled->dropped[d];
		return;
	}
	if (g->pending == 0) {
		g->first = r->offset;
		g->first_wall_ns = r->wall_ns;
	}
	g->pending++;
	g->pending_held += r->held;
	g->pending_points += r->points;
	g->pending_bytes += r->bytes;
}

/* The records between what was counted and `r` have lost their heads. Each head tells what came before it; the first lost one's
 * outcome may still be good. */
static void count_lost(struct pl_segment *g, uint64_t gap, const struct pl_spool_record *r, struct window *w,
		       struct pl_segment_found *found)
{
	uint64_t records = r->sequence > g->records ? r->sequence - g->records : 0;
	uint64_t points = r->points_before > g->points ? r->points_before - g->points : 0;
	struct pl_spool_outcome o;
	const unsigned char *p;
	g->damaged = true;
	found->corrupt += records > 0 ? records : 1;
	if (points > 0 && gap + HEADS <= r->offset && (p = see(w, gap + PL_SPOOL_HEAD, PL_SPOOL_OUTCOME)) != NULL &&
	    pl_spool_outcome_read(&o, &g->reasons, g->id, gap, p) == PL_OK &&
	    pl_spool_outcome_points(&o) <= (points < UINT32_MAX ? points : UINT32_MAX)) {
		struct pl_spool_record lost = {.offset = gap, .points = (uint32_t)pl_spool_outcome_points(&o)};
		count(g, &lost, &o);
		points -= lost.points;
	}
	g->sums.in += points;
	g->sums.dropped[PL_DROP_CORRUPT] += points;
}

static void walk(struct pl_segment *g, struct window *w, bool last, struct pl_segment_found *found)
{
	struct pl_spool_record r;
	unsigned char outcome[PL_SPOOL_OUTCOME];
	struct pl_segment good = *g; /* after the last record whose body is good too */
	uint64_t doubtful = 0, corrupt = found->corrupt;
	for (uint64_t at = g->end; at < w->size;) {
		uint64_t gap = at;
		struct pl_spool_outcome o;
		while (w->size - at >= HEADS && !head_at(w, g->id, at, &r, outcome))
			at += PL_SPOOL_ALIGN;
		if (w->size - at < HEADS) {
			doubtful++;
			break;
		}
		if (at != gap)
			count_lost(g, gap, &r, w, found);
		enum pl_err err = pl_spool_outcome_read(&o, &g->reasons, g->id, at, outcome);
		if (err == PL_OK && pl_spool_outcome_points(&o) != r.points)
			err = PL_EPARSE;
		if (err == PL_EPARSE) { /* delivered again rather than lost */
			g->damaged = true;
			found->corrupt++;
		}
		g->damaged = g->damaged || o.dropped[PL_DROP_CORRUPT] > 0;
		count(g, &r, err == PL_OK ? &o : NULL);
		g->records = r.sequence + 1;
		g->points = r.points_before + r.points;
		g->end = at = pl_spool_record_end(&r);
		if (last && err != PL_OK && !body_good(w, &r)) {
			doubtful++;
			continue;
		}
		good = *g;
		doubtful = 0;
		corrupt = found->corrupt;
	}
	if (doubtful == 0)
		return;
	*g = good;
	found->corrupt = corrupt;
	if (last) {
		found->torn += doubtful;
		if (pl_segment_fd(g, true) >= 0 && ftruncate(g->fd, (off_t)g->end) == 0)
			fdatasync(g->fd);
	} else {
		found->corrupt++;
		g->damaged = true;
	}
}

enum pl_err pl_segment_load(struct pl_segment *g, int dirfd, uint64_t id, bool last, struct pl_segment_found *found)
{
	struct stat st;
	struct pl_spool_file file;
	struct window w = {.p = pl_alloc(WINDOW)};
	enum pl_err err = PL_EIO;
	*found = (struct pl_segment_found){0};
	*g = (struct pl_segment){.dirfd = dirfd, .id = id, .fd = -1, .end = PL_SPOOL_FILE_HEAD, .first = PL_SPOOL_FILE_HEAD};
	w.fd = pl_segment_fd(g, false);
	if (w.fd < 0 && errno != ELOOP && errno != ENXIO && errno != EISDIR)
		goto out;
	if (w.fd < 0 || fstat(w.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		found->why = "no regular file";
		err = PL_EPARSE;
		goto out;
	}
	w.size = (uint64_t)st.st_size;
	err = w.size == 0 ? PL_ENOENT : PL_OK;
	if (err != PL_OK)
		goto out;
	const unsigned char *head = w.size >= PL_SPOOL_FILE_HEAD ? see(&w, 0, PL_SPOOL_FILE_HEAD) : NULL;
	if (w.failed) {
		err = PL_EIO;
		goto out;
	}
	err = head == NULL ? PL_EPARSE : pl_spool_file_read(&file, PL_SPOOL_SEGMENT, head);
	found->version = head != NULL ? file.version : 0;
	if (err == PL_EVERSION)
		goto out;
	bool headless = err != PL_OK || file.id != id;
	if (headless)
		pl_spool_reasons_own(&g->reasons); /* its records are good for themselves */
	else
		g->reasons = file.reasons;
	g->made_wall_ns = headless ? 0 : file.made_wall_ns;
	if (w.size >= PL_SPOOL_FILE_HEAD)
		walk(g, &w, last && !headless, found);
	if (headless && (w.size < PL_SPOOL_FILE_HEAD || g->records == 0)) {
		found->why = head == NULL       ? "too short"
			     : err == PL_EPARSE ? "no file header and no record that could be read"
						: "another segment's file under this name";
		err = PL_EPARSE;
		goto out;
	}
	g->damaged = g->damaged || headless;
	found->corrupt += headless;
	if (g->pending == 0)
		g->first = g->end;
	g->unsynced_wall_ns = g->first_wall_ns;
	err = PL_OK;
out:
	pl_segment_close(g);
	free(w.p);
	return err;
}
