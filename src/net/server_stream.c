#include "net/server_stream.h"

#include <stdlib.h>

#include "base/mem.h"

enum { TLS_PIECE = 16 * 1024 };

struct pl_server_stream {
	uv_tcp_t tcp;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct pl_server_stream_options o;
	struct pl_tls *tls;
	struct pl_buf waiting, going; /* what follows, and what the socket is being given */
	bool writing, ended, shut, gone, closed;
};

static void flush(struct pl_server_stream *s);

static void tell_gone(struct pl_server_stream *s, const char *reason)
{
	if (s->closed || s->gone)
		return;
	uv_read_stop((uv_stream_t *)&s->tcp);
	s->gone = true;
	s->o.events->gone(s->o.data, reason);
}

/* ---- bytes in ---- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct pl_server_stream *s = handle->data;
	(void)suggested;
	*buf = uv_buf_init(s->o.read_buf, (unsigned)s->o.read_buf_size);
}

static void give(struct pl_server_stream *s, struct pl_str bytes)
{
	if (!s->ended && !s->closed)
		s->o.events->read(s->o.data, bytes);
}

static void on_cipher(struct pl_server_stream *s, struct pl_str bytes)
{
	char plain[TLS_PIECE];
	int n = 0;
	pl_tls_feed(s->tls, bytes);
	while (!s->closed && (n = pl_tls_read(s->tls, plain, sizeof plain)) > 0)
		give(s, (struct pl_str){plain, (size_t)n});
	if (s->closed)
		return;
	flush(s); /* a handshake's answers, or the alert that says why */
	if (n < 0)
		tell_gone(s, pl_tls_reason(s->tls));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pl_server_stream *s = stream->data;
	if (n == 0)
		return;
	if (n < 0) {
		tell_gone(s, n == UV_EOF ? "" : uv_strerror((int)n));
		return;
	}
	struct pl_str bytes = {buf->base, (size_t)n};
	if (s->tls != NULL)
		on_cipher(s, bytes);
	else
		give(s, bytes);
}

/* ---- bytes out ---- */

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

static void shut(struct pl_server_stream *s)
{
	if (s->shut)
		return;
	s->shut = true;
	uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shutdown); /* where it fails, the peer is gone, which a read tells */
}

static void on_written(uv_write_t *req, int status)
{
	struct pl_server_stream *s = req->data;
	s->writing = false;
	pl_buf_finish(&s->going);
	if (s->closed)
		return;
	if (status != 0)
		tell_gone(s, uv_strerror(status));
	else
		flush(s);
}

/* Gives the socket what it takes at once; the rest is left to libuv. */
static bool push(struct pl_server_stream *s)
{
	uv_buf_t b = uv_buf_init(s->waiting.p, (unsigned)s->waiting.n);
	int took = uv_try_write((uv_stream_t *)&s->tcp, &b, 1);
	if (took == (int)s->waiting.n) {
		pl_buf_finish(&s->waiting);
		return true;
	}
	if (took < 0 && took != UV_EAGAIN)
		return false;
	s->going = s->waiting;
	s->waiting = (struct pl_buf){0};
	size_t sent = took > 0 ? (size_t)took : 0;
	b = uv_buf_init(s->going.p + sent, (unsigned)(s->going.n - sent));
	s->write.data = s;
	s->writing = uv_write(&s->write, (uv_stream_t *)&s->tcp, &b, 1, on_written) == 0;
	return s->writing;
}

static bool send_waiting(struct pl_server_stream *s)
{
	if (s->tls != NULL)
		pl_tls_take(s->tls, &s->waiting);
	return s->writing || s->waiting.n == 0 || push(s);
}

static void flush(struct pl_server_stream *s)
{
	if (s->closed)
		return;
	if (!send_waiting(s)) {
		tell_gone(s, "it cannot be written to");
		return;
	}
	if (s->ended && !s->writing && s->waiting.n == 0)
		shut(s);
}

size_t pl_server_stream_unsent(const struct pl_server_stream *s)
{
	return s->waiting.n + s->going.n;
}

bool pl_server_stream_write(struct pl_server_stream *s, struct pl_str bytes)
{
	if (s->closed || s->ended || pl_server_stream_unsent(s) + bytes.n > s->o.max_unsent)
		return false;
	if (s->tls == NULL && !s->writing && s->waiting.n == 0) { /* mostly all goes at once, and nothing is copied */
		uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
		int took = uv_try_write((uv_stream_t *)&s->tcp, &b, 1);
		if (took < 0 && took != UV_EAGAIN)
			return false;
		if (took > 0)
			bytes = (struct pl_str){bytes.p + took, bytes.n - (size_t)took};
		if (bytes.n == 0)
			return true;
	}
	if (s->tls == NULL)
		pl_buf_add_str(&s->waiting, bytes);
	else if (!pl_tls_ready(s->tls) || !pl_tls_write(s->tls, bytes))
		return false;
	return send_waiting(s);
}

/* ---- life ---- */

struct pl_server_stream *pl_server_stream_accept(uv_stream_t *listener, const struct pl_server_stream_options *options)
{
	struct pl_server_stream *s = pl_calloc(1, sizeof *s);
	s->o = *options;
	uv_tcp_init(listener->loop, &s->tcp);
	s->tcp.data = s;
	if (options->tls != NULL)
		s->tls = pl_tls_create(options->tls);
	if (uv_accept(listener, (uv_stream_t *)&s->tcp) != 0 ||
	    uv_read_start((uv_stream_t *)&s->tcp, lend_buffer, on_read) != 0) {
		s->o.freed = NULL;
		pl_server_stream_close(s);
		return NULL;
	}
	uv_tcp_nodelay(&s->tcp, 1);
	uv_tcp_keepalive(&s->tcp, 1, 60);
	return s;
}

void pl_server_stream_peer(const struct pl_server_stream *s, struct sockaddr_storage *out)
{
	int n = sizeof *out;
	*out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
	if (uv_tcp_getpeername(&s->tcp, (struct sockaddr *)out, &n) != 0)
		out->ss_family = AF_UNSPEC;
}

void pl_server_stream_end(struct pl_server_stream *s)
{
	if (s->ended || s->closed)
		return;
	s->ended = true;
	if (s->tls != NULL)
		pl_tls_end(s->tls);
	flush(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct pl_server_stream *s = handle->data;
	void (*freed)(void *) = s->o.freed;
	void *data = s->o.data;
	pl_tls_destroy(s->tls);
	pl_buf_finish(&s->waiting);
	pl_buf_finish(&s->going);
	free(s);
	if (freed != NULL)
		freed(data);
}

void pl_server_stream_close(struct pl_server_stream *s)
{
	if (s->closed)
		return;
	s->closed = true;
	uv_close((uv_handle_t *)&s->tcp, on_closed);
}
