#include "net/http_server_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { BACKLOG = 128, DEFAULT_CONNECTIONS = 512, DEFAULT_IDLE_S = 60, DEFAULT_BODY = 1 << 20 };

static void sweep(uv_timer_t *timer)
{
	struct pl_http_server *s = timer->data;
	uint64_t now = uv_now(&s->loop->uv);
	for (struct pl_http_conn *c = s->conns, *next; c != NULL; c = next) {
		next = c->next; /* a connection leaves the list from its close callback only */
		pl_http_conn_sweep(c, now);
	}
	if (s->stats.open < s->max_connections - s->max_connections / 4)
		pl_incident_end(&s->full, pl_clock_wall_ns(), s->log, "HTTP connections are accepted again", NULL);
	if (s->conns == NULL)
		uv_timer_stop(timer); /* nobody here: no reason to wake up */
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct pl_http_server *s = listener->data;
	if (status != 0) {
		pl_warn(s->log, "cannot accept an HTTP connection", PL_KVC("reason", uv_strerror(status)));
		return;
	}
	pl_http_conn_accept(s);
	if (!uv_is_active((uv_handle_t *)&s->sweep))
		uv_timer_start(&s->sweep, sweep, PL_HTTP_SWEEP_MS, PL_HTTP_SWEEP_MS);
}

/* ---- the end ---- */

static void finish(struct pl_http_server *s)
{
	void (*on_closed)(void *) = s->on_closed;
	void *data = s->on_closed_data;
	pl_http_tls_context_free(s->tls);
	free(s);
	if (on_closed != NULL)
		on_closed(data);
}

static void handle_closed(uv_handle_t *handle)
{
	struct pl_http_server *s = handle->data;
	s->handles--;
	if (s->handles == 0)
		finish(s);
	else
		pl_http_server_forget(s);
}

/* The last handle is closed, and with it the server, from the loop and never from within a call of the owner's. */
void pl_http_server_forget(struct pl_http_server *s)
{
	if (!s->closing || s->finishing || s->conns != NULL || s->exchanges > 0 || s->handles > 1)
		return;
	s->finishing = true;
	uv_close((uv_handle_t *)&s->grace, handle_closed);
}

static void grace_over(uv_timer_t *timer)
{
	struct pl_http_server *s = timer->data;
	for (struct pl_http_conn *c = s->conns; c != NULL; c = c->next)
		pl_http_conn_close(c);
}

void pl_http_server_close(struct pl_http_server *s, unsigned grace_ms, void (*on_closed)(void *data), void *data)
{
	s->closing = true;
	s->on_closed = on_closed;
	s->on_closed_data = data;
	uv_timer_start(&s->grace, grace_over, grace_ms, 0);
	uv_close((uv_handle_t *)&s->listener, handle_closed);
	uv_close((uv_handle_t *)&s->sweep, handle_closed);
	for (struct pl_http_conn *c = s->conns; c != NULL; c = c->next)
		if (c->state == PL_HTTP_READING || (c->state == PL_HTTP_ANSWERING && c->x->stage == PL_HTTP_STREAMING))
			pl_http_conn_close(c);
}

/* ---- the beginning ---- */

static enum pl_err listen_on(struct pl_http_server *s, const char *text, char *reason, size_t reason_size)
{
	struct pl_address a;
	enum pl_err err = pl_address_parse(text, &a, reason, reason_size);
	if (err != PL_OK)
		return err;
	int rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)&a.addr, 0);
	if (rc == UV_EAFNOSUPPORT && a.any) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = ((struct sockaddr_in6 *)&a.addr)->sin6_port};
		rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)&v4, 0);
	}
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection); /* a taken address shows here */
	if (rc != 0) {
		snprintf(reason, reason_size, "cannot listen on %s for HTTP: %s", text,
			 rc == UV_EADDRINUSE ? "another program uses this address" : uv_strerror(rc));
		return rc == UV_EADDRINUSE ? PL_EINUSE : rc == UV_EACCES ? PL_EACCES : PL_ENET;
	}
	struct sockaddr_storage real = {0};
	int n = sizeof real;
	uv_tcp_getsockname(&s->listener, (struct sockaddr *)&real, &n);
	pl_address_text((const struct sockaddr *)&real, true, s->address);
	return PL_OK;
}

enum pl_err pl_http_server_open(struct pl_http_server **out, struct pl_loop *loop, const struct pl_http_server_options *o,
				char *reason, size_t reason_size)
{
	*out = NULL;
	struct ssl_ctx_st *tls = NULL;
	if ((o->cert_file != NULL) != (o->key_file != NULL)) {
		snprintf(reason, reason_size, "cert_file and key_file go together: one of them is missing");
		return PL_EINVAL;
	}
	if (o->cert_file != NULL || o->self_signed) {
		char fingerprint[PL_FINGERPRINT_BYTES] = "";
		enum pl_err err = pl_http_tls_context(&tls, o->cert_file, o->key_file, fingerprint, reason, reason_size);
		if (err != PL_OK)
			return err;
		if (o->cert_file == NULL)
			pl_warn(o->log, "HTTPS with a certificate made at this start, by which nobody can tell who the server is",
				PL_KVC("sha256", fingerprint));
	}
	struct pl_http_server *s = pl_calloc(1, sizeof *s);
	s->loop = loop;
	s->log = o->log;
	s->handler = o->handler;
	s->data = o->data;
	s->tls = tls;
	s->max_body_bytes = o->max_body_bytes > 0 ? o->max_body_bytes : DEFAULT_BODY;
	s->max_connections = o->max_connections > 0 ? o->max_connections : DEFAULT_CONNECTIONS;
	s->idle_timeout_ms = 1000 * (uint64_t)(o->idle_timeout_s > 0 ? o->idle_timeout_s : DEFAULT_IDLE_S);
	s->listener.data = s->sweep.data = s->grace.data = s;
	uv_tcp_init(&loop->uv, &s->listener);
	uv_timer_init(&loop->uv, &s->sweep);
	uv_timer_init(&loop->uv, &s->grace);
	s->handles = 3;
	enum pl_err err = listen_on(s, o->listen, reason, reason_size);
	if (err != PL_OK) {
		pl_http_server_close(s, 0, NULL, NULL);
		return err;
	}
	*out = s;
	return PL_OK;
}

const char *pl_http_server_address(const struct pl_http_server *s)
{
	return s->address;
}

struct pl_http_server_stats pl_http_server_stats(const struct pl_http_server *s)
{
	return s->stats;
}
