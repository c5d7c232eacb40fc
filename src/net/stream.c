#include "net/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/stream_tls.h"

enum { READ_BYTES = 16 * 1024, KEEPALIVE_S = 30 };

struct pl_stream {
	struct pl_loop *loop;
	struct pl_stream_events events;
	void *data;
	char *host;
	uint16_t port;
	uint64_t connect_timeout_ms;
	struct pl_stream_tls *tls; /* NULL: plain */
	char reason[256];
	enum pl_stream_failure failure;
	uv_getaddrinfo_t lookup;
	struct addrinfo *addresses, *address; /* all, and the one that is tried */
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_timer_t timer;
	unsigned handles; /* not yet closed, and the look-up */
	bool looking, tcp_there, open, ended, closed;
	size_t unsent;
	char in[READ_BYTES];
};

struct write_out {
	uv_write_t req;
	struct pl_buf bytes;
	struct pl_stream *stream;
};

static void try_next(struct pl_stream *s);

/* ---- the end ---- */

static void part_gone(struct pl_stream *s)
{
	if (--s->handles > 0 || !s->closed)
		return;
	if (s->addresses != NULL)
		uv_freeaddrinfo(s->addresses);
	pl_stream_tls_destroy(s->tls);
	free(s->host);
	free(s);
}

static void on_timer_closed(uv_handle_t *h)
{
	part_gone(h->data);
}

static void on_final_close(uv_handle_t *h)
{
	part_gone(h->data);
}

static void close_tcp(struct pl_stream *s, uv_close_cb then)
{
	if (!s->tcp_there)
		return;
	s->tcp_there = false;
	uv_close((uv_handle_t *)&s->tcp, then);
}

static void end(struct pl_stream *s, enum pl_stream_failure why, const char *reason)
{
	if (s->ended || s->closed)
		return;
	s->ended = true;
	uv_timer_stop(&s->timer);
	if (s->tcp_there && !uv_is_closing((uv_handle_t *)&s->tcp))
		uv_read_stop((uv_stream_t *)&s->tcp);
	s->events.on_end(s->data, why, reason);
}

void pl_stream_close(struct pl_stream *s)
{
	if (s == NULL || s->closed)
		return;
	s->closed = true;
	if (s->looking)
		uv_cancel((uv_req_t *)&s->lookup);
	close_tcp(s, on_final_close);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* ---- bytes ---- */

static void on_written(uv_write_t *req, int status)
{
	struct write_out *w = pl_container_of(req, struct write_out, req);
	struct pl_stream *s = w->stream;
	s->unsent -= w->bytes.n;
	pl_buf_finish(&w->bytes);
	free(w);
	if (s->closed || s->ended)
		return;
	if (status != 0)
		end(s, PL_STREAM_CLOSED, uv_strerror(status));
	else if (s->unsent == 0 && s->open)
		s->events.on_drain(s->data);
}

static void send_out(struct pl_stream *s, struct pl_buf *bytes)
{
	if (bytes->n == 0) {
		pl_buf_finish(bytes);
		return;
	}
	struct write_out *w = pl_calloc(1, sizeof *w);
	w->bytes = *bytes;
	w->stream = s;
	*bytes = (struct pl_buf){0};
	uv_buf_t buf = uv_buf_init(w->bytes.p, (unsigned)w->bytes.n);
	s->unsent += w->bytes.n;
	if (uv_write(&w->req, (uv_stream_t *)&s->tcp, &buf, 1, on_written) != 0) { /* the reading side tells why, soon */
		s->unsent -= w->bytes.n;
		pl_buf_finish(&w->bytes);
		free(w);
	}
}

static void send_cipher(struct pl_stream *s)
{
	struct pl_buf cipher = {0};
	pl_stream_tls_take(s->tls, &cipher);
	send_out(s, &cipher);
}

size_t pl_stream_write(struct pl_stream *s, struct pl_buf *bytes)
{
	if (!s->open || s->ended || s->closed) {
		pl_buf_finish(bytes);
		return 0;
	}
	if (s->tls == NULL) {
		send_out(s, bytes);
		return s->unsent;
	}
	if (bytes->n > 0)
		pl_stream_tls_write(s->tls, pl_buf_str(bytes));
	pl_buf_finish(bytes);
	send_cipher(s);
	return s->unsent;
}

static void opened(struct pl_stream *s)
{
	s->open = true;
	uv_timer_stop(&s->timer);
	s->events.on_open(s->data);
}

static void on_cipher(struct pl_stream *s, const char *p, size_t n)
{
	char plain[READ_BYTES], reason[256] = "";
	int got = 0;
	if (!pl_stream_tls_feed(s->tls, p, n)) {
		end(s, PL_STREAM_TLS, "too much at once");
		return;
	}
	if (!s->open) {
		int shaken = pl_stream_tls_shake(s->tls, reason, sizeof reason);
		send_cipher(s);
		if (shaken < 0)
			end(s, PL_STREAM_TLS, reason);
		else if (shaken > 0)
			opened(s);
	}
	while (s->open && !s->closed && !s->ended &&
	       (got = pl_stream_tls_read(s->tls, plain, sizeof plain, reason, sizeof reason)) > 0)
		s->events.on_data(s->data, plain, (size_t)got);
	if (s->closed || s->ended)
		return;
	send_cipher(s);
	if (got == -2)
		end(s, PL_STREAM_CLOSED, "the server closed the connection");
	else if (got < 0)
		end(s, PL_STREAM_TLS, reason);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct pl_stream *s = h->data;
	(void)suggested;
	*buf = uv_buf_init(s->in, sizeof s->in);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct pl_stream *s = tcp->data;
	if (s->closed || s->ended || n == 0)
		return;
	if (n == UV_EOF)
		end(s, PL_STREAM_CLOSED, "the server closed the connection");
	else if (n < 0)
		end(s, PL_STREAM_CLOSED, uv_strerror((int)n));
	else if (s->tls != NULL)
		on_cipher(s, buf->base, (size_t)n);
	else
		s->events.on_data(s->data, buf->base, (size_t)n);
}

/* ---- the beginning ---- */

static void on_failed_closed(uv_handle_t *h)
{
	struct pl_stream *s = h->data;
	if (!s->closed && !s->ended)
		try_next(s);
	part_gone(s);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct pl_stream *s = req->data;
	if (s->closed || s->ended)
		return;
	if (status != 0) {
		snprintf(s->reason, sizeof s->reason, "%s", uv_strerror(status));
		s->failure = status == UV_ETIMEDOUT ? PL_STREAM_TIMEOUT : PL_STREAM_CONNECT;
		s->address = s->address->ai_next;
		close_tcp(s, on_failed_closed);
		return;
	}
	uv_tcp_nodelay(&s->tcp, 1);
	uv_tcp_keepalive(&s->tcp, 1, KEEPALIVE_S);
	uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
	if (s->tls == NULL)
		opened(s);
	else
		on_cipher(s, "", 0);
}

static void try_next(struct pl_stream *s)
{
	if (s->address == NULL) {
		end(s, s->failure, s->reason);
		return;
	}
	uv_tcp_init(&s->loop->uv, &s->tcp);
	s->tcp.data = s;
	s->connect.data = s;
	s->handles++;
	s->tcp_there = true;
	int status = uv_tcp_connect(&s->connect, &s->tcp, s->address->ai_addr, on_connected);
	if (status != 0)
		on_connected(&s->connect, status);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses)
{
	struct pl_stream *s = pl_container_of(req, struct pl_stream, lookup);
	s->looking = false;
	s->addresses = addresses;
	if (!s->closed && !s->ended) {
		s->address = addresses;
		if (status != 0 || addresses == NULL)
			end(s, PL_STREAM_RESOLVE, status != 0 ? uv_strerror(status) : "the name has no address");
		else
			try_next(s);
	}
	part_gone(s);
}

static void on_timeout(uv_timer_t *timer)
{
	struct pl_stream *s = timer->data;
	end(s, PL_STREAM_TIMEOUT, "no connection in time");
}

static void on_failed_start(uv_timer_t *timer)
{
	struct pl_stream *s = timer->data;
	end(s, s->failure, s->reason);
}

struct pl_stream *pl_stream_open(struct pl_loop *loop, const struct pl_stream_options *options,
				 const struct pl_stream_events *events, void *data)
{
	struct pl_stream *s = pl_calloc(1, sizeof *s);
	char port[8];
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	s->loop = loop;
	s->events = *events;
	s->data = data;
	s->host = pl_strdup(options->host);
	s->port = options->port;
	s->handles = 1;
	uv_timer_init(&loop->uv, &s->timer);
	s->timer.data = s;
	uv_update_time(&loop->uv);
	if (options->tls != NULL) {
		s->tls = pl_stream_tls_create(options->tls, options->host, s->reason, sizeof s->reason);
		if (s->tls == NULL) {
			s->failure = PL_STREAM_TLS;
			uv_timer_start(&s->timer, on_failed_start, 0, 0);
			return s;
		}
	}
	snprintf(port, sizeof port, "%u", (unsigned)s->port);
	int status = uv_getaddrinfo(&loop->uv, &s->lookup, on_resolved, s->host, port, &hints);
	if (status != 0) {
		s->failure = PL_STREAM_RESOLVE;
		snprintf(s->reason, sizeof s->reason, "%s", uv_strerror(status));
		uv_timer_start(&s->timer, on_failed_start, 0, 0);
		return s;
	}
	s->looking = true;
	s->handles++;
	uv_timer_start(&s->timer, on_timeout, options->connect_timeout_ms, 0);
	return s;
}
