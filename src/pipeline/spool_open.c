#include "pipeline/spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static void set_aside(struct pl_spool *s, const char *file, const char *why)
{
	bool aside = pl_spool_dir_set_aside(s->dir.fd, file, pl_clock_wall_ns()) == PL_OK;
	pl_error(s->log, aside ? "set a damaged file of the queue aside" : "cannot set a damaged file of the queue aside",
		 PL_KVC("output", s->name), PL_KVC("dir", s->path), PL_KVC("file", file), PL_KVC("reason", why));
}

static enum pl_err refuse_version(const struct pl_spool *s, const char *file, uint32_t version, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "%s/%s has version %u of the format, this program reads %d to %d", s->path, file, version,
		 (int)PL_SPOOL_VERSION_OLDEST, (int)PL_SPOOL_VERSION);
	return PL_EVERSION;
}

static enum pl_err fail(const struct pl_spool *s, const char *what, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "cannot %s in %s: %s", what, s->path, strerror(errno));
	return PL_EIO;
}

static enum pl_err open_ledger(struct pl_spool *s, char *reason, size_t reason_size)
{
	struct pl_ledger_found found;
	enum pl_err err = pl_ledger_load(&s->ledger, s->dir.fd, &found);
	if (err == PL_EVERSION)
		return refuse_version(s, "ledger", found.version, reason, reason_size);
	if (err == PL_EIO)
		return fail(s, "read the ledger", reason, reason_size);
	s->corrupt += found.corrupt;
	if (found.garbage)
		set_aside(s, "ledger",
			  s->ledger.last.sequence > 0 ? "damaged; its totals could be read" : "damaged; its totals are lost");
	return PL_OK;
}

static enum pl_err open_segment(struct pl_spool *s, uint64_t id, bool last, char *reason, size_t reason_size)
{
	char file[PL_SEGMENT_NAME_BYTES];
	struct pl_segment_found found;
	struct pl_segment *g = pl_spool_add_segment(s);
	enum pl_err err = pl_segment_load(g, s->dir.fd, id, last, &found);
	pl_segment_name(id, file);
	if (err == PL_OK) {
		g->counted = pl_ledger_has(&s->ledger, id);
		if (g->counted)
			return PL_OK;
		s->torn += found.torn;
		s->corrupt += found.corrupt;
		if (found.torn + found.corrupt > 0)
			pl_warn(s->log, "part of the queue on disk could not be read", PL_KVC("output", s->name),
				PL_KVC("dir", s->path), PL_KVC("file", file), PL_KVI("torn_records", found.torn),
				PL_KVI("corrupt_records", found.corrupt));
		return PL_OK;
	}
	s->n--;
	if (err == PL_EVERSION)
		return refuse_version(s, file, found.version, reason, reason_size);
	if (err == PL_EIO) { /* may be readable at the next start */
		pl_error(s->log, "cannot read a segment of the queue: it is left alone", PL_KVC("output", s->name),
			 PL_KVC("dir", s->path), PL_KVC("file", file), PL_KVC("reason", strerror(errno)));
		return PL_OK;
	}
	if (err == PL_ENOENT) {
		unlinkat(s->dir.fd, file, 0);
		return PL_OK;
	}
	s->corrupt++;
	set_aside(s, file, found.why);
	return PL_OK;
}

static void finish(struct pl_spool *s)
{
	for (size_t i = 0; i < s->n; i++)
		pl_segment_finish(&s->segments[i]);
	if (s->route != NULL)
		pl_route_release(s->route);
	pl_spool_dir_close(&s->dir);
	free(s->segments);
	free(s->path);
	free(s->name);
	free(s);
}

enum pl_err pl_spool_open(struct pl_spool **out, const struct pl_spool_options *options, char *reason, size_t reason_size)
{
	struct pl_spool *s = pl_calloc(1, sizeof *s);
	uint64_t *ids = NULL;
	size_t n = 0;
	s->path = pl_strdup(options->dir);
	s->name = pl_strdup(options->name);
	s->log = options->log;
	s->limits = options->limits;
	enum pl_err err = pl_spool_dir_open(&s->dir, s->path, reason, reason_size);
	if (err == PL_OK)
		err = open_ledger(s, reason, reason_size);
	if (err == PL_OK && pl_spool_dir_list(&s->dir, &ids, &n) != PL_OK)
		err = fail(s, "list the segments", reason, reason_size);
	s->next_id = s->ledger.last.highest + 1;
	for (size_t i = 0; err == PL_OK && i < n; i++) {
		if (ids[i] >= s->next_id)
			s->next_id = ids[i] + 1;
		err = open_segment(s, ids[i], i + 1 == n, reason, reason_size);
	}
	free(ids);
	if (err != PL_OK) {
		finish(s);
		return err;
	}
	if (!s->ledger.made && pl_ledger_make(&s->ledger, pl_clock_wall_ns()) != PL_OK)
		pl_warn(s->log, "cannot write the queue's ledger", PL_KVC("output", s->name), PL_KVC("dir", s->path),
			PL_KVC("reason", strerror(errno)));
	pl_spool_retire_settled(s);
	*out = s;
	return PL_OK;
}

void pl_spool_close(struct pl_spool *s)
{
	s->appending = false;
	pl_spool_retire_settled(s);
	finish(s);
}
