#include "app/known_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/json_tree.h"
#include "net/loop.h"
#include "net/transfer.h"

enum { LONGEST_ANSWER = 16 * 1024 * 1024, PATIENCE_S = 2 };

struct question {
	struct pl_transfer transfer;
	struct pl_loop loop;
	struct pl_transfer_pool *pool;
	struct pl_transfer_request request;
	struct pl_buf answer;
	bool answered;
};

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct question *q = t->data;
	pl_buf_add(&q->answer, p, n);
	return PL_OK;
}

static void on_closed(void *data)
{
	pl_loop_stop(&((struct question *)data)->loop);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct question *q = t->data;
	q->answered = result->err == PL_OK && result->status == 200;
	pl_transfer_pool_close(q->pool, on_closed, q);
}

static void ask(void *data)
{
	struct question *q = data;
	pl_transfer_start(q->pool, &q->transfer, &q->request);
}

/* True when q->answer is what the daemon said. */
static bool ask_for_keys(struct question *q, const char *url, const char *const *headers)
{
	static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};
	q->request = (struct pl_transfer_request){
	    .url = url, .headers = headers, .timeout_ns = PATIENCE_S * PL_NS_PER_S, .max_body_bytes = LONGEST_ANSWER};
	q->transfer.events = &events;
	q->transfer.data = q;
	if (pl_loop_init(&q->loop, "check") != PL_OK)
		return false;
	if (pl_transfer_pool_create(&q->pool, &q->loop, &(struct pl_transfer_pool_options){0}) != PL_OK)
		return false;
	pl_loop_call(&q->loop, ask, q);
	pl_loop_run(&q->loop);
	pl_loop_finish(&q->loop);
	return q->answered;
}

static bool is_among(const struct pl_node *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (pl_str_is(keys->items[i]->text, name))
			return true;
	return false;
}

static void compare(const struct pl_config *config, const struct pl_node *keys, const char *url, struct pl_problems *problems)
{
	for (size_t i = 0; i < config->alerts.n; i++) {
		const struct pl_alert *a = pl_config_alert(config, i);
		bool elsewhere = a->database != NULL || a->retention_policy != NULL;
		if (!elsewhere && !is_among(keys, a->metric))
			pl_problems_warn(problems, a->mark, "metric",
					 "nobody has produced '%s' so far, says %s: alert '%s' watches nothing", a->metric, url,
					 a->id);
	}
}

void pl_known_metrics_check(const struct pl_config *config, struct pl_problems *problems)
{
	char reason[256];
	struct question q = {0};
	struct pl_buf url = {0}, token = {0};
	struct pl_arena arena = {0};
	struct pl_problems none = {0};
	struct pl_node *keys = NULL;
	const char *listen = config->server.http.listen;
	if (config->alerts.n == 0 || config->server.http.cert_file != NULL || config->server.http.self_signed)
		return;
	pl_buf_addf(&url, "http://%s%s/keys", listen[0] == ':' ? "127.0.0.1" : "", listen);
	pl_buf_add_cstr(&token, "X-AUTH-TOKEN: ");
	bool has_token = pl_secret_given(&config->server.http.token);
	bool may = !has_token || pl_secret_read(&config->server.http.token, &token, reason, sizeof reason) == PL_OK;
	const char *const headers[] = {has_token ? pl_buf_cstr(&token) : NULL, NULL};
	if (may && ask_for_keys(&q, pl_buf_cstr(&url), headers) &&
	    pl_json_tree_parse(&arena, "", pl_buf_str(&q.answer), (struct pl_node_limits){0}, &none, &keys) == PL_OK &&
	    keys != NULL && keys->kind == PL_NODE_SEQUENCE)
		compare(config, keys, pl_buf_cstr(&url), problems);
	pl_problems_finish(&none);
	pl_arena_finish(&arena);
	pl_buf_finish(&q.answer);
	pl_buf_finish(&token);
	pl_buf_finish(&url);
}
