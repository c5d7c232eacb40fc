#include "pipeline/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/mem.h"

struct pl_segment_late {
	uint64_t offset;
	struct pl_spool_outcome outcome;
};

enum { BODY = PL_SPOOL_HEAD + PL_SPOOL_OUTCOME };

void pl_segment_name(uint64_t id, char out[PL_SEGMENT_NAME_BYTES])
{
	snprintf(out, PL_SEGMENT_NAME_BYTES, "%016" PRIx64 ".seg", id);
}

bool pl_segment_name_parse(const char *name, uint64_t *id)
{
	char again[PL_SEGMENT_NAME_BYTES];
	*id = strtoull(name, NULL, 16);
	pl_segment_name(*id, again);
	return *id > 0 && *id <= INT64_MAX && strcmp(name, again) == 0;
}

int pl_segment_fd(struct pl_segment *g, bool write)
{
	char name[PL_SEGMENT_NAME_BYTES];
	if (g->fd >= 0 && (g->writable || !write))
		return g->fd;
	pl_segment_close(g);
	pl_segment_name(g->id, name);
	/* not to hang on a pipe, nor to follow anywhere else */
	g->fd = openat(g->dirfd, name, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	g->writable = write;
	return g->fd;
}

void pl_segment_close(struct pl_segment *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

void pl_segment_finish(struct pl_segment *g)
{
	pl_segment_close(g);
	free(g->late);
	g->late = NULL;
	g->n_late = 0;
}

enum pl_err pl_segment_create(struct pl_segment *g, int dirfd, uint64_t id, int64_t wall_ns)
{
	char name[PL_SEGMENT_NAME_BYTES];
	*g = (struct pl_segment){
	    .dirfd = dirfd, .id = id, .made_wall_ns = wall_ns, .first = PL_SPOOL_FILE_HEAD, .writable = true, .unnamed = true};
	pl_spool_reasons_own(&g->reasons);
	pl_segment_name(id, name);
	g->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return g->fd >= 0 ? PL_OK : PL_EIO;
}

/* All of it or nothing but an error. */
static enum pl_err write_all(int fd, struct iovec *v, int n, uint64_t at)
{
	while (n > 0) {
		ssize_t done = pwritev(fd, v, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? ENOSPC : errno;
			return PL_EIO;
		}
		at += (uint64_t)done;
		for (size_t left = (size_t)done; n > 0;) {
			size_t part = left < v->iov_len ? left : v->iov_len;
			v->iov_base = (char *)v->iov_base + part;
			v->iov_len -= part;
			left -= part;
			if (v->iov_len > 0)
				break;
			v++;
			n--;
		}
	}
	return PL_OK;
}

/* PL_EPARSE: the file ends before. */
static enum pl_err read_all(int fd, void *p, size_t n, uint64_t at)
{
	for (char *to = p; n > 0;) {
		ssize_t done = pread(fd, to, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done == 0 ? PL_EPARSE : PL_EIO;
		to += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return PL_OK;
}

static uint32_t body_crc(const struct pl_batch *b)
{
	uint32_t crc = pl_crc32c(0, b->route->database, strlen(b->route->database));
	crc = pl_crc32c(crc, b->route->retention_policy, strlen(b->route->retention_policy));
	return pl_crc32c(crc, b->p, b->n);
}

uint64_t pl_segment_cost(const struct pl_batch *b)
{
	uint64_t n = BODY + (uint64_t)strlen(b->route->database) + strlen(b->route->retention_policy) + b->n;
	return (n + PL_SPOOL_ALIGN - 1) / PL_SPOOL_ALIGN * PL_SPOOL_ALIGN;
}

static void count_in(struct pl_segment *g, const struct pl_spool_record *r)
{
	if (g->pending == 0) {
		g->first = r->offset;
		g->first_wall_ns = r->wall_ns;
	}
	if (r->moved)
		g->sums.moved_in += r->points;
	else
		g->sums.in += r->points;
	g->records++;
	g->points += r->points;
	g->pending++;
	g->pending_held += r->held;
	g->pending_points += r->points;
	g->pending_bytes += r->bytes;
	g->newest_wall_ns = r->wall_ns > g->newest_wall_ns ? r->wall_ns : g->newest_wall_ns;
}

enum pl_err pl_segment_append(struct pl_segment *g, const struct pl_batch *b, bool held, bool moved, int64_t wall_ns,
			      uint64_t *offset)
{
	static const unsigned char zeros[PL_SPOOL_ALIGN];
	unsigned char heads[PL_SPOOL_FILE_HEAD + BODY] = {0};
	size_t database = strlen(b->route->database), rp = strlen(b->route->retention_policy);
	bool begins = g->end == 0;
	if (database > UINT16_MAX || rp > UINT16_MAX || b->n > INT32_MAX)
		return PL_ELIMIT;
	int fd = pl_segment_fd(g, true);
	if (fd < 0)
		return PL_EIO;
	struct pl_spool_record r = {.segment = g->id,
				    .offset = begins ? PL_SPOOL_FILE_HEAD : g->end,
				    .sequence = g->records,
				    .points_before = g->points,
				    .wall_ns = wall_ns,
				    .points = b->points,
				    .bytes = (uint32_t)b->n,
				    .database = (uint16_t)database,
				    .retention_policy = (uint16_t)rp,
				    .body_crc = body_crc(b),
				    .held = held,
				    .moved = moved};
	uint64_t next = pl_spool_record_end(&r);
	pl_spool_file_write(&(struct pl_spool_file){.kind = PL_SPOOL_SEGMENT, .id = g->id, .made_wall_ns = g->made_wall_ns},
			    heads);
	pl_spool_record_write(&r, heads + PL_SPOOL_FILE_HEAD);
	size_t skip = begins ? 0 : PL_SPOOL_FILE_HEAD;
	struct iovec parts[] = {
	    {heads + skip, sizeof heads - skip},
	    {(char *)b->route->database, database},
	    {(char *)b->route->retention_policy, rp},
	    {(char *)b->p, b->n},
	    {(unsigned char *)zeros, (size_t)(next - r.offset - BODY - database - rp - b->n)},
	};
	if (write_all(fd, parts, PL_COUNT_OF(parts), g->end) != PL_OK) {
		int error = errno;
		if (ftruncate(fd, (off_t)g->end) != 0)
			g->damaged = true;
		errno = error;
		return PL_EIO;
	}
	if (g->synced == g->end)
		g->unsynced_wall_ns = wall_ns;
	g->end = next;
	count_in(g, &r);
	*offset = r.offset;
	return PL_OK;
}

static const struct pl_segment_late *late_at(const struct pl_segment *g, uint64_t offset)
{
	for (size_t i = 0; i < g->n_late; i++)
		if (g->late[i].offset == offset)
			return &g->late[i];
	return NULL;
}

/* PL_EPARSE: no record begins there; PL_ENOENT: it is settled (`*r` is filled). */
static enum pl_err look(struct pl_segment *g, uint64_t offset, struct pl_spool_record *r)
{
	unsigned char head[BODY];
	struct pl_spool_outcome o;
	if (offset < PL_SPOOL_FILE_HEAD || offset % PL_SPOOL_ALIGN != 0 || offset + BODY > g->end)
		return PL_EPARSE;
	int fd = pl_segment_fd(g, false);
	if (fd < 0)
		return PL_EIO;
	enum pl_err err = read_all(fd, head, sizeof head, offset);
	if (err != PL_OK)
		return err;
	if (!pl_spool_record_read(r, g->id, offset, head) || pl_spool_record_end(r) > g->end)
		return PL_EPARSE;
	err = pl_spool_outcome_read(&o, &g->reasons, g->id, offset, head + PL_SPOOL_HEAD);
	bool settled = err == PL_OK && pl_spool_outcome_points(&o) == r->points;
	return settled || late_at(g, offset) != NULL ? PL_ENOENT : PL_OK;
}

enum pl_err pl_segment_at(struct pl_segment *g, uint64_t offset, struct pl_spool_record *r)
{
	enum pl_err err = look(g, offset, r);
	return err == PL_EPARSE ? PL_ENOENT : err;
}

uint64_t pl_segment_behind(struct pl_segment *g, uint64_t offset)
{
	struct pl_spool_record r;
	enum pl_err err = look(g, offset, &r);
	return err == PL_OK || err == PL_ENOENT ? pl_spool_record_end(&r) : (offset / PL_SPOOL_ALIGN + 1) * PL_SPOOL_ALIGN;
}

enum pl_err pl_segment_next(struct pl_segment *g, uint64_t from, enum pl_segment_want want, struct pl_spool_record *r)
{
	uint64_t at = from > g->first ? from : g->first;
	while (at < g->end) {
		enum pl_err err = look(g, at, r);
		if (err == PL_EIO)
			return err;
		if (err == PL_OK && (want == PL_SEGMENT_ANY || r->held == (want == PL_SEGMENT_HELD)))
			return PL_OK;
		at = err == PL_EPARSE ? at + PL_SPOOL_ALIGN : pl_spool_record_end(r);
	}
	return PL_ENOENT;
}

enum pl_err pl_segment_batch(struct pl_segment *g, const struct pl_spool_record *r, struct pl_route **route,
			     struct pl_batch **batch)
{
	struct pl_buf lines = {0};
	size_t names = (size_t)r->database + r->retention_policy;
	char *database = NULL, *rp = NULL, *head = pl_alloc(names + 1);
	int fd = pl_segment_fd(g, false);
	enum pl_err err = fd < 0 ? PL_EIO : read_all(fd, head, names, r->offset + BODY);
	if (err == PL_OK)
		err = read_all(fd, pl_buf_reserve(&lines, r->bytes + 1), r->bytes, r->offset + BODY + names);
	if (err != PL_OK)
		goto out;
	lines.n = r->bytes;
	if (pl_crc32c(pl_crc32c(0, head, names), lines.p, lines.n) != r->body_crc) {
		err = PL_EPARSE;
		goto out;
	}
	database = pl_strndup(head, r->database);
	rp = pl_strndup(head + r->database, r->retention_policy);
	if (*route == NULL || strcmp((*route)->database, database) != 0 || strcmp((*route)->retention_policy, rp) != 0) {
		if (*route != NULL)
			pl_route_release(*route);
		*route = pl_route_create(database, rp);
	}
	*batch = pl_batch_create(*route, &lines, r->points);
	int64_t age = pl_clock_wall_ns() - r->wall_ns; /* the clock may have been set since */
	(*batch)->sealed_mono_ns -= age > 0 && age < (*batch)->sealed_mono_ns ? age : 0;
out:
	free(head);
	free(database);
	free(rp);
	pl_buf_finish(&lines);
	return err;
}

static enum pl_err write_outcome(struct pl_segment *g, uint64_t offset, const struct pl_spool_outcome *o)
{
	unsigned char bytes[PL_SPOOL_OUTCOME];
	int fd = pl_segment_fd(g, true);
	if (fd < 0)
		return PL_EIO;
	pl_spool_outcome_write(o, &g->reasons, g->id, offset, bytes);
	return write_all(fd, &(struct iovec){bytes, sizeof bytes}, 1, offset + PL_SPOOL_HEAD);
}

enum pl_err pl_segment_settle(struct pl_segment *g, const struct pl_spool_record *r, const struct pl_spool_outcome *o)
{
	struct pl_spool_record next;
	if (write_outcome(g, r->offset, o) != PL_OK) {
		if (g->n_late == PL_SEGMENT_LATE)
			return PL_EFULL;
		if (g->late == NULL)
			g->late = pl_calloc(PL_SEGMENT_LATE, sizeof *g->late);
		g->late[g->n_late++] = (struct pl_segment_late){r->offset, *o};
	}
	g->sums.out += o->out;
	g->sums.quarantined += o->quarantined;
	g->sums.moved_out += o->moved;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		g->sums.dropped[d] += o->dropped[d];
	g->pending--;
	g->pending_held -= r->held;
	g->pending_points -= r->points;
	g->pending_bytes -= r->bytes;
	if (g->pending == 0) {
		g->first = g->end;
	} else if (r->offset == g->first && pl_segment_next(g, g->first, PL_SEGMENT_ANY, &next) == PL_OK) {
		g->first = next.offset;
		g->first_wall_ns = next.wall_ns;
	}
	return PL_OK;
}

void pl_segment_settle_late(struct pl_segment *g)
{
	while (g->n_late > 0) {
		const struct pl_segment_late *l = &g->late[g->n_late - 1];
		if (write_outcome(g, l->offset, &l->outcome) != PL_OK)
			return;
		g->n_late--;
	}
}

struct pl_spool_sums pl_segment_sums_without(const struct pl_segment *g, enum pl_drop reason)
{
	struct pl_spool_sums sums = g->sums;
	sums.dropped[reason] += g->pending_points;
	return sums;
}

enum pl_err pl_segment_sync(struct pl_segment *g)
{
	int fd = pl_segment_fd(g, false);
	if (fd < 0 || fdatasync(fd) != 0)
		return PL_EIO;
	if (g->unnamed && fsync(g->dirfd) != 0)
		return PL_EIO;
	g->unnamed = false;
	g->synced = g->end;
	return PL_OK;
}
