#include "api/private.h"

static const char text_plain[] = "text/plain; charset=utf-8";

void pl_api_ping(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)a;
	(void)part;
	pl_http_reply_text(x, 200, "pong");
}

void pl_api_healthy(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)a;
	(void)part;
	pl_http_reply_text(x, 200, "Pulseline is healthy.\n");
}

static void end_line(struct pl_buf *b)
{
	if (b->n > 0 && b->p[b->n - 1] != '\n')
		pl_buf_add_char(b, '\n');
}

void pl_api_ready(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf b = {0};
	bool ready = a->env.ready(a->env.daemon, &b);
	if (ready) {
		pl_buf_clear(&b);
		pl_buf_add_cstr(&b, "Pulseline is ready.\n");
	} else if (b.n == 0) {
		pl_buf_add_cstr(&b, "Pulseline is not ready yet.\n");
	}
	end_line(&b);
	pl_http_reply(x, ready ? 200 : 503, text_plain, &b);
}

void pl_api_reload(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf b = {0};
	bool done = a->env.reload(a->env.daemon, &b);
	if (done) {
		pl_buf_clear(&b);
		pl_buf_add_cstr(&b, "The configuration was reloaded.\n");
	}
	end_line(&b);
	pl_http_reply(x, done ? 200 : 500, text_plain, &b);
}

void pl_api_config(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf b = {0};
	pl_config_print(pl_api_snapshot(a), &b);
	pl_http_reply(x, 200, "text/yaml; charset=utf-8", &b);
}

void pl_api_options(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)a;
	(void)part;
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, "{\"msg\":\"Success\"}");
	pl_api_reply_json(x, 200, &b);
}
