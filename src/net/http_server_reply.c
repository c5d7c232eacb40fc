#include "net/http_server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

void pl_http_exchange_free(struct pl_http_exchange *x)
{
	if (x == NULL)
		return;
	if (x->counted) {
		x->server->exchanges--;
		pl_http_server_forget(x->server);
	}
	pl_buf_finish(&x->text);
	free(x->headers);
	pl_buf_finish(&x->path);
	pl_buf_finish(&x->body);
	pl_buf_finish(&x->extra);
	free(x);
}

void pl_http_exchange_peer_left(struct pl_http_exchange *x)
{
	x->conn = NULL;
	if (x->stage == PL_HTTP_ASKED)
		return; /* whoever is about to answer it still holds it */
	if (x->stage == PL_HTTP_STREAMING)
		x->events.on_gone(x, x->events_data);
	pl_http_exchange_free(x);
}

void pl_http_reply_drained(struct pl_http_exchange *x)
{
	if (x->stage == PL_HTTP_STREAMING && !x->no_body) {
		x->events.on_drain(x, x->events_data);
		return;
	}
	if (x->stage == PL_HTTP_STREAMING) /* HEAD: nobody reads what would come */
		x->events.on_gone(x, x->events_data);
	if (x->stage != PL_HTTP_ASKED)
		pl_http_conn_ended(x->conn);
}

void pl_http_set_header(struct pl_http_exchange *x, const char *name, const char *value)
{
	pl_buf_add_cstr(&x->extra, name);
	pl_buf_add_cstr(&x->extra, ": ");
	for (const char *p = value; *p != '\0'; p++)
		pl_buf_add_char(&x->extra, (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p); /* no line of its own */
	pl_buf_add_cstr(&x->extra, "\r\n");
}

/* IMF-fixdate of RFC 9110 5.6.7. */
static void add_date(struct pl_buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm t;
	gmtime_r(&now, &t);
	pl_buf_addf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + t.tm_wday * 3, t.tm_mday,
		    months + t.tm_mon * 3, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* The head of a reply whose body has `length` bytes, or, when that is SIZE_MAX, an unknown number. */
static struct pl_buf head_of(struct pl_http_exchange *x, unsigned status, const char *content_type, size_t length)
{
	struct pl_buf b = {0};
	bool bodiless = status < 200 || status == 204 || status == 304;
	x->no_body = bodiless || x->method == HTTP_HEAD;
	if (length == SIZE_MAX && !bodiless) {
		x->chunked = !x->http_1_0;
		x->keep_alive = x->keep_alive && x->chunked;
	}
	if (x->server->closing)
		x->keep_alive = false;
	pl_buf_addf(&b, "HTTP/1.1 %u %s\r\n", status, http_status_str((enum http_status)status));
	add_date(&b);
	if (content_type != NULL)
		pl_buf_addf(&b, "Content-Type: %s\r\n", content_type);
	pl_buf_add_str(&b, pl_buf_str(&x->extra));
	if (x->chunked)
		pl_buf_add_cstr(&b, "Transfer-Encoding: chunked\r\n");
	else if (length != SIZE_MAX && !bodiless)
		pl_buf_addf(&b, "Content-Length: %zu\r\n", length);
	if (!x->keep_alive)
		pl_buf_add_cstr(&b, "Connection: close\r\n");
	else if (x->http_1_0)
		pl_buf_add_cstr(&b, "Connection: keep-alive\r\n");
	pl_buf_add_cstr(&b, "\r\n");
	return b;
}

void pl_http_close_after(struct pl_http_exchange *x)
{
	x->keep_alive = false;
}

void pl_http_reply(struct pl_http_exchange *x, unsigned status, const char *content_type, struct pl_buf *body)
{
	struct pl_buf none = {0};
	if (body == NULL)
		body = &none;
	if (x->conn == NULL) {
		pl_buf_finish(body);
		pl_http_exchange_free(x);
		return;
	}
	struct pl_buf head = head_of(x, status, content_type, body->n);
	x->stage = PL_HTTP_ENDED;
	pl_http_conn_send(x->conn, &head);
	if (x->no_body)
		pl_buf_finish(body);
	else
		pl_http_conn_send(x->conn, body);
}

void pl_http_reply_text(struct pl_http_exchange *x, unsigned status, const char *text)
{
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, text);
	pl_http_reply(x, status, "text/plain; charset=utf-8", &b);
}

static void free_timer(uv_handle_t *handle)
{
	free(handle);
}

static void gone_before(uv_timer_t *timer)
{
	struct pl_http_exchange *x = timer->data;
	uv_close((uv_handle_t *)timer, free_timer);
	x->events.on_gone(x, x->events_data);
	pl_http_exchange_free(x);
}

void pl_http_stream_begin(struct pl_http_exchange *x, unsigned status, const char *content_type,
			  const struct pl_http_stream_events *events, void *data)
{
	x->events = *events;
	x->events_data = data;
	x->stage = PL_HTTP_STREAMING;
	if (x->conn == NULL) {
		/* The caller's next line may use x: it is told from the loop. */
		x->gone = pl_calloc(1, sizeof *x->gone);
		x->gone->data = x;
		uv_timer_init(&x->server->loop->uv, x->gone);
		uv_timer_start(x->gone, gone_before, 0, 0);
		return;
	}
	struct pl_buf head = head_of(x, status, content_type, SIZE_MAX);
	pl_http_conn_send(x->conn, &head);
}

size_t pl_http_stream_write(struct pl_http_exchange *x, struct pl_str bytes)
{
	if (x->conn == NULL)
		return 0;
	if (!x->no_body && bytes.n > 0) {
		struct pl_buf b = {0};
		if (x->chunked)
			pl_buf_addf(&b, "%zx\r\n", bytes.n);
		pl_buf_add_str(&b, bytes);
		if (x->chunked)
			pl_buf_add_cstr(&b, "\r\n");
		pl_http_conn_send(x->conn, &b);
	}
	return x->conn->backlog + x->conn->cipher.n;
}

void pl_http_stream_end(struct pl_http_exchange *x)
{
	struct pl_http_conn *c = x->conn;
	if (c == NULL) {
		uv_timer_stop(x->gone);
		uv_close((uv_handle_t *)x->gone, free_timer);
		pl_http_exchange_free(x);
		return;
	}
	x->stage = PL_HTTP_ENDED;
	if (x->chunked && !x->no_body) {
		struct pl_buf last = {0};
		pl_buf_add_cstr(&last, "0\r\n\r\n");
		pl_http_conn_send(c, &last);
	} else if (!c->writing && c->out == NULL) {
		pl_http_conn_ended(c);
	}
}
