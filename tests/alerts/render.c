/* Alerts as JSON on stdin, one in each line; what they are rendered to on stdout, likewise: an object with `script`, `vars`,
 * `dbrps`, `title`, `proof` (a list of `lines` and `wait_ns`), or `refused` with the reason.
 *
 * usage: render WEBHOOK TOKEN [WALL_NS] */
#include <stdio.h>
#include <stdlib.h>

#include "alerts/tick.h"
#include "base/clock.h"
#include "config/problems.h"
#include "format/json_out.h"

static void put_raw(struct pl_json *j, const char *key, const struct pl_buf *text)
{
	pl_json_key(j, key);
	pl_json_str(j, pl_buf_str(text));
}

static void put_proof(struct pl_json *j, const struct pl_alert *a, const struct pl_alert_defaults *defaults, int64_t wall_ns)
{
	struct pl_buf lines = {0};
	int64_t wait_ns;
	pl_json_key(j, "proof");
	pl_json_array_begin(j);
	for (unsigned step = 0; pl_tick_proof_step(a, defaults, step, wall_ns, &lines, &wait_ns); step++) {
		pl_json_object_begin(j);
		put_raw(j, "lines", &lines);
		pl_json_key(j, "wait_ns");
		pl_json_i64(j, wait_ns);
		pl_json_object_end(j);
	}
	pl_json_array_end(j);
	pl_buf_finish(&lines);
}

static void render(struct pl_str text, const struct pl_tick_options *options, int64_t wall_ns, struct pl_json *j)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_tick_task task = {0};
	struct pl_buf title = {0};
	struct pl_alert a;
	char reason[256];
	enum pl_err err = pl_alert_decode_json(&arena, text, &problems, &a);
	pl_json_object_begin(j);
	if (err != PL_OK) {
		pl_problems_print(&problems, &title);
		put_raw(j, "refused", &title);
	} else if (pl_tick_render(&a, options, &task, reason, sizeof reason) != PL_OK) {
		pl_json_key(j, "refused");
		pl_json_cstr(j, reason);
	} else {
		put_raw(j, "script", &task.script);
		put_raw(j, "vars", &task.vars);
		put_raw(j, "dbrps", &task.dbrps);
		pl_tick_title(&a, (struct pl_labels){0}, &title);
		put_raw(j, "title", &title);
		put_proof(j, &a, &options->defaults, wall_ns);
	}
	pl_json_object_end(j);
	pl_tick_task_finish(&task);
	pl_buf_finish(&title);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	struct pl_tick_options options = {
	    .defaults = {.database = "metrics", .retention_policy = "autogen", .field = "value", .proof_database = "proof"},
	    .webhook = argv[1],
	    .token = argv[2],
	};
	int64_t wall_ns = argc > 3 ? strtoll(argv[3], NULL, 10) : pl_clock_wall_ns();
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct pl_buf out = {0};
		struct pl_json j = {.out = &out};
		render((struct pl_str){line, (size_t)n}, &options, wall_ns, &j);
		puts(pl_buf_cstr(&out));
		pl_buf_finish(&out);
	}
	free(line);
	return 0;
}
