/* The directories that are watched for changes (inotify by libuv). Files are never watched themselves: whoever renames over them
 * or swaps a symlink changes the directory. */
#ifndef PL_SD_FILE_WATCHES_H
#define PL_SD_FILE_WATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pl_sd_watch;

struct pl_sd_watches {
	uv_loop_t *loop;
	/* Something happened to `name` in a watched directory, or (NULL) to the directory or the very entry that was asked for;
	 * `content`: only to its content or attributes. */
	void (*event)(void *data, const char *name, bool content);
	void *data;
	struct pl_sd_watch *first;
	size_t n;
	size_t closing;        /* handles whose end is awaited */
	int trouble;           /* libuv's last error from starting a watch; 0: none since pl_sd_watches_begin */
	char trouble_dir[256]; /* where that was, cut */
	void (*closed)(void *data);
};

void pl_sd_watches_init(struct pl_sd_watches *w, uv_loop_t *loop, void (*event)(void *data, const char *name, bool content),
			void *data);

/* Between begin and end the caller names every directory that it wants watched; those that it does not name end.
 * want: watches for events of the entry `only` (NULL: of every entry, and of the directory itself), for which it need not exist.
 * True when a watch was begun, which means that what happened before now may have been missed. */
void pl_sd_watches_begin(struct pl_sd_watches *w);
bool pl_sd_watches_want(struct pl_sd_watches *w, const char *dir, const char *only);
void pl_sd_watches_end(struct pl_sd_watches *w);

/* What it takes to see `dir` itself come, go and be replaced: watches it and its parent, the place of every symlink on the way,
 * and when it does not exist the last directory on the way that does. True as above. */
bool pl_sd_watches_want_way(struct pl_sd_watches *w, const char *dir);

/* Ends all watches; `closed` when none is left, always from the loop or, if there was none, at once. */
void pl_sd_watches_close(struct pl_sd_watches *w, void (*closed)(void *data));

#endif
