#include "config/alert_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/json_tree.h"

enum { MAX_WHY = 256 };

struct reader {
	struct pl_config *config;
	const struct pl_decode_options *o;
	struct pl_arena *tree;
	struct pl_declared_alerts *all;
	const char **paths;
	size_t n_paths, cap_paths;
	bool too_many;
};

void pl_declared_alerts_add(struct pl_declared_alerts *all, struct pl_declared_alert one)
{
	if (all->n == all->cap) {
		all->cap = all->cap > 0 ? all->cap * 2 : 16;
		all->v = pl_realloc(all->v, all->cap * sizeof *all->v);
	}
	all->v[all->n++] = one;
}

/* ---- which files ---- */

static void add_path(struct reader *r, const char *path)
{
	for (size_t i = 0; i < r->n_paths; i++)
		if (strcmp(r->paths[i], path) == 0)
			return;
	if (r->n_paths == PL_ALERT_MOST_FILES) {
		r->too_many = true;
		return;
	}
	if (r->n_paths == r->cap_paths) {
		r->cap_paths = r->cap_paths > 0 ? r->cap_paths * 2 : 16;
		r->paths = pl_realloc(r->paths, r->cap_paths * sizeof *r->paths);
	}
	r->paths[r->n_paths++] = pl_arena_strdup(r->o->arena, path);
}

/* `*` stands for any bytes, also none; nothing else is special. */
static bool fits(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;
	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star + 1;
			name = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Hidden files only for a pattern that begins with a dot: editors leave theirs behind. */
static void add_matches(struct reader *r, const char *path, struct pl_mark mark, const char *at)
{
	const char *slash = strrchr(path, '/'), *pattern = slash != NULL ? slash + 1 : path;
	const char *folder = slash == NULL ? "." : slash == path ? "/" : pl_arena_strndup(r->tree, path, (size_t)(slash - path));
	DIR *d = opendir(folder);
	if (d == NULL) {
		pl_problems_add(r->o->problems, mark, at, "cannot read the folder %s: %s", folder, strerror(errno));
		return;
	}
	const char **names = pl_alloc((PL_ALERT_MOST_FILES + 1) * sizeof *names);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL && n <= PL_ALERT_MOST_FILES;) {
		if ((e->d_name[0] == '.') == (pattern[0] == '.') && fits(pattern, e->d_name))
			names[n++] = slash == NULL ? pl_arena_strdup(r->tree, e->d_name)
						   : pl_arena_printf(r->tree, "%.*s/%s", (int)(slash - path), path, e->d_name);
	}
	closedir(d);
	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 0; i < n; i++)
		add_path(r, names[i]);
	free(names);
}

static void find_files(struct reader *r, const struct pl_node *list)
{
	const struct pl_strings *files = &r->config->alert_files;
	for (size_t i = 0; i < files->n; i++) {
		const struct pl_node *item =
		    list != NULL && list->kind == PL_NODE_SEQUENCE && i < list->n ? list->items[i] : list;
		struct pl_mark mark = item != NULL ? item->mark : (struct pl_mark){0};
		const char *at = pl_arena_printf(r->tree, "alert_files[%zu]", i), *path = files->v[i];
		const char *slash = strrchr(path, '/'), *star = strchr(path, '*');
		if (path[0] == '\0')
			pl_problems_add(r->o->problems, mark, at, "must not be empty");
		else if (star != NULL && slash != NULL && star < slash)
			pl_problems_add(r->o->problems, mark, at, "* may stand in the last part of the path only");
		else if (star != NULL)
			add_matches(r, path, mark, at);
		else
			add_path(r, path);
		if (r->too_many) {
			pl_problems_add(r->o->problems, mark, at, "more than %d files", PL_ALERT_MOST_FILES);
			return;
		}
	}
}

/* ---- what they hold ---- */

static void take_list(struct reader *r, const struct pl_node *list, const char *prefix)
{
	if (list->n > PL_ALERT_MOST_DECLARED - r->all->n) {
		pl_problems_add(r->o->problems, list->mark, prefix, "more than %d alerts in all", PL_ALERT_MOST_DECLARED);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct pl_declared_alert one = {
		    .alert = pl_arena_alloc(r->o->arena, sizeof(struct pl_alert)),
		    .node = list->items[i],
		    .path = pl_arena_printf(r->tree, "%s[%zu]", prefix, i),
		};
		if (pl_schema_decode(&pl_alert_schema, one.node, one.path, r->o, one.alert) == PL_OK ||
		    one.node->kind == PL_NODE_MAPPING)
			pl_declared_alerts_add(r->all, one);
	}
}

static void take_document(struct reader *r, const struct pl_node *root)
{
	const struct pl_node *list = pl_node_get(root, "alerts");
	if (root->kind == PL_NODE_SEQUENCE) {
		take_list(r, root, "");
		return;
	}
	for (size_t i = 0; root->kind == PL_NODE_MAPPING && i < root->n; i++) {
		const struct pl_node *key = root->items[i];
		if (!pl_str_is(key->text, "alerts"))
			pl_problems_add(r->o->problems, key->mark, "",
					"unknown key \"%.*s\"; a file of alerts is a list of them, or {alerts: [...]}",
					key->text.n < 64 ? (int)key->text.n : 64, key->text.p);
	}
	if (list != NULL && list->kind == PL_NODE_SEQUENCE)
		take_list(r, list, "alerts");
	else if (!(list != NULL && pl_node_is_null(list)))
		pl_problems_add(r->o->problems, list != NULL ? list->mark : root->mark, list != NULL ? "alerts" : "",
				"expected a list of alerts");
}

static bool is_json(const char *path)
{
	size_t n = strlen(path);
	return n >= 5 && strcasecmp(path + n - 5, ".json") == 0;
}

static void read_one(struct reader *r, const char *path)
{
	struct pl_buf text = {0};
	struct pl_node *root;
	char why[MAX_WHY];
	if (pl_file_read(path, PL_ALERT_FILE_BYTES, &text, why, sizeof why) != PL_OK) {
		pl_problems_add(r->o->problems, (struct pl_mark){path, 0, 0}, "", "%s", why);
	} else if ((is_json(path) ? pl_json_tree_parse : pl_node_parse)(
		       r->tree, path, pl_buf_str(&text), (struct pl_node_limits){0}, r->o->problems, &root) != PL_OK) {
		/* the problems say why */
	} else if (root == NULL) {
		pl_problems_add(r->o->problems, (struct pl_mark){path, 0, 0}, "",
				"there is nothing in it; a file without alerts is written as []");
	} else {
		take_document(r, root);
	}
	pl_buf_finish(&text);
}

void pl_alert_files_read(struct pl_config *config, const struct pl_node *list, const struct pl_decode_options *o,
			 struct pl_arena *tree, struct pl_declared_alerts *all)
{
	struct reader r = {.config = config, .o = o, .tree = tree, .all = all};
	find_files(&r, list);
	for (size_t i = 0; i < r.n_paths; i++)
		read_one(&r, r.paths[i]);
	config->alert_paths.n = r.n_paths;
	config->alert_paths.v = pl_arena_alloc(o->arena, (r.n_paths + 1) * sizeof *r.paths);
	if (r.n_paths > 0)
		memcpy(config->alert_paths.v, r.paths, r.n_paths * sizeof *r.paths);
	free(r.paths);
}
