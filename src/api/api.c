#include "api/api.h"

#include <stdlib.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/mem.h"

enum { MAX_OPEN_QUESTIONS = 64, USUAL_CONNECTIONS = 512 };

static void add_cors(struct pl_api *a, struct pl_http_exchange *x)
{
	pl_http_set_header(x, "Access-Control-Allow-Origin", pl_api_snapshot(a)->server.http.cors_allow);
	pl_http_set_header(x, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
	pl_http_set_header(x, "Access-Control-Allow-Headers", "X-AUTH-TOKEN, X-CSRF-Token");
}

/* Without a body, as pulse does it. */
static bool let_in(struct pl_api *a, struct pl_http_exchange *x)
{
	char reason[256] = "";
	enum pl_err err = pl_api_authorize(x, &pl_api_snapshot(a)->server.http.token, reason, sizeof reason);
	if (err == PL_OK || err == PL_EACCES)
		pl_incident_end(&a->token, pl_clock_wall_ns(), a->env.log, "the HTTP token can be read again", NULL);
	if (err == PL_OK)
		return true;
	if (reason[0] != '\0')
		pl_incident_fail(&a->token, pl_clock_wall_ns(), a->env.log, PL_LOG_ERROR,
				 "the HTTP token cannot be read: nobody is let in",
				 (const struct pl_kv[]){PL_KVC("reason", reason), {0}});
	a->unauthorized++;
	pl_http_set_header(x, "WWW-Authenticate", "Bearer");
	pl_http_reply(x, 401, NULL, NULL);
	return false;
}

static void not_found(struct pl_http_exchange *x)
{
	pl_http_set_header(x, "X-Content-Type-Options", "nosniff");
	pl_http_reply_text(x, 404, "404 page not found\n");
}

static void dispatch(struct pl_http_exchange *x, void *data)
{
	struct pl_api *a = data;
	struct pl_buf allow = {0}, clean = {0};
	struct pl_str path = pl_http_path(x), part;
	const struct pl_route_row *r = pl_route_find(pl_http_method(x), path, &part, &allow);
	bool open = r != NULL && (r->flags & PL_ROUTE_OPEN) != 0;
	if (!open && !let_in(a, x))
		goto out;
	if (!pl_str_is(pl_http_method(x), "OPTIONS") && pl_route_unclean(path, &clean)) {
		pl_http_set_header(x, "Location", pl_buf_cstr(&clean));
		pl_http_reply(x, 301, NULL, NULL);
		goto out;
	}
	if (r != NULL) {
		if ((r->flags & PL_ROUTE_CORS) != 0)
			add_cors(a, x);
		r->handler(a, x, part);
	} else if (allow.n > 0) {
		pl_http_set_header(x, "Allow", pl_buf_cstr(&allow));
		pl_http_reply_text(x, 405, "405 method not allowed\n");
	} else {
		not_found(x);
	}
out:
	pl_buf_finish(&allow);
	pl_buf_finish(&clean);
}

static void open_live(struct pl_api *a, const struct pl_config *c)
{
	if (a->env.live == NULL)
		return;
	const struct pl_live_sse_options options = {
	    .loop = a->env.loop,
	    .hub = a->env.live,
	    .max_clients = (unsigned)c->server.live.max_clients,
	    .client_bytes = (size_t)c->server.live.client_bytes,
	    .keep_alive_ms = (uint64_t)(c->server.live.keep_alive / PL_NS_PER_MS),
	    .last_values = {.max_values = (size_t)c->server.live.last_values,
			    .max_bytes = (size_t)c->server.live.last_values_bytes,
			    .ttl_ns = c->server.live.last_values_ttl},
	};
	a->live = pl_live_sse_create(&options);
}

enum pl_err pl_api_open(struct pl_api **out, const struct pl_api_env *env, char *reason, size_t reason_size)
{
	struct pl_api *a = pl_calloc(1, sizeof *a);
	a->env = *env;
	pl_store_init(&a->store, env->loop, MAX_OPEN_QUESTIONS);
	const struct pl_config *c = pl_api_snapshot(a);
	const struct pl_http_server_options options = {
	    .listen = c->server.http.listen,
	    .cert_file = c->server.http.cert_file,
	    .key_file = c->server.http.key_file,
	    .max_connections = USUAL_CONNECTIONS + (unsigned)(env->live != NULL ? c->server.live.max_clients : 0),
	    .self_signed = c->server.http.self_signed,
	    .handler = dispatch,
	    .data = a,
	    .log = env->log,
	};
	enum pl_err err = pl_http_server_open(&a->server, env->loop, &options, reason, reason_size);
	if (err != PL_OK) {
		free(a);
		return err;
	}
	open_live(a, c);
	*out = a;
	return PL_OK;
}

const char *pl_api_address(const struct pl_api *a)
{
	return pl_http_server_address(a->server);
}

static void part_closed(void *data)
{
	struct pl_api *a = data;
	if (--a->open > 0)
		return;
	if (a->live != NULL) { /* its clients are gone with the server */
		struct pl_live_sse *live = a->live;
		a->live = NULL;
		a->open = 1;
		pl_live_sse_close(live, part_closed, a);
		return;
	}
	void (*closed)(void *) = a->closed;
	void *closed_data = a->closed_data;
	free(a);
	closed(closed_data);
}

void pl_api_close(struct pl_api *a, unsigned grace_ms, void (*closed)(void *data), void *data)
{
	a->closed = closed;
	a->closed_data = data;
	a->closing = true;
	a->open = a->transfers != NULL ? 2 : 1;
	pl_http_server_close(a->server, grace_ms, part_closed, a);
	if (a->transfers != NULL)
		pl_transfer_pool_close(a->transfers, part_closed, a);
}
