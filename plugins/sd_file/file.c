#include "sd_file/file.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/target_file.h"

void pl_sd_file_init(struct pl_sd_file *f, const char *path)
{
	*f = (struct pl_sd_file){.path = pl_strdup(path)};
}

void pl_sd_file_finish(struct pl_sd_file *f)
{
	free(f->path);
	*f = (struct pl_sd_file){0};
}

static void tell_trouble(struct pl_sd_file *f, struct pl_discovery_sink *sink, const char *reason)
{
	f->trouble = true;
	sink->trouble(sink, pl_str_of(f->path), reason);
}

static void tell_unreadable(struct pl_sd_file *f, struct pl_discovery_sink *sink, const char *reason)
{
	struct pl_buf text = {0};
	pl_buf_addf(&text, "%s: %s", f->path, reason);
	tell_trouble(f, sink, pl_buf_cstr(&text));
	pl_buf_finish(&text);
	f->known = f->settled = false;
}

/* The first problem will do here; `check sd` tells them all. */
static void tell_problems(struct pl_sd_file *f, struct pl_discovery_sink *sink, const struct pl_problems *problems)
{
	struct pl_problem first = *problems->first;
	first.next = NULL;
	struct pl_buf text = {0};
	pl_problems_print(&(struct pl_problems){.first = &first, .n = 1}, &text);
	text.n--; /* its newline */
	if (problems->n > 1)
		pl_buf_addf(&text, " (and %zu more)", problems->n - 1);
	tell_trouble(f, sink, pl_buf_cstr(&text));
	pl_buf_finish(&text);
}

static void tell_content(struct pl_sd_file *f, struct pl_discovery_sink *sink, struct pl_str text)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_target_file file;
	if (pl_target_file_parse(&arena, f->path, text, &problems, &file) == PL_OK) {
		struct pl_target_group *groups = pl_arena_alloc(&arena, (file.n + 1) * sizeof *groups);
		for (size_t i = 0; i < file.n; i++)
			groups[i] =
			    (struct pl_target_group){file.groups[i].targets, file.groups[i].n_targets, file.groups[i].labels};
		sink->update(sink, pl_str_of(f->path), groups, file.n);
		if (f->trouble)
			sink->trouble(sink, pl_str_of(f->path), "");
		f->trouble = false;
	} else {
		tell_problems(f, sink, &problems);
	}
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

/* Times of files are coarse: after a change in this very moment another one may leave the same stamp. */
static bool is_settled(const struct stat *st)
{
	int64_t changed = (int64_t)st->st_ctim.tv_sec * PL_NS_PER_S + st->st_ctim.tv_nsec;
	return pl_clock_wall_ns() - changed > 2 * PL_NS_PER_S;
}

static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

static bool tell_gone(struct pl_sd_file *f, struct pl_discovery_sink *sink)
{
	if (!f->missing)
		sink->update(sink, pl_str_of(f->path), NULL, 0);
	f->missing = true;
	if (f->expected)
		tell_unreadable(f, sink, "no such file");
	return f->expected;
}

bool pl_sd_file_look(struct pl_sd_file *f, struct pl_discovery_sink *sink)
{
	struct stat st, link;
	if (stat(f->path, &st) != 0) {
		int error = errno;
		if (is_missing(error) && lstat(f->path, &link) != 0)
			return tell_gone(f, sink);
		tell_unreadable(f, sink, is_missing(error) ? "a symlink to something that is not there" : strerror(error));
		return true;
	}
	f->missing = false;
	if (f->settled && same_file(&f->id, &st))
		return true;

	char reason[256];
	struct pl_buf text = {0};
	bool settled = is_settled(&st); /* before it is read: what changes from now on must not pass for seen */
	enum pl_err err = pl_file_read(f->path, PL_TARGET_FILE_MAX_BYTES, &text, reason, sizeof reason);
	if (err == PL_OK) {
		uint64_t hash = pl_str_hash(pl_buf_str(&text), 0);
		if (!f->known || f->hash != hash)
			tell_content(f, sink, pl_buf_str(&text));
		f->known = true;
		f->hash = hash;
		f->id = st;
		f->settled = settled;
	} else {
		tell_unreadable(f, sink, reason);
	}
	pl_buf_finish(&text);
	return true;
}
