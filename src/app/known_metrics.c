#include "app/known_metrics.h"

#include "app/ask.h"
#include "base/buf.h"
#include "base/clock.h"
#include "config/json_tree.h"

enum { LONGEST_ANSWER = 16 * 1024 * 1024, PATIENCE_S = 2 };

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
	struct pl_transfer_result result;
	struct pl_buf answer = {0};
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
	const struct pl_transfer_request request = {.url = pl_buf_cstr(&url),
						    .headers = headers,
						    .timeout_ns = PATIENCE_S * PL_NS_PER_S,
						    .max_body_bytes = LONGEST_ANSWER};
	if (may && pl_ask(&request, &answer, &result) == PL_OK && result.status == 200 &&
	    pl_json_tree_parse(&arena, "", pl_buf_str(&answer), (struct pl_node_limits){0}, &none, &keys) == PL_OK &&
	    keys != NULL && keys->kind == PL_NODE_SEQUENCE)
		compare(config, keys, pl_buf_cstr(&url), problems);
	pl_problems_finish(&none);
	pl_arena_finish(&arena);
	pl_buf_finish(&answer);
	pl_buf_finish(&token);
	pl_buf_finish(&url);
}
