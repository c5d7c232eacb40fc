#include "net/http_server_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

static void pump(struct pl_http_conn *c);

static uint64_t now_ms(const struct pl_http_conn *c)
{
	return uv_now(&c->server->loop->uv);
}

/* ---- the end ---- */

static void drop_out(struct pl_http_conn *c)
{
	struct pl_http_out *o = c->out;
	c->out = o->next;
	if (c->out == NULL)
		c->out_last = NULL;
	c->backlog -= o->bytes.n;
	pl_buf_finish(&o->bytes);
	free(o);
}

static void closed(uv_handle_t *handle)
{
	struct pl_http_conn *c = handle->data;
	struct pl_http_server *s = c->server;
	while (c->out != NULL)
		drop_out(c);
	pl_http_tls_destroy(c->tls);
	pl_buf_finish(&c->cipher);
	pl_buf_finish(&c->ahead);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->stats.open--;
	free(c);
	pl_http_server_forget(s);
}

void pl_http_conn_close(struct pl_http_conn *c)
{
	if (c->state == PL_HTTP_CLOSED)
		return;
	bool asked = c->state == PL_HTTP_ANSWERING;
	c->state = PL_HTTP_CLOSED;
	struct pl_http_exchange *x = c->x;
	c->x = NULL;
	uv_close((uv_handle_t *)&c->tcp, closed);
	if (x == NULL)
		return;
	if (asked)
		pl_http_exchange_peer_left(x);
	else
		pl_http_exchange_free(x);
}

/* ---- bytes in ---- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct pl_http_conn *c = handle->data;
	(void)suggested;
	*buf = uv_buf_init(c->server->read_buf, sizeof c->server->read_buf);
}

static void pause_reading(struct pl_http_conn *c)
{
	if (!c->paused)
		uv_read_stop((uv_stream_t *)&c->tcp);
	c->paused = true;
}

static void on_plain(struct pl_http_conn *c, const char *p, size_t n)
{
	switch (c->state) {
	case PL_HTTP_READING:
		pl_http_request_parse(c, p, n);
		break;
	case PL_HTTP_ANSWERING:
		pl_buf_add(&c->ahead, p, n);
		break;
	case PL_HTTP_LINGERING:
		c->lingered += n;
		if (c->lingered > PL_HTTP_LINGER_BYTES)
			pl_http_conn_close(c);
		break;
	case PL_HTTP_CLOSED:
		break;
	}
	if (c->state == PL_HTTP_ANSWERING && c->ahead.n >= PL_HTTP_READ_BYTES)
		pause_reading(c);
}

/* No TLS begins with a letter, every HTTP request does. */
static bool is_plain_http(const struct pl_http_conn *c, struct pl_str bytes)
{
	return pl_http_tls_fresh(c->tls) && bytes.p[0] >= 'A' && bytes.p[0] <= 'Z';
}

static void on_cipher(struct pl_http_conn *c, struct pl_str bytes)
{
	if (is_plain_http(c, bytes)) {
		pl_http_tls_destroy(c->tls);
		c->tls = NULL;
		pl_http_conn_fail(c, 400, "this is an HTTPS server: the address starts with https://\n");
		return;
	}
	bool fine = pl_http_tls_feed(c->tls, bytes);
	int n = 0;
	while (fine && c->state != PL_HTTP_CLOSED) {
		char plain[4096];
		n = pl_http_tls_read(c->tls, plain, sizeof plain);
		if (n <= 0)
			break;
		on_plain(c, plain, (size_t)n);
	}
	if (c->state == PL_HTTP_CLOSED)
		return;
	if (fine && n == 0) {
		pump(c); /* a handshake's answers */
		return;
	}
	/* The alert that says why, as far as the socket takes it. */
	struct pl_buf last = {0};
	pl_http_tls_take(c->tls, &last);
	if (last.n > 0 && !c->writing) {
		uv_buf_t b = uv_buf_init(last.p, (unsigned)last.n);
		uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
	}
	pl_buf_finish(&last);
	pl_http_conn_close(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pl_http_conn *c = stream->data;
	if (n == 0)
		return;
	if (n > 0) {
		if (c->tls != NULL)
			on_cipher(c, (struct pl_str){buf->base, (size_t)n});
		else
			on_plain(c, buf->base, (size_t)n);
		return;
	}
	/* Who has asked and then shuts his side down still gets his answer; a stream would go on for ever, so it ends. */
	bool answering = c->state == PL_HTTP_ANSWERING && c->x->stage != PL_HTTP_STREAMING;
	bool refusing = c->state == PL_HTTP_LINGERING && c->writing;
	if (n != UV_EOF || (!answering && !refusing)) {
		pl_http_conn_close(c);
		return;
	}
	c->eof = true;
	pause_reading(c);
}

static void resume_reading(struct pl_http_conn *c)
{
	if (!c->paused || c->eof)
		return;
	c->paused = false;
	if (uv_read_start((uv_stream_t *)&c->tcp, lend_buffer, on_read) != 0)
		pl_http_conn_close(c);
}

/* ---- bytes out ---- */

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

static void drained(struct pl_http_conn *c)
{
	if (c->state == PL_HTTP_ANSWERING) {
		pl_http_reply_drained(c->x);
		return;
	}
	if (c->state != PL_HTTP_LINGERING || c->shut)
		return;
	if (c->tls != NULL && !c->tls_ended) {
		c->tls_ended = true;
		pl_http_tls_end(c->tls);
		pump(c);
		if (c->writing)
			return; /* comes here again */
	}
	c->shut = true;
	c->since_ms = now_ms(c);
	if (c->eof || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
		pl_http_conn_close(c);
}

static void on_write(uv_write_t *req, int status)
{
	struct pl_http_conn *c = req->data;
	c->writing = false;
	pl_buf_clear(&c->cipher);
	for (; c->writing_chunks > 0; c->writing_chunks--)
		drop_out(c);
	if (c->state == PL_HTTP_CLOSED)
		return;
	if (status != 0) {
		pl_http_conn_close(c);
		return;
	}
	c->since_ms = now_ms(c);
	pump(c);
	if (!c->writing && !c->broken && c->out == NULL) {
		pl_buf_finish(&c->cipher);
		drained(c);
	}
}

static void encrypt(struct pl_http_conn *c)
{
	pl_http_tls_take(c->tls, &c->cipher);
	while (c->out != NULL && c->cipher.n < PL_HTTP_CIPHER_BYTES) {
		struct pl_http_out *o = c->out;
		size_t took = pl_http_tls_write(c->tls, (struct pl_str){o->bytes.p + o->sent, o->bytes.n - o->sent});
		if (took == 0)
			break;
		o->sent += took;
		if (o->sent == o->bytes.n)
			drop_out(c);
		pl_http_tls_take(c->tls, &c->cipher);
	}
}

static void pump(struct pl_http_conn *c)
{
	enum { CHUNKS = 8 };
	uv_buf_t bufs[CHUNKS];
	unsigned n = 0;
	if (c->writing || c->broken)
		return;
	if (c->tls != NULL) {
		encrypt(c);
		if (c->cipher.n > 0)
			bufs[n++] = uv_buf_init(c->cipher.p, (unsigned)c->cipher.n);
	} else {
		for (struct pl_http_out *o = c->out; o != NULL && n < CHUNKS; o = o->next)
			bufs[n++] = uv_buf_init(o->bytes.p, (unsigned)o->bytes.n);
		c->writing_chunks = n;
	}
	if (n == 0)
		return;
	c->writing = true;
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs, n, on_write) != 0) {
		/* Not closed here: who sends something need not fear that its exchange is gone when the call returns. */
		c->writing = false;
		c->writing_chunks = 0;
		c->broken = true;
	}
}

void pl_http_conn_send(struct pl_http_conn *c, struct pl_buf *bytes)
{
	if (bytes->n == 0 || c->state == PL_HTTP_CLOSED) {
		pl_buf_finish(bytes);
		return;
	}
	struct pl_http_out *o = pl_calloc(1, sizeof *o);
	o->bytes = *bytes;
	*bytes = (struct pl_buf){0};
	if (c->out_last != NULL)
		c->out_last->next = o;
	else
		c->out = o;
	c->out_last = o;
	c->backlog += o->bytes.n;
	c->since_ms = c->writing ? c->since_ms : now_ms(c);
	pump(c);
}

/* ---- from one request to the next ---- */

static void linger(struct pl_http_conn *c)
{
	c->state = PL_HTTP_LINGERING;
	c->since_ms = now_ms(c);
	pl_buf_finish(&c->ahead);
	if (!c->writing && c->out == NULL)
		drained(c);
	if (c->state != PL_HTTP_CLOSED)
		resume_reading(c);
}

void pl_http_conn_ended(struct pl_http_conn *c)
{
	bool keep = c->x->keep_alive && !c->server->closing && !(c->eof && c->ahead.n == 0);
	pl_http_exchange_free(c->x);
	c->x = NULL;
	if (!keep) {
		linger(c);
		return;
	}
	c->state = PL_HTTP_READING;
	c->since_ms = now_ms(c);
	pl_http_request_init(c);
	struct pl_buf ahead = c->ahead;
	c->ahead = (struct pl_buf){0};
	if (ahead.n > 0)
		pl_http_request_parse(c, ahead.p, ahead.n);
	pl_buf_finish(&ahead);
	if (c->state == PL_HTTP_READING && c->eof)
		pl_http_conn_close(c); /* half a request, and no more to come */
	else if (c->state != PL_HTTP_CLOSED && c->ahead.n < PL_HTTP_READ_BYTES)
		resume_reading(c);
}

void pl_http_conn_fail(struct pl_http_conn *c, unsigned status, const char *text)
{
	struct pl_buf b = {0};
	bool head = c->x != NULL && c->x->method == HTTP_HEAD;
	pl_http_exchange_free(c->x);
	c->x = NULL;
	pl_buf_addf(&b,
		    "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\n\r\n%s",
		    status, http_status_str((enum http_status)status), strlen(text), head ? "" : text);
	pl_http_conn_send(c, &b);
	linger(c);
}

void pl_http_conn_sweep(struct pl_http_conn *c, uint64_t at_ms)
{
	uint64_t idle_ms = c->server->idle_timeout_ms;
	size_t unsent = c->backlog + uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
	bool progress = unsent != c->last_unsent;
	c->last_unsent = unsent;
	if (c->broken) {
		pl_http_conn_close(c);
		return;
	}
	switch (c->state) {
	case PL_HTTP_READING:
		if (at_ms - c->since_ms < idle_ms)
			return;
		if (c->x != NULL)
			pl_http_conn_fail(c, 408, "the request did not come in time\n");
		else
			pl_http_conn_close(c);
		return;
	case PL_HTTP_ANSWERING:
		/* The handler may take its time; a peer that reads nothing of what is there for it may not. */
		if (!c->writing || progress)
			c->since_ms = at_ms;
		else if (at_ms - c->since_ms >= idle_ms)
			pl_http_conn_close(c);
		return;
	case PL_HTTP_LINGERING:
		if (c->writing && progress)
			c->since_ms = at_ms;
		else if (at_ms - c->since_ms >= (c->writing ? idle_ms : PL_HTTP_LINGER_MS))
			pl_http_conn_close(c);
		return;
	case PL_HTTP_CLOSED:
		return;
	}
}

void pl_http_conn_accept(struct pl_http_server *s)
{
	struct pl_http_conn *c = pl_calloc(1, sizeof *c);
	c->server = s;
	c->tcp.data = c;
	c->state = PL_HTTP_READING;
	c->since_ms = uv_now(&s->loop->uv);
	uv_tcp_init(&s->loop->uv, &c->tcp);
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = c;
	s->conns = c;
	s->stats.open++;
	if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp) != 0) {
		pl_http_conn_close(c);
		return;
	}
	s->stats.connections++;
	if (s->stats.open > s->max_connections) {
		s->stats.refused++;
		pl_incident_fail(&s->full, pl_clock_wall_ns(), s->log, PL_LOG_WARN, "too many HTTP connections: refusing more",
				 (const struct pl_kv[]){PL_KVI("limit", s->max_connections), {0}});
		pl_http_conn_close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	uv_tcp_keepalive(&c->tcp, 1, 60);
	if (s->tls != NULL)
		c->tls = pl_http_tls_create(s->tls);
	pl_http_request_init(c);
	c->paused = true;
	resume_reading(c);
}
