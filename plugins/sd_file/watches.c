#include "sd_file/watches.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum { MAX_WATCHES = 1024 };

struct pl_sd_watch {
	uv_fs_event_t handle;
	struct pl_sd_watch *next;
	struct pl_sd_watches *owner;
	char *dir, *only, *base; /* base: last part of dir, by which libuv calls the directory itself */
	dev_t dev;
	ino_t ino;
	bool wanted;
	bool stale; /* the directory was moved or deleted: the next one of that name needs a new watch */
};

void pl_sd_watches_init(struct pl_sd_watches *w, uv_loop_t *loop, void (*event)(void *data, const char *name, bool content),
			void *data)
{
	*w = (struct pl_sd_watches){.loop = loop, .event = event, .data = data};
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct pl_sd_watch *watch = pl_container_of(handle, struct pl_sd_watch, handle);
	bool self = name == NULL || strcmp(name, watch->base) == 0; /* or an entry of the same name: no harm */
	bool content = (events & UV_RENAME) == 0 && status == 0;
	if (self && !content)
		watch->stale = true;
	if (watch->only == NULL || self || strcmp(name, watch->only) == 0)
		watch->owner->event(watch->owner->data, self || watch->only != NULL ? NULL : name, content);
}

static void on_closed(uv_handle_t *handle)
{
	struct pl_sd_watch *watch = pl_container_of((uv_fs_event_t *)(void *)handle, struct pl_sd_watch, handle);
	struct pl_sd_watches *w = watch->owner;
	free(watch->dir);
	free(watch->only);
	free(watch);
	if (--w->closing == 0 && w->closed != NULL)
		w->closed(w->data);
}

static void end_watch(struct pl_sd_watches *w, struct pl_sd_watch **at)
{
	struct pl_sd_watch *watch = *at;
	*at = watch->next;
	w->n--;
	w->closing++;
	uv_close((uv_handle_t *)&watch->handle, on_closed);
}

void pl_sd_watches_begin(struct pl_sd_watches *w)
{
	w->trouble = 0;
	for (struct pl_sd_watch *watch = w->first; watch != NULL; watch = watch->next)
		watch->wanted = false;
}

static bool fits(const struct pl_sd_watch *watch, const char *dir, const char *only)
{
	return strcmp(watch->dir, dir) == 0 &&
	       (watch->only == NULL ? only == NULL : only != NULL && strcmp(watch->only, only) == 0);
}

static void note_trouble(struct pl_sd_watches *w, int error, const char *dir)
{
	w->trouble = error;
	snprintf(w->trouble_dir, sizeof w->trouble_dir, "%s", dir);
}

bool pl_sd_watches_want(struct pl_sd_watches *w, const char *dir, const char *only)
{
	struct stat st;
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	for (struct pl_sd_watch **at = &w->first; *at != NULL; at = &(*at)->next) {
		struct pl_sd_watch *watch = *at;
		if (!fits(watch, dir, only))
			continue;
		if (!watch->stale && watch->dev == st.st_dev && watch->ino == st.st_ino) {
			watch->wanted = true;
			return false;
		}
		end_watch(w, at);
		break;
	}
	if (w->n >= MAX_WATCHES) {
		note_trouble(w, UV_ENOSPC, dir);
		return false;
	}
	struct pl_sd_watch *watch = pl_calloc(1, sizeof *watch);
	watch->owner = w;
	watch->dir = pl_strdup(dir);
	const char *slash = strrchr(watch->dir, '/');
	watch->base = slash != NULL ? watch->dir + (slash - watch->dir) + 1 : watch->dir;
	watch->only = only != NULL ? pl_strdup(only) : NULL;
	watch->dev = st.st_dev;
	watch->ino = st.st_ino;
	watch->wanted = true;
	watch->next = w->first;
	w->first = watch;
	w->n++;
	uv_fs_event_init(w->loop, &watch->handle);
	int rc = uv_fs_event_start(&watch->handle, on_event, watch->dir, 0);
	if (rc == 0)
		return true;
	note_trouble(w, rc, dir);
	end_watch(w, &w->first);
	return false;
}

void pl_sd_watches_end(struct pl_sd_watches *w)
{
	for (struct pl_sd_watch **at = &w->first; *at != NULL;) {
		if ((*at)->wanted)
			at = &(*at)->next;
		else
			end_watch(w, at);
	}
}

/* Walks `dir` part by part, `parent` always being what stands before the part. */
bool pl_sd_watches_want_way(struct pl_sd_watches *w, const char *dir)
{
	char parent[PATH_MAX], sofar[PATH_MAX];
	size_t n = strlen(dir), at = 0;
	bool begun = false;
	if (n >= sizeof sofar)
		return false;
	memcpy(parent, dir[0] == '/' ? "/" : ".", 2);
	while (at < n) {
		struct stat st;
		while (dir[at] == '/')
			at++;
		size_t start = at;
		while (at < n && dir[at] != '/')
			at++;
		if (at == start)
			break;
		char *part = pl_strndup(dir + start, at - start);
		memcpy(sofar, dir, at);
		sofar[at] = '\0';
		bool there = lstat(sofar, &st) == 0;
		/* `.` and `..` are no entries that could be replaced. */
		if ((!there || S_ISLNK(st.st_mode) || dir[at] == '\0') && strcmp(part, ".") != 0 && strcmp(part, "..") != 0)
			begun |= pl_sd_watches_want(w, parent, part);
		free(part);
		if (!there)
			return begun;
		memcpy(parent, sofar, at + 1);
	}
	return pl_sd_watches_want(w, dir, NULL) || begun;
}

void pl_sd_watches_close(struct pl_sd_watches *w, void (*closed)(void *data))
{
	while (w->first != NULL)
		end_watch(w, &w->first);
	w->closed = closed;
	if (w->closing == 0)
		closed(w->data);
}
