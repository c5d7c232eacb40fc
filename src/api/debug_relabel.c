#include <stdlib.h>

#include "api/private.h"
#include "base/mem.h"
#include "base/redact.h"
#include "config/relabel_config.h"
#include "targets/explain.h"

enum { MOST = 100 };

struct answer {
	struct pl_buf body;
	struct pl_json json;
	size_t n;
};

static const struct pl_relabel_config *rule_of(const struct pl_explanation *e, size_t i)
{
	return (const struct pl_relabel_config *)e->job->relabel_configs.v + i;
}

/* ---- JSON ---- */

static void add_rule(struct pl_json *j, const struct pl_explanation *e, size_t rule)
{
	struct pl_buf text = {0};
	pl_relabel_config_describe(rule_of(e, rule), &text);
	pl_json_key(j, "rule");
	pl_json_u64(j, rule);
	pl_json_key(j, "action");
	pl_json_cstr(j, pl_relabel_config_action(rule_of(e, rule)));
	pl_json_key(j, "config");
	pl_json_str(j, pl_buf_str(&text));
	pl_buf_finish(&text);
}

static void add_end(struct pl_json *j, const struct pl_explanation *e)
{
	pl_json_key(j, "droppedBy");
	if (e->dropped_by != PL_RELABEL_KEPT)
		pl_json_u64(j, (uint64_t)e->dropped_by);
	else
		pl_json_null(j);
	if (e->refused[0] != '\0') {
		pl_json_key(j, "error");
		pl_json_cstr(j, e->refused);
	}
	if (e->target != NULL) {
		struct pl_buf url = {0};
		pl_redact_url(&url, pl_str_of(e->target->url));
		pl_api_add_labels(j, "labels", e->target->labels);
		pl_json_key(j, "scrapeUrl");
		pl_json_str(j, pl_buf_str(&url));
		pl_buf_finish(&url);
	}
}

static void add_json(void *data, const struct pl_explanation *e)
{
	struct answer *a = data;
	struct pl_json *j = &a->json;
	struct pl_labels before = e->discovered;
	pl_json_object_begin(j);
	pl_json_key(j, "scrapePool");
	pl_json_cstr(j, e->job->name);
	pl_json_key(j, "mechanism");
	pl_json_cstr(j, e->mechanism);
	pl_json_key(j, "source");
	pl_json_str(j, e->source);
	pl_api_add_labels(j, "discoveredLabels", e->discovered);
	pl_json_key(j, "steps");
	pl_json_array_begin(j);
	for (size_t i = 0; i < e->n_steps; i++) {
		pl_json_object_begin(j);
		add_rule(j, e, e->steps[i].rule);
		pl_json_key(j, "kept");
		pl_json_bool(j, e->steps[i].kept);
		pl_json_key(j, "changed");
		pl_json_bool(j, !pl_labels_eq(before, e->steps[i].labels));
		pl_api_add_labels(j, "labels", e->steps[i].labels);
		pl_json_object_end(j);
		before = e->steps[i].labels;
	}
	pl_json_array_end(j);
	add_end(j, e);
	pl_json_object_end(j);
}

/* ---- text ---- */

static void add_set(struct pl_buf *b, struct pl_labels labels)
{
	struct pl_json j = {.out = b};
	pl_json_object_begin(&j);
	pl_api_add_label_members(&j, labels);
	pl_json_object_end(&j);
	pl_buf_add_char(b, '\n');
}

static void add_text(void *data, const struct pl_explanation *e)
{
	struct answer *a = data;
	struct pl_buf *b = &a->body;
	struct pl_labels before = e->discovered;
	pl_buf_addf(b, "%sjob %s, %s %.*s\n  discovered\n    ", a->n++ > 0 ? "\n" : "", e->job->name, e->mechanism,
		    (int)e->source.n, e->source.n > 0 ? e->source.p : "");
	add_set(b, e->discovered);
	for (size_t i = 0; i < e->n_steps; i++) {
		const struct pl_relabel_step *s = &e->steps[i];
		pl_buf_addf(b, "  rule %zu  ", s->rule);
		pl_relabel_config_describe(rule_of(e, s->rule), b);
		pl_buf_add_cstr(b, s->kept ? "\n    " : "\n    DROPPED by this rule\n");
		if (!s->kept)
			break;
		if (pl_labels_eq(before, s->labels))
			pl_buf_add_cstr(b, "(unchanged)\n");
		else
			add_set(b, s->labels);
		before = s->labels;
	}
	if (e->refused[0] != '\0')
		pl_buf_addf(b, "  REFUSED: %s\n", e->refused);
	if (e->target != NULL) {
		pl_buf_add_cstr(b, "  scraped as\n    ");
		add_set(b, e->target->labels);
		pl_buf_add_cstr(b, "    ");
		pl_redact_url(b, pl_str_of(e->target->url));
		pl_buf_add_char(b, '\n');
	}
}

/* ---- the question ---- */

struct question {
	struct pl_buf target, job;
	bool text;
};

static void read_question(struct question *q, const struct pl_http_exchange *x)
{
	struct pl_str rest = pl_http_query(x), key, value, accept = pl_http_header(x, "accept");
	struct pl_buf scratch = {0};
	q->text = accept.n > 0 && memmem(accept.p, accept.n, "text/plain", 10) != NULL;
	while (pl_http_query_next(&rest, &scratch, &key, &value)) {
		struct pl_buf *to = pl_str_is(key, "target") ? &q->target : pl_str_is(key, "job") ? &q->job : NULL;
		if (to != NULL) {
			pl_buf_clear(to);
			pl_buf_add_str(to, value);
		} else if (pl_str_is(key, "format")) {
			q->text = pl_str_is(value, "text");
		}
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
}

static void answer_text(struct pl_api *a, struct pl_http_exchange *x, struct question *q)
{
	struct answer answer = {0};
	pl_target_manager_explain(a->env.targets, pl_buf_cstr(&q->job), pl_buf_str(&q->target), MOST, add_text, &answer);
	pl_http_reply(x, 200, "text/plain; charset=utf-8", &answer.body);
}

static void answer_json(struct pl_api *a, struct pl_http_exchange *x, struct question *q)
{
	struct answer answer = {0};
	answer.json.out = &answer.body;
	pl_json_object_begin(&answer.json);
	pl_json_key(&answer.json, "targets");
	pl_json_array_begin(&answer.json);
	pl_target_manager_explain(a->env.targets, pl_buf_cstr(&q->job), pl_buf_str(&q->target), MOST, add_json, &answer);
	pl_json_array_end(&answer.json);
	pl_json_object_end(&answer.json);
	pl_api_reply_json(x, 200, &answer.body);
}

static void ignore(void *data, const struct pl_explanation *e)
{
	(void)data;
	(void)e;
}

void pl_api_debug_relabel(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct question q = {0};
	read_question(&q, x);
	if (q.target.n == 0)
		pl_api_reply_error(x, 400,
				   "say which target: /debug/relabel?target=ADDRESS, and perhaps &job=NAME and &format=text");
	else if (pl_target_manager_explain(a->env.targets, pl_buf_cstr(&q.job), pl_buf_str(&q.target), 1, ignore, NULL) == 0)
		pl_api_reply_error(x, 404, "discovery names no target of this address or instance; /api/v1/targets lists them");
	else if (q.text)
		answer_text(a, x, &q);
	else
		answer_json(a, x, &q);
	pl_buf_finish(&q.target);
	pl_buf_finish(&q.job);
}
