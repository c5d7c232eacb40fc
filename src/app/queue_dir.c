#include "app/queue_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock_file.h"
#include "base/mem.h"
#include "pipeline/registry.h"
#include "pipeline/spool.h"

/* Without a folder what is refused is kept in memory, where no more of it may be. */
enum { MOST_IN_MEMORY = 8 << 20 };

struct pl_queue_dir {
	char *path; /* NULL: there is none */
	int lock_fd;
	struct pl_log *log;
	struct pl_quarantine *quarantine;
};

static void complain(struct pl_buf *problems, const struct pl_config *config, const char *what, const char *detail)
{
	const struct pl_mark *at = &config->queue.dir_mark;
	pl_buf_addf(problems, "%s:%u:%u: queue.dir: %s%s\n", at->file != NULL ? at->file : "(default)", at->line, at->column,
		    what, detail);
}

static enum pl_err lock_dir(struct pl_queue_dir *d, const struct pl_config *config, struct pl_buf *problems)
{
	char reason[128];
	struct pl_buf name = {0};
	if (mkdir(d->path, 0700) != 0 && errno != EEXIST) {
		complain(problems, config, "cannot be made: ", strerror(errno));
		return PL_EIO;
	}
	pl_buf_addf(&name, "%s/lock", d->path);
	enum pl_err err = pl_lock_file_take(&d->lock_fd, pl_buf_cstr(&name), reason, sizeof reason);
	pl_buf_finish(&name);
	if (err != PL_OK)
		complain(problems, config, err == PL_EINUSE ? "is in use by another daemon, " : "cannot be locked: ", reason);
	return err == PL_EACCES ? PL_EIO : err;
}

static uint64_t quarantine_bound(const struct pl_queue_dir *d, const struct pl_config *config)
{
	uint64_t bytes = (uint64_t)config->queue.quarantine_bytes;
	return d->path == NULL && bytes > MOST_IN_MEMORY ? MOST_IN_MEMORY : bytes;
}

static enum pl_err open_quarantine(struct pl_queue_dir *d, const struct pl_config *config, struct pl_buf *problems)
{
	char reason[512] = "";
	struct pl_buf path = {0};
	if (d->path != NULL)
		pl_buf_addf(&path, "%s/quarantine.db", d->path);
	const struct pl_quarantine_options options = {
	    .path = d->path != NULL ? pl_buf_cstr(&path) : NULL, .max_bytes = quarantine_bound(d, config), .log = d->log};
	enum pl_err err = pl_quarantine_open(&d->quarantine, &options, reason, sizeof reason);
	if (err != PL_OK)
		complain(problems, config, "the quarantine cannot be opened: ", reason[0] != '\0' ? reason : pl_err_text(err));
	else if (reason[0] != '\0')
		pl_warn(d->log, "trouble with the quarantine", PL_KVC("reason", reason));
	pl_buf_finish(&path);
	return err;
}

enum pl_err pl_queue_dir_open(struct pl_queue_dir **out, const struct pl_config *config, struct pl_log *log,
			      struct pl_buf *problems)
{
	struct pl_queue_dir *d = pl_calloc(1, sizeof *d);
	enum pl_err err = PL_OK;
	d->lock_fd = -1;
	d->log = log;
	if (config->queue.dir != NULL) {
		d->path = pl_strdup(config->queue.dir);
		err = lock_dir(d, config, problems);
	}
	if (err == PL_OK)
		err = open_quarantine(d, config, problems);
	if (err != PL_OK) {
		pl_queue_dir_close(d);
		return err;
	}
	*out = d;
	return PL_OK;
}

void pl_queue_dir_close(struct pl_queue_dir *d)
{
	if (d == NULL)
		return;
	if (d->quarantine != NULL)
		pl_quarantine_close(d->quarantine);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->path);
	free(d);
}

struct pl_quarantine *pl_queue_dir_quarantine(const struct pl_queue_dir *d)
{
	return d->quarantine;
}

enum pl_err pl_queue_dir_check(const struct pl_queue_dir *d, const struct pl_config *fresh, struct pl_buf *problems)
{
	const char *dir = fresh->queue.dir;
	if (d->path == NULL ? dir == NULL : dir != NULL && strcmp(d->path, dir) == 0)
		return PL_OK;
	complain(problems, fresh, "cannot be changed by a reload, only at a restart; it is ",
		 d->path != NULL ? d->path : "not given");
	return PL_EINVAL;
}

void pl_queue_dir_apply(struct pl_queue_dir *d, const struct pl_config *config)
{
	pl_quarantine_set_limit(d->quarantine, quarantine_bound(d, config));
}

/* ---- leftovers ---- */

static void look_into(const struct pl_queue_dir *d, const char *name)
{
	char reason[256];
	struct pl_buf path = {0};
	struct pl_spool *s;
	pl_buf_addf(&path, "%s/%s", d->path, name);
	const struct pl_spool_options options = {
	    .dir = pl_buf_cstr(&path), .name = name, .limits = {.max_bytes = UINT64_MAX}, .log = d->log};
	if (pl_spool_open(&s, &options, reason, sizeof reason) == PL_OK) {
		struct pl_spool_account a = pl_spool_account(s);
		pl_spool_close(s);
		if (a.points_pending > 0)
			pl_warn(d->log, "points wait on disk for an output that is not in the configuration",
				PL_KVC("output", name), PL_KVI("points", a.points_pending), PL_KVC("dir", pl_buf_cstr(&path)));
	}
	pl_buf_finish(&path);
}

/* Outputs are called by their kind: "influxdb", "influxdb-2". */
static bool may_be_output(const char *name)
{
	char kind[64];
	snprintf(kind, sizeof kind, "%.*s", (int)strcspn(name, "-"), name);
	return pl_plugin_find(PL_PLUGIN_OUTPUT, kind) != NULL;
}

static bool is_folder(const struct pl_queue_dir *d, const char *name)
{
	struct stat st;
	struct pl_buf path = {0};
	pl_buf_addf(&path, "%s/%s", d->path, name);
	bool yes = lstat(pl_buf_cstr(&path), &st) == 0 && S_ISDIR(st.st_mode);
	pl_buf_finish(&path);
	return yes;
}

void pl_queue_dir_warn_of_leftovers(const struct pl_queue_dir *d, bool (*is_output)(void *data, const char *name), void *data)
{
	DIR *dir = d->path != NULL ? opendir(d->path) : NULL;
	if (dir == NULL)
		return;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		if (may_be_output(e->d_name) && is_folder(d, e->d_name) && !is_output(data, e->d_name))
			look_into(d, e->d_name);
	closedir(dir);
}
