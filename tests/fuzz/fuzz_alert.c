/* An alert, as JSON and as YAML: any bytes make an alert or problems; what an alert is written as, in either form, is read as the
 * same alert again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/alert.h"
#include "format/json_out.h"

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *no_variable(void *data, const char *name)
{
	(void)data;
	(void)name;
	return NULL;
}

static enum pl_err from_yaml(struct pl_arena *arena, struct pl_str text, struct pl_problems *problems, struct pl_alert *out)
{
	struct pl_arena tree = {0};
	struct pl_node *root;
	const struct pl_decode_options options = {.arena = arena, .problems = problems, .getenv = no_variable};
	enum pl_err err = pl_node_parse(&tree, "f", text, (struct pl_node_limits){0}, problems, &root);
	if (err == PL_OK && root != NULL && root->kind == PL_NODE_SEQUENCE && root->n == 1)
		root = root->items[0];
	if (err == PL_OK)
		err = pl_schema_decode(&pl_alert_schema, root, "", &options, out);
	if (err == PL_OK && root == NULL)
		err = PL_EPARSE; /* nothing but defaults */
	pl_arena_finish(&tree);
	return err;
}

static void require_same(const struct pl_alert *a, const struct pl_alert *b)
{
	require(pl_schema_fingerprint(&pl_alert_schema, a) == pl_schema_fingerprint(&pl_alert_schema, b));
	require(a->operator_ == b->operator_);
	for (int i = 0; i < PL_ALERT_LEVELS; i++) {
		const struct pl_alert_bound *x = &a->bounds[i], *y = &b->bounds[i];
		require(x->given == y->given && x->reset_given == y->reset_given);
		require(x->threshold == y->threshold && x->reset == y->reset);
		require(x->threshold - x->threshold == 0 && x->reset - x->reset == 0);
	}
}

static void check_alert(struct pl_arena *arena, const struct pl_alert *a)
{
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	struct pl_alert again;
	bool any = false;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++)
		any = any || a->bounds[i].given;
	require(any && a->metric[0] != '\0' && a->duration > 0 && a->every > 0);
	require(a->id == NULL || pl_alert_id_valid(pl_str_of(a->id)));
	struct pl_json j = {.out = &text};
	pl_alert_json(&j, a, false);
	require(pl_alert_decode_json(arena, pl_buf_str(&text), &problems, &again) == PL_OK && problems.n_warnings == 0);
	require_same(a, &again);
	pl_buf_clear(&text);
	pl_alert_yaml(&text, a, 2);
	require(from_yaml(arena, pl_buf_str(&text), &problems, &again) == PL_OK);
	require_same(a, &again);
	require(again.mark.file != NULL);
	pl_buf_finish(&text);
	pl_problems_finish(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pl_str text = {(const char *)data, size};
	struct pl_problems problems = {0};
	struct pl_arena arena = {0};
	struct pl_alert a;
	enum pl_err err = pl_alert_decode_json(&arena, text, &problems, &a);
	require((err == PL_OK) == (problems.n == 0));
	if (err == PL_OK)
		check_alert(&arena, &a);
	pl_problems_finish(&problems);
	if (from_yaml(&arena, text, &problems, &a) == PL_OK)
		check_alert(&arena, &a);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return 0;
}
