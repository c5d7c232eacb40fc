/* file_sd_configs: target groups in JSON or YAML files, read again when they change. */
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"
#include "pipeline/plugin.h"
#include "sd_file/file.h"
#include "sd_file/pattern.h"
#include "sd_file/watches.h"

enum { MAX_PATTERNS = 256, MAX_FILES = 4096, MAX_ROUNDS = 4 };
/* A change is seldom one event: we look when there was quiet for a while, but not too late. */
enum { QUIET_MS = 200, MAX_GATHER_MS = 600 };

enum { WATCH_AUTO, WATCH_OFF };

struct file_config {
	struct pl_strings files;
	int64_t refresh_interval;
	int watch;
};

struct entry {
	struct pl_sd_pattern pattern;
	bool trouble;     /* it stands as a source in trouble of its own */
	char reason[512]; /* why the last listing failed */
};

struct instance {
	struct pl_discovery_env env;
	int64_t refresh_ms;
	bool watching;
	struct entry *entries;
	size_t n_entries;
	struct pl_sd_file **files; /* sorted by path */
	size_t n_files, cap_files;
	struct pl_sd_watches watches;
	struct pl_incident watch_incident;
	uv_timer_t gather, refresh;
	uint64_t gather_until; /* the loop's milliseconds */
	size_t closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- configuration ---- */

static void check_config(void *object, const struct pl_check *c)
{
	const struct file_config *config = object;
	if (config->files.n > MAX_PATTERNS)
		pl_check_fail(c, "files", "%zu entries, the limit is %d", config->files.n, MAX_PATTERNS);
	for (size_t i = 0; i < config->files.n; i++) {
		const char *trouble = pl_sd_pattern_trouble(pl_str_of(config->files.v[i]));
		if (trouble != NULL)
			pl_check_fail(c, "files", "\"%s\": %s", config->files.v[i], trouble);
	}
}

static const char *const watch_choices[] = {"auto", "off", NULL};

static const struct pl_field fields[] = {
    {.key = "files",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct file_config, files),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "names, * allowed in the last part; they end in .json, .yml or .yaml"},
    {.key = "refresh_interval",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct file_config, refresh_interval),
     .fallback = "5m",
     .min = PL_NS_PER_S,
     .max = 0,
     .help = "how often the files are looked at even if no change was noticed"},
    {.key = "watch",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct file_config, watch),
     .fallback = "auto",
     .choices = watch_choices,
     .help = "auto: changes are noticed at once where the system can tell them; off: only every refresh_interval"},
    {0},
};

static const struct pl_schema schema = {
    .name = "file_sd_configs", .size = sizeof(struct file_config), .fields = fields, .check = check_config};

/* ---- the files ---- */

/* Where `path` stands among the files, or belongs. */
static size_t find_file(const struct instance *in, const char *path, bool *found)
{
	size_t low = 0, high = in->n_files;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(in->files[middle]->path, path);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pl_sd_file *add_file(struct instance *in, const char *path)
{
	bool found;
	size_t at = find_file(in, path, &found);
	if (found)
		return in->files[at];
	if (in->n_files == in->cap_files) {
		in->cap_files = in->cap_files == 0 ? 16 : in->cap_files * 2;
		in->files = pl_realloc(in->files, in->cap_files * sizeof(struct pl_sd_file *));
	}
	memmove(in->files + at + 1, in->files + at, (in->n_files - at) * sizeof(struct pl_sd_file *));
	in->files[at] = pl_alloc(sizeof(struct pl_sd_file));
	pl_sd_file_init(in->files[at], path);
	in->n_files++;
	return in->files[at];
}

static void on_found(void *data, const char *path)
{
	struct instance *in = data;
	if (in->n_files < MAX_FILES)
		add_file(in, path);
}

/* Adds what is new. What is gone shows when it is looked at. */
static void list_files(struct instance *in)
{
	for (size_t i = 0; i < in->n_entries; i++) {
		struct entry *e = &in->entries[i];
		e->reason[0] = '\0';
		if (e->pattern.glob &&
		    pl_sd_pattern_list(&e->pattern, MAX_FILES, on_found, in, e->reason, sizeof e->reason) == PL_OK)
			e->reason[0] = '\0';
	}
}

static void look_at_files(struct instance *in)
{
	size_t kept = 0;
	for (size_t i = 0; i < in->n_files; i++) {
		struct pl_sd_file *f = in->files[i];
		if (pl_sd_file_look(f, in->env.sink)) {
			in->files[kept++] = f;
			continue;
		}
		pl_sd_file_finish(f);
		free(f);
	}
	in->n_files = kept;
}

static bool any_covered(const struct instance *in, const struct pl_sd_pattern *p)
{
	for (size_t i = 0; i < in->n_files; i++)
		if (pl_sd_pattern_covers(p, in->files[i]->path))
			return true;
	return false;
}

/* A pattern stands among the sources as long as there is something wrong with it. */
static void tell_patterns(struct instance *in)
{
	for (size_t i = 0; i < in->n_entries; i++) {
		struct entry *e = &in->entries[i];
		struct pl_str source = pl_str_of(e->pattern.text);
		if (!e->pattern.glob)
			continue;
		const char *reason = e->reason[0] == '\0' && !any_covered(in, &e->pattern) ? "no file matches" : e->reason;
		if (reason[0] != '\0')
			in->env.sink->trouble(in->env.sink, source, reason);
		else if (e->trouble)
			in->env.sink->update(in->env.sink, source, NULL, 0);
		e->trouble = reason[0] != '\0';
	}
}

/* ---- watching ---- */

/* Where a symlink leads: a change there is none of the link's directory. */
static bool watch_link(struct instance *in, const char *path)
{
	struct stat st;
	char real[PATH_MAX];
	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) || realpath(path, real) == NULL)
		return false;
	char *slash = strrchr(real, '/');
	*slash = '\0';
	return pl_sd_watches_want(&in->watches, real[0] != '\0' ? real : "/", slash + 1);
}

/* True when something is watched now that was not before. */
static bool watch_all(struct instance *in)
{
	bool begun = false;
	if (!in->watching)
		return false;
	pl_sd_watches_begin(&in->watches);
	for (size_t i = 0; i < in->n_entries; i++)
		begun |= pl_sd_watches_want_way(&in->watches, in->entries[i].pattern.dir);
	for (size_t i = 0; i < in->n_files; i++)
		begun |= watch_link(in, in->files[i]->path);
	pl_sd_watches_end(&in->watches);
	return begun;
}

/* inotify(7) reports its limits by errors that mean something else to people. */
static const char *watch_reason(int error)
{
	switch (error) {
	case UV_ENOSPC:
		return "the limit of watches is reached (sysctl fs.inotify.max_user_watches)";
	case UV_EMFILE:
		return "the limit of inotify instances is reached (sysctl fs.inotify.max_user_instances), or that of open files";
	default:
		return uv_strerror(error);
	}
}

static void tell_watching(struct instance *in)
{
	int64_t now = pl_clock_wall_ns();
	if (in->watches.trouble == 0) {
		pl_incident_end(&in->watch_incident, now, in->env.log, "discovery files are watched again", NULL);
		return;
	}
	const struct pl_kv kv[] = {PL_KVC("files", in->entries[0].pattern.text),
				   PL_KVC("directory", in->watches.trouble_dir),
				   PL_KVC("reason", watch_reason(in->watches.trouble)),
				   PL_KVT("refresh_interval", in->refresh_ms * PL_NS_PER_MS),
				   {0}};
	pl_incident_fail(&in->watch_incident, now, in->env.log, PL_LOG_WARN,
			 "cannot watch for changes of discovery files, looking at them every refresh_interval instead", kv);
}

/* What a watch begun only now could not see yet is seen by listing once more. */
static void scan(struct instance *in)
{
	list_files(in);
	for (int round = 0; round < MAX_ROUNDS && watch_all(in); round++)
		list_files(in);
	look_at_files(in);
	tell_patterns(in);
	tell_watching(in);
}

static void on_timer(uv_timer_t *timer)
{
	scan(timer->data);
}

static void on_event(void *data, const char *name, bool content)
{
	struct instance *in = data;
	bool ours = name == NULL || !content; /* anything that comes or goes may be what a symlink led through */
	for (size_t i = 0; i < in->n_entries && !ours; i++)
		ours = pl_sd_pattern_matches(&in->entries[i].pattern, name);
	if (!ours)
		return;
	uint64_t now = uv_now(in->gather.loop);
	if (!uv_is_active((uv_handle_t *)&in->gather))
		in->gather_until = now + MAX_GATHER_MS;
	uint64_t left = in->gather_until > now ? in->gather_until - now : 0;
	uv_timer_start(&in->gather, on_timer, left < QUIET_MS ? left : QUIET_MS, 0);
}

/* ---- life ---- */

static enum pl_err open_file(const struct pl_discovery_env *env, const void *config, void **self)
{
	const struct file_config *c = config;
	struct instance *in = pl_calloc(1, sizeof *in);
	in->env = *env;
	in->watching = c->watch == WATCH_AUTO;
	in->n_entries = c->files.n;
	in->entries = pl_calloc(c->files.n + 1, sizeof *in->entries);
	for (size_t i = 0; i < c->files.n; i++) {
		pl_sd_pattern_init(&in->entries[i].pattern, env->base_dir, pl_str_of(c->files.v[i]));
		if (!in->entries[i].pattern.glob)
			add_file(in, in->entries[i].pattern.text)->expected = true;
	}
	pl_sd_watches_init(&in->watches, &env->loop->uv, on_event, in);
	uv_timer_init(&env->loop->uv, &in->gather);
	uv_timer_init(&env->loop->uv, &in->refresh);
	in->gather.data = in->refresh.data = in;
	in->refresh_ms = c->refresh_interval / PL_NS_PER_MS;
	uv_timer_start(&in->refresh, on_timer, (uint64_t)in->refresh_ms, (uint64_t)in->refresh_ms);
	*self = in;
	scan(in);
	return PL_OK;
}

static void on_part_closed(void *data)
{
	struct instance *in = data;
	if (--in->closing > 0)
		return;
	void (*closed)(void *) = in->closed;
	void *closed_data = in->closed_data;
	for (size_t i = 0; i < in->n_entries; i++)
		pl_sd_pattern_finish(&in->entries[i].pattern);
	for (size_t i = 0; i < in->n_files; i++) {
		pl_sd_file_finish(in->files[i]);
		free(in->files[i]);
	}
	free(in->entries);
	free(in->files);
	free(in);
	closed(closed_data);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void close_file(void *self, void (*closed)(void *data), void *data)
{
	struct instance *in = self;
	in->closed = closed;
	in->closed_data = data;
	in->closing = 3;
	uv_close((uv_handle_t *)&in->gather, on_timer_closed);
	uv_close((uv_handle_t *)&in->refresh, on_timer_closed);
	pl_sd_watches_close(&in->watches, on_part_closed);
}

static const struct pl_discovery_ops ops = {.open = open_file, .close = close_file};

const struct pl_plugin pl_plugin_sd_file = {
    PL_PLUGIN_HEADER,          .kind = PL_PLUGIN_DISCOVERY,
    .name = "file_sd_configs", .help = "target groups in JSON or YAML files, read again when they change",
    .schema = &schema,         .ops.discovery = &ops,
};
