/* Any texts in an alert: the script is, literals apart, that of the same alert with harmless texts; vars are JSON with the same
 * names; the lambdas and the templates in them hold nothing but what we put there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/tick.h"
#include "base/mem.h"
#include "config/alert_check.h"
#include "config/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* The text without what stands between `quote`s, which a backslash before one does not close. Aborts where one stays open. */
static void skip_quoted(struct pl_str s, size_t *i)
{
	char quote = s.p[(*i)++];
	while (*i < s.n && s.p[*i] != quote)
		*i += s.p[*i] == '\\' && *i + 1 < s.n && s.p[*i + 1] == quote ? 2 : 1;
	require(*i < s.n);
	(*i)++;
}

static void bones(struct pl_str s, struct pl_buf *out)
{
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] == '\'' || s.p[i] == '"') {
			pl_buf_add_char(out, s.p[i]);
			skip_quoted(s, &i);
		} else {
			pl_buf_add_char(out, s.p[i++]);
		}
	}
}

/* What stands between {{ and }} of a Go template, its strings apart, is one of ours. */
static void check_template(struct pl_str s)
{
	static const char *const ours[] = {
	    "\"\"",
	    " .Level ",
	    " .Group ",
	    " index .Fields \"\" ",
	    " index .Tags \"\" ",
	    " with index .Tags \"\" ",
	    " . ",
	    " end ",
	    " range $k, $v := .Tags ",
	    " $k ",
	    " $v ",
	};
	struct pl_buf action = {0};
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] != '{' || s.p[i + 1] != '{')
			continue;
		pl_buf_clear(&action);
		for (i += 2; i + 1 < s.n && (s.p[i] != '}' || s.p[i + 1] != '}');) {
			if (s.p[i] == '"') { /* a string of Go: a backslash takes the next character along */
				for (i++; i < s.n && s.p[i] != '"'; i++)
					i += s.p[i] == '\\';
				pl_buf_add_cstr(&action, "\"\"");
				i++;
			} else {
				pl_buf_add_char(&action, s.p[i++]);
			}
		}
		require(i + 1 < s.n);
		i++;
		struct pl_str a = pl_buf_str(&action);
		bool known = pl_str_starts(a, PL_STR(" if and $v (not (eq $k \"\""));
		for (size_t k = 0; k < PL_COUNT_OF(ours); k++)
			known = known || pl_str_is(a, ours[k]);
		require(known);
	}
	pl_buf_finish(&action);
}

static const struct pl_node *vars_of(struct pl_arena *arena, const struct pl_tick_task *task)
{
	struct pl_problems problems = {0};
	struct pl_node *vars = NULL;
	require(pl_json_tree_parse(arena, "vars", pl_buf_str(&task->vars), (struct pl_node_limits){0}, &problems, &vars) ==
		PL_OK);
	require(vars != NULL && vars->kind == PL_NODE_MAPPING);
	pl_problems_finish(&problems);
	return vars;
}

static void check_same(const struct pl_tick_task *task, const struct pl_tick_task *twin)
{
	struct pl_arena arena = {0};
	struct pl_buf one = {0}, other = {0};
	bones(pl_buf_str(&task->script), &one);
	bones(pl_buf_str(&twin->script), &other);
	require(pl_str_eq(pl_buf_str(&one), pl_buf_str(&other)));
	const struct pl_node *a = vars_of(&arena, task), *b = vars_of(&arena, twin);
	require(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		struct pl_str name = a->items[i]->text, type = pl_node_get(a->values[i], "type")->text;
		const struct pl_node *x = pl_node_get(a->values[i], "value"), *y = pl_node_get(b->values[i], "value");
		require(pl_str_eq(name, b->items[i]->text) && (i == 0 || pl_str_cmp(a->items[i - 1]->text, name) < 0));
		require(pl_str_eq(type, pl_node_get(b->values[i], "type")->text));
		if (pl_str_is(type, "lambda")) {
			pl_buf_clear(&one);
			pl_buf_clear(&other);
			bones(x->text, &one);
			bones(y->text, &other);
			require(pl_str_eq(pl_buf_str(&one), pl_buf_str(&other)));
		}
		if (pl_str_is(name, "message") || pl_str_is(name, "url") || pl_str_is(name, "id"))
			check_template(x->text);
	}
	pl_buf_finish(&one);
	pl_buf_finish(&other);
	pl_arena_finish(&arena);
}

/* The input's next text, up to a byte that stands in no text of ours. */
static const char *take(struct pl_arena *arena, struct pl_str *rest)
{
	struct pl_str s = pl_str_cut(rest, '\0');
	return pl_arena_strndup(arena, s.p != NULL ? s.p : "", s.n);
}

static void set_numbers(struct pl_alert *a, const uint8_t *data)
{
	a->kind = data[0] % 3;
	a->aggregate = data[1] % (PL_ALERT_NONE + 1);
	a->operator_ = data[2] % 6;
	a->change = data[3] & 1;
	a->percentile = data[3];
	a->duration = a->every = a->ago = INT64_C(60000000000);
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		a->bounds[i].given = data[4] >> i & 1;
		a->bounds[i].reset_given = data[4] >> (i + 3) & 1;
		a->bounds[i].threshold = (data[5] - 100) * 1e17;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { NUMBERS = 6, MOST = 3 };
	if (size < NUMBERS)
		return 0;
	struct pl_arena arena = {0};
	struct pl_str rest = {(const char *)data + NUMBERS, size - NUMBERS};
	struct pl_alert a = {.id = "harmless"}, twin;
	set_numbers(&a, data);
	struct pl_label tags[MOST],
	    twins[MOST] = {{PL_STR("a"), PL_STR("x")}, {PL_STR("b"), PL_STR("x")}, {PL_STR("c"), PL_STR("x")}};
	const char *groups[MOST], *twin_groups[MOST] = {"d", "e", "f"};
	struct pl_labels_builder set = {0};
	twin = a;
	twin.metric = twin.field = twin.database = twin.retention_policy = "x";
	a.metric = take(&arena, &rest);
	a.field = take(&arena, &rest);
	a.database = take(&arena, &rest);
	a.retention_policy = take(&arena, &rest);
	a.message = take(&arena, &rest);
	if (a.message[0] == '\0')
		a.message = NULL;
	for (size_t i = 0; i < (data[0] >> 4) % (MOST + 1u); i++) {
		struct pl_str name = pl_str_of(take(&arena, &rest));
		pl_labels_builder_set(&set, name, pl_str_of(take(&arena, &rest)));
	}
	a.tags = pl_labels_builder_view(&set);
	for (size_t i = 0; i < a.tags.n; i++)
		tags[i] = a.tags.v[i];
	a.tags.v = tags;
	twin.tags = (struct pl_labels){twins, a.tags.n};
	for (a.group_by.n = 0; a.group_by.n < (data[1] >> 4) % (MOST + 1u); a.group_by.n++)
		groups[a.group_by.n] = take(&arena, &rest);
	a.group_by.v = groups;
	twin.group_by = (struct pl_strings){twin_groups, a.group_by.n};

	struct pl_tick_options options = {.defaults = {.database = "d", .retention_policy = "r", .proof_database = "p"},
					  .webhook = take(&arena, &rest),
					  .token = "t"};
	if (pl_alert_text_flaw(pl_str_of(options.webhook), false) != NULL)
		options.webhook = "http://p/"; /* it comes out of the configuration, not of an alert */
	struct pl_tick_task task = {0}, twin_task = {0};
	char reason[128] = "";
	enum pl_err err = pl_tick_render(&a, &options, &task, reason, sizeof reason);
	require((err == PL_OK) == (reason[0] == '\0'));
	if (err == PL_OK) {
		require(pl_tick_render(&twin, &options, &twin_task, reason, sizeof reason) == PL_OK);
		check_same(&task, &twin_task);
		struct pl_buf lines = {0};
		int64_t wait_ns;
		for (unsigned step = 0;
		     pl_tick_proof_step(&a, &options.defaults, step, INT64_C(1700000000000000000), &lines, &wait_ns); step++)
			require(step < 4 && lines.n > 0 && wait_ns > 0);
		pl_buf_clear(&lines);
		pl_tick_title(&a, a.tags, &lines);
		pl_buf_finish(&lines);
	}
	pl_tick_task_finish(&task);
	pl_tick_task_finish(&twin_task);
	pl_labels_builder_finish(&set);
	pl_arena_finish(&arena);
	return 0;
}
