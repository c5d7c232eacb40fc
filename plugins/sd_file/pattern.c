#include "sd_file/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/target_file.h"

const char *pl_sd_pattern_trouble(struct pl_str text)
{
	const char *slash = text.n > 0 ? memrchr(text.p, '/', text.n) : NULL;
	const char *star = text.n > 0 ? memchr(text.p, '*', text.n) : NULL;
	if (!pl_target_file_name_valid(text))
		return "a discovery file's name must end in .json, .yml or .yaml";
	if (memchr(text.p, '\0', text.n) != NULL)
		return "a file's name has no NUL byte";
	if (star != NULL && slash != NULL && star < slash)
		return "* may stand only in the last part of the path";
	return NULL;
}

void pl_sd_path_clean(struct pl_buf *out, struct pl_str path)
{
	size_t start = out->n;
	bool absolute = path.n > 0 && path.p[0] == '/';
	if (absolute)
		pl_buf_add_char(out, '/');
	size_t root = out->n, keep = root; /* what stands before `keep` ends in .. parts that cannot be undone */
	for (struct pl_str rest = path; rest.p != NULL;) {
		struct pl_str part = pl_str_cut(&rest, '/');
		if (part.n == 0 || pl_str_is(part, "."))
			continue;
		if (pl_str_is(part, "..")) {
			if (out->n > keep) {
				while (out->n > keep && out->p[out->n - 1] != '/')
					out->n--;
				if (out->n > keep)
					out->n--; /* the slash */
				continue;
			}
			if (absolute)
				continue;
		}
		if (out->n > root)
			pl_buf_add_char(out, '/');
		pl_buf_add_str(out, part);
		if (pl_str_is(part, ".."))
			keep = out->n;
	}
	if (out->n == start)
		pl_buf_add_char(out, '.');
}

void pl_sd_pattern_init(struct pl_sd_pattern *p, const char *base_dir, struct pl_str text)
{
	struct pl_buf path = {0}, joined = {0};
	bool absolute = text.n > 0 && text.p[0] == '/';
	const char *slash = text.n > 0 ? memrchr(text.p, '/', text.n) : NULL;
	struct pl_str last = slash != NULL ? (struct pl_str){slash + 1, (size_t)(text.p + text.n - slash - 1)} : text;
	p->glob = false;
	for (size_t i = 0; i < last.n; i++)
		p->glob |= strchr("*?[\\", last.p[i]) != NULL;
	if (absolute && !p->glob) {
		pl_buf_add_str(&path, text);
	} else {
		if (!absolute)
			pl_buf_addf(&joined, "%s/", base_dir[0] != '\0' ? base_dir : ".");
		pl_buf_add_str(&joined, text);
		pl_sd_path_clean(&path, pl_buf_str(&joined));
	}
	pl_buf_finish(&joined);
	p->text = pl_buf_take(&path);
	char *cut = strrchr(p->text, '/');
	p->last = cut != NULL ? cut + 1 : p->text;
	p->dir = cut == NULL ? pl_strdup(".") : pl_strndup(p->text, cut == p->text ? 1 : (size_t)(cut - p->text));
}

void pl_sd_pattern_finish(struct pl_sd_pattern *p)
{
	free(p->text);
	free(p->dir);
	*p = (struct pl_sd_pattern){0};
}

bool pl_sd_pattern_matches(const struct pl_sd_pattern *p, const char *name)
{
	return p->glob ? fnmatch(p->last, name, 0) == 0 : strcmp(p->last, name) == 0;
}

bool pl_sd_pattern_covers(const struct pl_sd_pattern *p, const char *path)
{
	size_t before = (size_t)(p->last - p->text);
	return strncmp(path, p->text, before) == 0 && strchr(path + before, '/') == NULL &&
	       pl_sd_pattern_matches(p, path + before);
}

static enum pl_err fail(int error, const char *what, char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "%s: %s", what, strerror(error));
	return error == ENOENT || error == ENOTDIR ? PL_ENOENT : error == EACCES ? PL_EACCES : PL_EIO;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum pl_err list_directory(const struct pl_sd_pattern *p, size_t max, char ***names, size_t *n, char *reason,
				  size_t reason_size)
{
	DIR *dir = opendir(p->dir);
	if (dir == NULL)
		return fail(errno, p->dir, reason, reason_size);
	enum pl_err err = PL_OK;
	size_t cap = 0;
	while (err == PL_OK) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (entry == NULL) {
			if (errno != 0)
				err = fail(errno, p->dir, reason, reason_size);
			break;
		}
		if (!pl_sd_pattern_matches(p, entry->d_name))
			continue;
		if (*n == max) {
			snprintf(reason, reason_size, "more than %zu files match; the others are left out", max);
			err = PL_ELIMIT;
			break;
		}
		if (*n == cap) {
			cap = cap == 0 ? 16 : cap * 2;
			*names = pl_realloc(*names, cap * sizeof(char *));
		}
		(*names)[(*n)++] = pl_strdup(entry->d_name);
	}
	closedir(dir);
	return err;
}

enum pl_err pl_sd_pattern_list(const struct pl_sd_pattern *p, size_t max, void (*found)(void *data, const char *path), void *data,
			       char *reason, size_t reason_size)
{
	char **names = NULL;
	size_t n = 0;
	enum pl_err err = list_directory(p, max, &names, &n, reason, reason_size);
	if (n > 1)
		qsort(names, n, sizeof(char *), by_text);
	struct pl_buf path = {0};
	for (size_t i = 0; i < n; i++) {
		pl_buf_clear(&path);
		pl_buf_add(&path, p->text, (size_t)(p->last - p->text));
		pl_buf_add_cstr(&path, names[i]);
		found(data, pl_buf_cstr(&path));
		free(names[i]);
	}
	pl_buf_finish(&path);
	free(names);
	return err;
}
