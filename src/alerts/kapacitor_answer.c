#include "alerts/kapacitor_answer.h"

#include <stdio.h>
#include <string.h>

#include "alerts/task_diff.h"
#include "alerts/tick.h"
#include "base/buf.h"
#include "base/printable.h"
#include "config/json_tree.h"
#include "config/problems.h"

/* Of an answer: some hundred tasks with some hundred vars and nodes each. A value costs about 150 bytes while it is read. */
enum { MOST_VALUES = 400 * 1000, MOST_DEPTH = 32, MOST_BYTES = 17 * 1024 * 1024, MOST_TEXT = 256, MOST_SAID = 64 * 1024 };

void pl_kapacitor_say(struct pl_str s, char *out, size_t size)
{
	struct pl_buf b = {0};
	s = pl_str_trim(s);
	if (s.n > size)
		s.n = size;
	while (s.n > 0 && !pl_str_utf8(s) && s.n + 4 > size) /* cut in the middle of a character, perhaps */
		s.n--;
	pl_buf_add_printable(&b, s);
	size_t n = b.n < size - 1 ? b.n : size - 1;
	while (n > 0 && n < b.n && !pl_str_utf8((struct pl_str){b.p, n}))
		n--;
	if (n > 0)
		memcpy(out, b.p, n);
	out[n] = '\0';
	pl_buf_finish(&b);
}

static enum pl_err parse(struct pl_arena *arena, struct pl_str body, struct pl_node **root, char *reason, size_t reason_size)
{
	const struct pl_node_limits limits = {.max_bytes = MOST_BYTES, .max_depth = MOST_DEPTH, .max_nodes = MOST_VALUES};
	struct pl_problems problems = {0};
	enum pl_err err = pl_json_tree_parse(arena, "answer", body, limits, &problems, root);
	if (err != PL_OK) {
		char why[160];
		pl_kapacitor_say(pl_str_of(problems.first != NULL ? problems.first->text : pl_err_text(err)), why, sizeof why);
		snprintf(reason, reason_size, "Kapacitor's answer cannot be read: %s", why);
	}
	pl_problems_finish(&problems);
	return err;
}

static struct pl_str text_of(const struct pl_node *object, const char *key)
{
	const struct pl_node *node = pl_node_get(object, key);
	return node != NULL && node->kind == PL_NODE_SCALAR && !pl_node_is_null(node) ? node->text : (struct pl_str){NULL, 0};
}

/* stats.node-stats.*.errors */
static uint64_t sum_errors(const struct pl_node *task)
{
	const struct pl_node *nodes = pl_node_get(pl_node_get(task, "stats"), "node-stats");
	uint64_t sum = 0, n;
	for (size_t i = 0; nodes != NULL && nodes->kind == PL_NODE_MAPPING && i < nodes->n; i++)
		if (pl_str_u64(text_of(nodes->values[i], "errors"), &n))
			sum += n;
	return sum;
}

static bool read_task(const struct pl_node *node, struct pl_kapacitor_task *out)
{
	struct pl_str created = text_of(node, "created"), script = text_of(node, "script");
	*out = (struct pl_kapacitor_task){.id = text_of(node, "id")};
	if (out->id.n == 0)
		return false;
	out->error = text_of(node, "error");
	out->fingerprint = pl_task_fingerprint(node);
	out->created = created.n > 0 ? pl_str_hash(created, 0) : 0;
	out->node_errors = sum_errors(node);
	out->enabled = pl_str_is(text_of(node, "status"), "enabled");
	out->executing = pl_str_is(text_of(node, "executing"), "true");
	out->marked = pl_str_starts(script, PL_STR(PL_TICK_MARKER));
	return true;
}

enum pl_err pl_kapacitor_page_read(struct pl_arena *arena, struct pl_str body, struct pl_kapacitor_page *out, char *reason,
				   size_t reason_size)
{
	struct pl_node *root = NULL;
	*out = (struct pl_kapacitor_page){0};
	enum pl_err err = parse(arena, body, &root, reason, reason_size);
	if (err != PL_OK)
		return err;
	const struct pl_node *tasks = pl_node_get(root, "tasks");
	if (tasks == NULL || tasks->kind != PL_NODE_SEQUENCE) {
		snprintf(reason, reason_size, "Kapacitor's answer has no list of tasks: is it Kapacitor?");
		return PL_EPARSE;
	}
	out->tasks = pl_arena_alloc(arena, (tasks->n + 1) * sizeof *out->tasks);
	for (size_t i = 0; i < tasks->n; i++)
		if (!read_task(tasks->items[i], &out->tasks[out->n++])) {
			snprintf(reason, reason_size, "Kapacitor's answer has a task without an id");
			return PL_EPARSE;
		}
	return PL_OK;
}

enum pl_err pl_kapacitor_task_read(struct pl_arena *arena, struct pl_str body, struct pl_kapacitor_task *out, char *reason,
				   size_t reason_size)
{
	struct pl_node *root = NULL;
	enum pl_err err = parse(arena, body, &root, reason, reason_size);
	if (err == PL_OK && !read_task(root, out)) {
		snprintf(reason, reason_size, "Kapacitor's answer is no task: is it Kapacitor?");
		err = PL_EPARSE;
	}
	return err;
}

void pl_kapacitor_words(struct pl_str body, char *out, size_t size)
{
	struct pl_arena arena = {0};
	struct pl_node *root = NULL;
	char reason[256];
	body = pl_str_trim(body);
	out[0] = '\0';
	if (body.n > MOST_SAID)
		return;
	if (body.n > 0 && body.p[0] == '{') {
		if (parse(&arena, body, &root, reason, sizeof reason) == PL_OK)
			pl_kapacitor_say(text_of(root, "error"), out, size);
	} else if (body.n > 0 && body.n <= MOST_TEXT && body.p[0] != '<') {
		pl_kapacitor_say(body, out, size);
	}
	pl_arena_finish(&arena);
}
