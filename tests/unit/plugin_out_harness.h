/* Drives the ops of one output plugin directly on a loop, without the delivery engine: decodes its configuration from YAML, hands
 * it lines, asks it questions. */
#ifndef PL_TESTS_PLUGIN_OUT_HARNESS_H
#define PL_TESTS_PLUGIN_OUT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/plugin.h"

/* A line that a verdict names. */
struct harness_refusal {
	char *line, *reason;
	const char *as;
	bool held;
};

struct harness {
	struct pl_loop loop;
	const struct pl_plugin *plugin;
	struct pl_output_env env;
	_Atomic uint64_t counters[PL_OUTPUT_COUNTERS];
	struct pl_arena arena;
	struct pl_log *log;
	void *config, *self;
	char reason[512];
	struct pl_delivery delivery;
	struct pl_batch *batches[8];
	struct pl_verdict verdict; /* without its refusals: these are below */
	struct harness_refusal *refusals;
	size_t n_refusals;
	bool delivered, closed;
	unsigned answered;
};

static inline void harness_answer(struct pl_query *q)
{
	struct harness *h = q->data;
	h->answered++;
	uv_stop(&h->loop.uv);
}

/* 0, or the number of problems; the first is shown. */
static inline size_t harness_decode(struct harness *h, const char *yaml)
{
	struct pl_problems problems = {0};
	struct pl_node *node = NULL;
	struct pl_decode_options options = {.arena = &h->arena, .problems = &problems, .base_dir = "."};
	enum pl_err err = pl_node_parse(&h->arena, "test.yml", pl_str_of(yaml), (struct pl_node_limits){0}, &problems, &node);
	h->config = pl_arena_alloc(&h->arena, h->plugin->schema->size);
	if (err == PL_OK)
		err = pl_schema_decode(h->plugin->schema, node, "outputs[0]", &options, h->config);
	size_t n = problems.n;
	if (n > 0)
		snprintf(h->reason, sizeof h->reason, "%s: %s", problems.first->path, problems.first->text);
	assert_int_equal(err == PL_OK, n == 0);
	pl_problems_finish(&problems);
	return n;
}

static inline void harness_init(struct harness *h, const struct pl_plugin *plugin)
{
	*h = (struct harness){.plugin = plugin};
	assert_int_equal(pl_loop_init(&h->loop, "test"), PL_OK);
	h->log = pl_log_create(2, PL_LOG_LOGFMT, getenv("PL_TEST_LOG") != NULL ? PL_LOG_DEBUG : PL_LOG_ERROR);
	h->env = (struct pl_output_env){
	    .loop = &h->loop, .log = h->log, .name = plugin->name, .query_done = harness_answer, .counters = h->counters};
}

static inline enum pl_err harness_try_open(struct harness *h, const struct pl_plugin *plugin, const char *yaml)
{
	harness_init(h, plugin);
	if (harness_decode(h, yaml) > 0)
		fail_msg("%s", h->reason);
	return plugin->ops.output->open(&h->env, h->config, &h->self, h->reason, sizeof h->reason);
}

static inline void harness_open(struct harness *h, const struct pl_plugin *plugin, const char *yaml)
{
	if (harness_try_open(h, plugin, yaml) != PL_OK)
		fail_msg("open: %s", h->reason);
}

static inline void harness_forget_refusals(struct harness *h)
{
	for (size_t i = 0; i < h->n_refusals; i++) {
		free(h->refusals[i].line);
		free(h->refusals[i].reason);
	}
	free(h->refusals);
	h->refusals = NULL;
	h->n_refusals = 0;
}

static inline void harness_free(struct harness *h)
{
	harness_forget_refusals(h);
	pl_loop_stop(&h->loop);
	pl_loop_run(&h->loop);
	pl_loop_finish(&h->loop);
	pl_arena_finish(&h->arena);
	pl_log_destroy(h->log);
}

static inline void harness_on_closed(void *data)
{
	struct harness *h = data;
	h->closed = true;
	uv_stop(&h->loop.uv);
}

static inline void harness_close(struct harness *h)
{
	h->plugin->ops.output->close(h->self, harness_on_closed, h);
	while (!h->closed)
		uv_run(&h->loop.uv, UV_RUN_DEFAULT);
	harness_free(h);
}

/* Checks what holds for every verdict: each refusal is a whole line of the delivery, and there are not more of them than points.
 */
static inline void harness_copy_refusals(struct harness *h, const struct pl_delivery *d, const struct pl_verdict *v)
{
	harness_forget_refusals(h);
	assert_true(v->n_refusals + v->refused <= d->points);
	assert_true(v->n_refusals == 0 || v->kind == PL_VERDICT_DONE);
	h->refusals = pl_calloc(v->n_refusals + 1, sizeof *h->refusals);
	for (size_t i = 0; i < v->n_refusals; i++) {
		const struct pl_refusal *r = &v->refusals[i];
		assert_true(r->batch < d->n);
		const struct pl_batch *b = d->batches[r->batch];
		assert_true((size_t)r->offset + r->n < b->n && b->p[r->offset + r->n] == '\n');
		assert_true(r->offset == 0 || b->p[r->offset - 1] == '\n');
		h->refusals[h->n_refusals++] = (struct harness_refusal){
		    .line = pl_strndup(b->p + r->offset, r->n), .reason = pl_strdup(r->reason), .as = r->as, .held = r->held};
	}
}

static inline void harness_on_delivered(struct pl_delivery *d, const struct pl_verdict *v)
{
	struct harness *h = pl_container_of(d, struct harness, delivery);
	assert_false(h->delivered);
	harness_copy_refusals(h, d, v);
	h->verdict = *v;
	h->verdict.refusals = NULL;
	h->delivered = true;
	uv_stop(&h->loop.uv);
}

/* Starts a delivery of up to 8 texts, each a batch. */
static inline void harness_start(struct harness *h, const char *database, const char *rp, const char *const *texts, size_t n)
{
	struct pl_route *route = pl_route_create(database, rp);
	assert_true(n <= PL_COUNT_OF(h->batches));
	h->delivery = (struct pl_delivery){.batches = h->batches, .n = n, .done = harness_on_delivered};
	for (size_t i = 0; i < n; i++) {
		struct pl_buf lines = {0};
		uint32_t points = 0;
		pl_buf_add_cstr(&lines, texts[i]);
		for (const char *p = texts[i]; *p != '\0'; p++)
			points += *p == '\n';
		h->delivery.bytes += lines.n;
		h->delivery.points += points;
		h->batches[i] = pl_batch_create(route, &lines, points);
	}
	h->delivery.route = h->batches[0]->route;
	h->delivered = false;
	pl_route_release(route);
	h->plugin->ops.output->deliver(h->self, &h->delivery);
}

static inline void harness_end(struct harness *h)
{
	while (!h->delivered)
		uv_run(&h->loop.uv, UV_RUN_DEFAULT);
	for (size_t i = 0; i < h->delivery.n; i++)
		pl_batch_release(h->batches[i]);
}

static inline const struct pl_verdict *harness_deliver_to(struct harness *h, const char *database, const char *rp,
							  const char *text)
{
	harness_start(h, database, rp, &text, 1);
	harness_end(h);
	return &h->verdict;
}

static inline const struct pl_verdict *harness_deliver(struct harness *h, const char *text)
{
	return harness_deliver_to(h, "", "", text);
}

/* Is the line named, and with such words? NULL: whatever they are. */
static inline const struct harness_refusal *harness_refused(const struct harness *h, const char *line, const char *words)
{
	for (size_t i = 0; i < h->n_refusals; i++)
		if (strcmp(h->refusals[i].line, line) == 0 && (words == NULL || strstr(h->refusals[i].reason, words) != NULL))
			return &h->refusals[i];
	return NULL;
}

/* Runs one question to its end. */
static inline void harness_ask(struct harness *h, struct pl_query *q)
{
	unsigned before = h->answered;
	q->data = h;
	h->plugin->ops.output->query(h->self, q);
	while (h->answered == before)
		uv_run(&h->loop.uv, UV_RUN_DEFAULT);
}

/* "a,b,c" of the names, for comparing. */
static inline const char *harness_names(struct harness *h, enum pl_query_kind kind)
{
	struct pl_query *q = pl_query_create(kind);
	struct pl_buf text = {0};
	harness_ask(h, q);
	if (q->err != PL_OK)
		pl_buf_addf(&text, "error: %s", q->reason);
	for (size_t i = 0; i < q->n_names; i++) {
		if (i > 0)
			pl_buf_add_char(&text, ',');
		pl_buf_add_str(&text, q->names[i]);
	}
	const char *copy = pl_arena_strndup(&h->arena, pl_buf_cstr(&text), text.n);
	pl_buf_finish(&text);
	pl_query_destroy(q);
	return copy;
}

/* A /latest question from "key=value&key=value" filters; equal keys must be neighbours. */
static inline struct pl_query *harness_latest(const char *stat, enum pl_verb verb, int64_t poll_ns, size_t limit,
					      const char *filters)
{
	struct pl_query *q = pl_query_create(PL_QUERY_LATEST);
	struct pl_str rest = pl_arena_str(&q->arena, pl_str_of(filters));
	q->stat = pl_arena_str(&q->arena, pl_str_of(stat));
	q->verb = verb;
	q->poll_ns = poll_ns;
	q->limit = limit;
	q->filters = pl_arena_alloc(&q->arena, 8 * sizeof *q->filters);
	while (rest.n > 0) {
		struct pl_str value = pl_str_cut(&rest, '&'), key = pl_str_cut(&value, '=');
		struct pl_filter *f = q->n_filters > 0 ? &q->filters[q->n_filters - 1] : NULL;
		if (f == NULL || !pl_str_eq(f->key, key)) {
			f = &q->filters[q->n_filters++];
			f->key = key;
			f->values = pl_arena_alloc(&q->arena, 8 * sizeof *f->values);
		}
		f->values[f->n_values++] = value;
	}
	return q;
}

/* "time_ms value tag=value;..." of the rows, or "error: ...". `scale` rounds away the last bits of sums. */
static inline const char *harness_rows(struct harness *h, struct pl_query *q)
{
	struct pl_buf text = {0};
	harness_ask(h, q);
	if (q->err != PL_OK)
		pl_buf_addf(&text, "error: %s", pl_err_text(q->err));
	for (size_t i = 0; i < q->n_rows; i++) {
		pl_buf_addf(&text, "%lld %.12g", (long long)q->rows[i].time_ms, q->rows[i].value);
		for (size_t t = 0; t < q->rows[i].n_tags; t++) {
			const struct pl_label *l = &q->rows[i].tags[t];
			pl_buf_addf(&text, " %.*s=%.*s", (int)l->name.n, l->name.p, (int)l->value.n, l->value.p);
		}
		pl_buf_add_char(&text, ';');
	}
	const char *copy = pl_arena_strndup(&h->arena, pl_buf_cstr(&text), text.n);
	pl_buf_finish(&text);
	pl_query_destroy(q);
	return copy;
}

/* A private directory under the build's temporary space; removed with all in it by harness_remove. */
static inline void harness_directory(char *out, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(out, size, "%s/pulseline-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(out));
}

static inline void harness_remove(const char *directory)
{
	char command[512];
	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	assert_int_equal(system(command), 0);
}

#endif
