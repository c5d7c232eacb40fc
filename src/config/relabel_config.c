#include "config/relabel_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/redact.h"
#include "format/json_out.h"

#define RULE(MEMBER) .offset = offsetof(struct pl_relabel_config, MEMBER)

static const char *const actions[] = {
    [PL_RELABEL_REPLACE] = "replace",     [PL_RELABEL_KEEP] = "keep",           [PL_RELABEL_DROP] = "drop",
    [PL_RELABEL_KEEPEQUAL] = "keepequal", [PL_RELABEL_DROPEQUAL] = "dropequal", [PL_RELABEL_HASHMOD] = "hashmod",
    [PL_RELABEL_LABELMAP] = "labelmap",   [PL_RELABEL_LABELDROP] = "labeldrop", [PL_RELABEL_LABELKEEP] = "labelkeep",
    [PL_RELABEL_LOWERCASE] = "lowercase", [PL_RELABEL_UPPERCASE] = "uppercase", NULL,
};

/* Dollars are the patterns' own: nothing of the environment goes in here. */
static const struct pl_field fields[] = {
    {.key = "action",
     .type = PL_FIELD_ENUM,
     RULE(action),
     .flags = PL_FIELD_NO_ENV | PL_FIELD_ANY_CASE,
     .fallback = "replace",
     .choices = actions,
     .help = "what the rule does"},
    {.key = "source_labels",
     .type = PL_FIELD_STRINGS,
     RULE(source_labels),
     .flags = PL_FIELD_NO_ENV,
     .help = "labels whose values are joined and matched"},
    {.key = "separator",
     .type = PL_FIELD_STRING,
     RULE(separator),
     .flags = PL_FIELD_NO_ENV | PL_FIELD_NULLABLE,
     .fallback = ";",
     .help = "between the joined values"},
    {.key = "regex",
     .type = PL_FIELD_STRING,
     RULE(regex),
     .flags = PL_FIELD_NO_ENV | PL_FIELD_NULLABLE,
     .fallback = "(.*)",
     .help = "what must match, from beginning to end; RE2's syntax"},
    {.key = "modulus",
     .type = PL_FIELD_INT,
     RULE(modulus),
     .max = -1,
     .fallback = "0",
     .help = "hashmod: how many remainders there are"},
    {.key = "target_label",
     .type = PL_FIELD_STRING,
     RULE(target_label),
     .flags = PL_FIELD_NO_ENV | PL_FIELD_NULLABLE,
     .fallback = "",
     .help = "the label that is written; for replace $1 and ${name} stand for groups"},
    {.key = "replacement",
     .type = PL_FIELD_STRING,
     RULE(replacement),
     .flags = PL_FIELD_NO_ENV | PL_FIELD_NULLABLE | PL_FIELD_HIDDEN,
     .fallback = "$1",
     .help = "what is written; $1 and ${name} stand for groups; empty: the label goes"},
    {0},
};

/* A rule that writes a parameter of the URL which has the name of a secret, and not from other labels. */
static bool is_secret(const void *object)
{
	static const struct pl_str param = {"__param_", 8};
	const struct pl_relabel_config *c = object;
	struct pl_str target = pl_str_of(c->target_label);
	return c->action == PL_RELABEL_REPLACE && pl_str_starts(target, param) && strcmp(c->replacement, "$1") != 0 &&
	       pl_redact_is_name((struct pl_str){target.p + param.n, target.n - param.n});
}

static struct pl_relabel_rule rule_of(const struct pl_relabel_config *c)
{
	return (struct pl_relabel_rule){
	    .action = (enum pl_relabel_action)c->action,
	    .source_labels = c->source_labels.v,
	    .n_source_labels = c->source_labels.n,
	    .separator = c->separator,
	    .regex = c->regex,
	    .modulus = (uint64_t)c->modulus,
	    .target_label = c->target_label,
	    .replacement = c->replacement,
	    .legacy_names = c->legacy_names,
	};
}

static void check(void *object, const struct pl_check *c)
{
	const struct pl_relabel_rule rule = rule_of(object);
	const char *key;
	char reason[256];
	const struct pl_node *action = pl_node_get(c->node, "action");
	if (action != NULL &&
	    (action->text.n != strlen(actions[rule.action]) ||
	     strncasecmp(action->text.p, actions[rule.action], action->text.n) != 0)) /* complained about already */
		return;
	if (pl_relabel_rule_check(&rule, &key, reason, sizeof reason) != PL_OK)
		pl_check_fail(c, key, "%s", reason);
}

const struct pl_schema pl_relabel_config_schema = {
    .name = "relabel_config", .size = sizeof(struct pl_relabel_config), .fields = fields, .check = check, .is_secret = is_secret};

void pl_relabel_config_use_legacy_names(struct pl_list list, const char *key, const struct pl_check *c)
{
	struct pl_relabel_config *rules = list.v;
	const struct pl_node *nodes = pl_node_get(c->node, key);
	for (size_t i = 0; i < list.n; i++) {
		const char *at;
		char reason[256];
		const struct pl_relabel_rule before = rule_of(&rules[i]);
		bool was_right = pl_relabel_rule_check(&before, &at, reason, sizeof reason) == PL_OK;
		rules[i].legacy_names = true;
		const struct pl_relabel_rule after = rule_of(&rules[i]);
		if (!was_right || pl_relabel_rule_check(&after, &at, reason, sizeof reason) == PL_OK)
			continue;
		struct pl_buf path = {0};
		pl_buf_addf(&path, "%s.%s[%zu]", c->path, key, i);
		struct pl_check here = *c;
		here.path = pl_buf_cstr(&path);
		here.node = nodes != NULL && nodes->kind == PL_NODE_SEQUENCE && i < nodes->n ? nodes->items[i] : NULL;
		pl_check_fail(&here, at, "%s", reason);
		pl_buf_finish(&path);
	}
}

struct pl_relabel *pl_relabel_config_compile(struct pl_list list)
{
	if (list.n == 0)
		return NULL;
	struct pl_relabel_rule *rules = pl_calloc(list.n, sizeof *rules);
	for (size_t i = 0; i < list.n; i++)
		rules[i] = rule_of((const struct pl_relabel_config *)list.v + i);
	size_t bad;
	char reason[256];
	struct pl_relabel *r = pl_relabel_create(rules, list.n, &bad, reason, sizeof reason);
	free(rules);
	if (r == NULL) { /* each rule was compiled for its check: there is no memory left */
		fprintf(stderr, "pulseline: relabeling rule %zu: %s\n", bad, reason);
		abort();
	}
	return r;
}

static void add_text(struct pl_buf *out, const char *key, const char *value, const char *fallback)
{
	if (strcmp(value, fallback) == 0)
		return;
	pl_buf_addf(out, ", %s: ", key);
	pl_json_add_quoted(out, pl_str_of(value));
}

void pl_relabel_config_describe(const struct pl_relabel_config *c, struct pl_buf *out)
{
	pl_buf_addf(out, "action: %s", actions[c->action]);
	for (size_t i = 0; i < c->source_labels.n; i++)
		pl_buf_addf(out, "%s%s", i > 0 ? ", " : ", source_labels: [", c->source_labels.v[i]);
	pl_buf_add_cstr(out, c->source_labels.n > 0 ? "]" : "");
	add_text(out, "separator", c->separator, ";");
	add_text(out, "regex", c->regex, "(.*)");
	if (c->modulus != 0)
		pl_buf_addf(out, ", modulus: %lld", (long long)c->modulus);
	add_text(out, "target_label", c->target_label, "");
	add_text(out, "replacement", is_secret(c) ? "<secret>" : c->replacement, "$1");
}

const char *pl_relabel_config_action(const struct pl_relabel_config *c)
{
	return actions[c->action];
}
