#include "alerts/task_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/json_tree.h"
#include "config/problems.h"

enum { SEED_SCRIPT = 1, SEED_VAR, SEED_DBRP };

static struct pl_str text_of(const struct pl_node *object, const char *key)
{
	const struct pl_node *node = pl_node_get(object, key);
	return node != NULL && node->kind == PL_NODE_SCALAR && !pl_node_is_null(node) ? node->text : (struct pl_str){NULL, 0};
}

/* Lengths before the texts, so that no two lists of texts look alike. */
static void put(struct pl_buf *b, struct pl_str s)
{
	pl_buf_add_u64(b, s.n);
	pl_buf_add_char(b, ':');
	pl_buf_add_str(b, s);
}

static int64_t unit_ns(struct pl_str *rest)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
	    {"ns", 1},
	    {"us", 1000},
	    {"\xC2\xB5", 1000}, /* µ, with or without an s */
	    {"u", 1000},
	    {"ms", 1000000},
	    {"s", INT64_C(1000000000)},
	    {"m", INT64_C(60000000000)},
	    {"h", INT64_C(3600000000000)},
	    {"d", INT64_C(86400000000000)},
	    {"w", INT64_C(604800000000000)},
	};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		struct pl_str name = pl_str_of(units[i].name);
		if (!pl_str_starts(*rest, name))
			continue;
		*rest = (struct pl_str){rest->p + name.n, rest->n - name.n};
		if (units[i].name[0] == '\xC2' && pl_str_starts(*rest, PL_STR("s")))
			*rest = (struct pl_str){rest->p + 1, rest->n - 1};
		return units[i].ns;
	}
	return 0;
}

/* "1h30m" as nanoseconds. */
static bool duration_of(struct pl_str s, int64_t *ns)
{
	bool minus = pl_str_starts(s, PL_STR("-"));
	if (minus)
		s = (struct pl_str){s.p + 1, s.n - 1};
	if (s.n == 0)
		return false;
	*ns = 0;
	while (s.n > 0) {
		size_t digits = 0;
		int64_t number, part;
		while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
			digits++;
		if (!pl_str_i64((struct pl_str){s.p, digits}, &number))
			return false;
		s = (struct pl_str){s.p + digits, s.n - digits};
		int64_t unit = unit_ns(&s);
		if (unit == 0 || __builtin_mul_overflow(number, unit, &part) || __builtin_add_overflow(*ns, part, ns))
			return false;
	}
	if (minus)
		*ns = -*ns;
	return true;
}

/* Depth is bounded by that of the tree. */
static void put_value(struct pl_buf *b, const struct pl_node *var)
{
	const struct pl_node *value = pl_node_get(var, "value");
	struct pl_str type = text_of(var, "type"), text = text_of(var, "value");
	int64_t ns;
	put(b, type);
	if (pl_str_is(type, "star"))
		return;
	if (value != NULL && value->kind == PL_NODE_SEQUENCE) {
		pl_buf_addf(b, "[%zu", value->n);
		for (size_t i = 0; i < value->n; i++)
			put_value(b, value->items[i]);
		return;
	}
	if (pl_str_is(type, "float") && value != NULL && value->kind == PL_NODE_SCALAR && value->plain) {
		pl_buf_addf(b, "%a", strtod(value->text.p, NULL)); /* a NUL stands behind a node's text */
		return;
	}
	if (pl_str_is(type, "duration") && value != NULL && !value->plain && duration_of(text, &ns)) {
		pl_buf_add_i64(b, ns);
		return;
	}
	if (pl_str_is(type, "duration") || pl_str_is(type, "int"))
		pl_buf_add_str(b, text);
	else
		put(b, text);
}

uint64_t pl_task_fingerprint(const struct pl_node *task)
{
	const struct pl_node *vars = pl_node_get(task, "vars"), *dbrps = pl_node_get(task, "dbrps");
	uint64_t sum = pl_str_hash(text_of(task, "script"), SEED_SCRIPT);
	struct pl_buf one = {0};
	for (size_t i = 0; vars != NULL && vars->kind == PL_NODE_MAPPING && i < vars->n; i++) {
		pl_buf_clear(&one);
		put(&one, vars->items[i]->text);
		put_value(&one, vars->values[i]);
		sum += pl_str_hash(pl_buf_str(&one), SEED_VAR);
	}
	for (size_t i = 0; dbrps != NULL && dbrps->kind == PL_NODE_SEQUENCE && i < dbrps->n; i++) {
		pl_buf_clear(&one);
		put(&one, text_of(dbrps->items[i], "db"));
		put(&one, text_of(dbrps->items[i], "rp"));
		sum += pl_str_hash(pl_buf_str(&one), SEED_DBRP);
	}
	pl_buf_finish(&one);
	return sum != 0 ? sum : 1;
}

static enum pl_err read_part(struct pl_arena *arena, const char *name, enum pl_node_kind kind, struct pl_str text,
			     struct pl_node **out, char *reason, size_t reason_size)
{
	struct pl_problems problems = {0};
	enum pl_err err = pl_json_tree_parse(arena, name, text, (struct pl_node_limits){0}, &problems, out);
	if (err != PL_OK)
		snprintf(reason, reason_size, "%s: %s", name, problems.first != NULL ? problems.first->text : pl_err_text(err));
	else if (*out == NULL || (*out)->kind != kind || (*out)->n == 0)
		snprintf(reason, reason_size, "%s: must be a JSON %s that is not empty", name,
			 kind == PL_NODE_MAPPING ? "object" : "array");
	else
		reason[0] = '\0';
	pl_problems_finish(&problems);
	return reason[0] == '\0' ? PL_OK : PL_EINVAL;
}

enum pl_err pl_task_fingerprint_of(struct pl_str script, struct pl_str vars, struct pl_str dbrps, uint64_t *out, char *reason,
				   size_t reason_size)
{
	struct pl_arena arena = {0};
	struct pl_node names[3], *items[3], *values[3], text = {.kind = PL_NODE_SCALAR, .text = script};
	const char *const keys[3] = {"script", "vars", "dbrps"};
	enum pl_err err = PL_EINVAL;
	memset(names, 0, sizeof names);
	if (!pl_str_utf8(script) || script.n == 0) {
		snprintf(reason, reason_size, "script: must be UTF-8 and not empty");
		goto out;
	}
	err = read_part(&arena, "vars", PL_NODE_MAPPING, vars, &values[1], reason, reason_size);
	if (err == PL_OK)
		err = read_part(&arena, "dbrps", PL_NODE_SEQUENCE, dbrps, &values[2], reason, reason_size);
	if (err != PL_OK)
		goto out;
	values[0] = &text;
	for (size_t i = 0; i < 3; i++) {
		names[i] = (struct pl_node){.kind = PL_NODE_SCALAR, .text = pl_str_of(keys[i])};
		items[i] = &names[i];
	}
	const struct pl_node task = {.kind = PL_NODE_MAPPING, .items = items, .values = values, .n = 3};
	*out = pl_task_fingerprint(&task);
out:
	pl_arena_finish(&arena);
	return err;
}

enum pl_task_action pl_task_decide(const struct pl_task_want *want, const struct pl_kapacitor_task *is,
				   const struct pl_task_memory *memory, int policy, bool *drift)
{
	*drift = false;
	if (is == NULL)
		return want->wanted ? PL_DO_CREATE : PL_DO_LEAVE;
	if (!want->wanted)
		return is->marked ? PL_DO_DELETE : PL_DO_NOT_TOUCH;
	/* Who edits a task of ours may well have taken the marker out. */
	bool ours = is->marked || (memory->created != 0 && memory->created == is->created);
	if (!ours)
		return PL_DO_NOT_TOUCH;
	if (is->fingerprint != want->fingerprint || is->enabled != want->enabled) {
		*drift = memory->fingerprint == want->fingerprint && memory->enabled == want->enabled;
		if (*drift && policy == PL_DRIFT_REPORT)
			return PL_DO_REPORT;
		if (is->fingerprint != want->fingerprint)
			return PL_DO_REWRITE;
		return want->enabled ? PL_DO_ENABLE : PL_DO_DISABLE;
	}
	return want->enabled && !is->executing ? PL_DO_RESTART : PL_DO_LEAVE;
}
