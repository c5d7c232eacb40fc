#include "net/http_server_private.h"

#include <stdlib.h>

#include "base/mem.h"

static struct pl_str view(const struct pl_http_exchange *x, struct pl_http_span s)
{
	return (struct pl_str){x->text.p + s.at, s.n};
}

static int refuse(struct pl_http_conn *c, unsigned status)
{
	c->fail_status = status;
	return -1;
}

/* Appends to the span that grows at the end of the text; the parser hands names and values over in pieces. */
static bool grow(struct pl_http_exchange *x, struct pl_http_span *s, const char *p, size_t n, size_t limit)
{
	if (s->n == 0)
		s->at = (uint32_t)x->text.n;
	if (s->n + n > limit || x->text.n + n > PL_HTTP_MAX_HEAD)
		return false;
	pl_buf_add(&x->text, p, n);
	s->n += (uint32_t)n;
	return true;
}

static int on_message_begin(http_parser *parser)
{
	struct pl_http_conn *c = parser->data;
	struct pl_http_exchange *x = pl_calloc(1, sizeof *x);
	x->server = c->server;
	x->conn = c;
	c->x = x;
	/* From here on the whole request has to come within the time-out: a byte now and then does not prolong it. */
	c->since_ms = uv_now(&c->server->loop->uv);
	return 0;
}

static int on_url(http_parser *parser, const char *p, size_t n)
{
	struct pl_http_conn *c = parser->data;
	return grow(c->x, &c->x->target, p, n, PL_HTTP_MAX_TARGET) ? 0 : refuse(c, 414);
}

static int on_header_field(http_parser *parser, const char *p, size_t n)
{
	struct pl_http_conn *c = parser->data;
	struct pl_http_exchange *x = c->x;
	if (memchr(p, ' ', n) != NULL) /* Debian's http-parser lets it pass, RFC 9112 5.1 does not: "Content-Length : 5" */
		return refuse(c, 400);
	if (c->head_complete) /* a trailer behind a chunked body: nobody asked for it */
		return 0;
	if (c->in_value || x->n_headers == 0) {
		if (x->n_headers == PL_HTTP_MAX_HEADERS)
			return refuse(c, 431);
		if ((x->n_headers & (x->n_headers - 1)) == 0)
			x->headers = pl_realloc(x->headers, (x->n_headers > 0 ? 2 * x->n_headers : 1) * sizeof *x->headers);
		x->headers[x->n_headers++] = (struct pl_http_header){0};
		c->in_value = false;
	}
	struct pl_http_span *name = &x->headers[x->n_headers - 1].name;
	if (!grow(x, name, p, n, PL_HTTP_MAX_HEAD))
		return refuse(c, 431);
	for (char *q = x->text.p + x->text.n - n; q < x->text.p + x->text.n; q++)
		if (*q >= 'A' && *q <= 'Z')
			*q = (char)(*q - 'A' + 'a');
	return 0;
}

static int on_header_value(http_parser *parser, const char *p, size_t n)
{
	struct pl_http_conn *c = parser->data;
	if (c->head_complete || c->x->n_headers == 0)
		return 0;
	c->in_value = true;
	return grow(c->x, &c->x->headers[c->x->n_headers - 1].value, p, n, PL_HTTP_MAX_HEAD) ? 0 : refuse(c, 431);
}

static int on_headers_complete(http_parser *parser)
{
	struct pl_http_conn *c = parser->data;
	struct pl_http_exchange *x = c->x;
	c->head_complete = true;
	x->method = (enum http_method)parser->method;
	if (parser->http_major > 1)
		return refuse(c, 505);
	if (x->method == HTTP_CONNECT)
		return refuse(c, 405);
	if (parser->http_major == 1 && parser->http_minor >= 1 && pl_http_header(x, "host").p == NULL)
		return refuse(c, 400);
	bool has_length = parser->content_length != UINT64_MAX;
	if (has_length && parser->content_length > c->server->max_body_bytes)
		return refuse(c, 413);
	struct pl_str expect = pl_http_header(x, "expect");
	if (expect.p != NULL && (has_length ? parser->content_length > 0 : (parser->flags & F_CHUNKED) != 0)) {
		struct pl_buf go_on = {0};
		pl_buf_add_cstr(&go_on, "HTTP/1.1 100 Continue\r\n\r\n");
		pl_http_conn_send(c, &go_on);
	}
	/* No protocol is upgraded to: the request is answered as if nothing had been offered (RFC 9110 7.8). */
	parser->upgrade = 0;
	return 0;
}

static int on_body(http_parser *parser, const char *p, size_t n)
{
	struct pl_http_conn *c = parser->data;
	if (n > c->server->max_body_bytes - c->x->body.n)
		return refuse(c, 413);
	pl_buf_add(&c->x->body, p, n);
	return 0;
}

static int on_message_complete(http_parser *parser)
{
	struct pl_http_conn *c = parser->data;
	c->complete = true;
	c->x->http_1_0 = parser->http_major < 1 || parser->http_minor < 1;
	c->x->keep_alive = http_should_keep_alive(parser) != 0;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings callbacks = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void pl_http_request_init(struct pl_http_conn *c)
{
	http_parser_init(&c->parser, HTTP_REQUEST);
	c->parser.data = c;
	c->head_complete = c->complete = c->in_value = false;
	c->fail_status = 0;
}

/* Splits the target in its forms (RFC 9112 3.2): /path?query, http://host/path?query, or the * of OPTIONS. */
static bool settle_target(struct pl_http_exchange *x)
{
	struct pl_str rest = view(x, x->target);
	rest = pl_str_cut(&rest, '#');
	if (pl_str_is(rest, "*") && x->method == HTTP_OPTIONS)
		rest = PL_STR("/");
	if (rest.n > 0 && rest.p[0] != '/') {
		const char *authority = memmem(rest.p, rest.n, "://", 3);
		if (authority == NULL)
			return false;
		authority += 3;
		size_t n = (size_t)(rest.p + rest.n - authority);
		const char *slash = memchr(authority, '/', n);
		rest = slash != NULL ? (struct pl_str){slash, (size_t)(rest.p + rest.n - slash)} : PL_STR("/");
	}
	struct pl_str path = pl_str_cut(&rest, '?');
	x->query = rest;
	return path.n > 0 && pl_http_decode_path(path, &x->path) && memchr(x->path.p, '\0', x->path.n) == NULL;
}

static void hand_over(struct pl_http_conn *c)
{
	struct pl_http_server *s = c->server;
	struct pl_http_exchange *x = c->x;
	if (!settle_target(x)) {
		pl_http_conn_fail(c, 400, "the request's target is not a path\n");
		return;
	}
	struct sockaddr_storage peer = {0};
	int n = sizeof peer;
	uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &n);
	pl_address_text((const struct sockaddr *)&peer, false, x->peer);
	c->state = PL_HTTP_ANSWERING;
	c->since_ms = uv_now(&s->loop->uv);
	s->stats.requests++;
	s->exchanges++;
	x->counted = true;
	s->handler(x, s->data);
}

static const char *words_of(unsigned status)
{
	switch (status) {
	case 405:
		return "this is no proxy\n";
	case 413:
		return "the request's body is too large\n";
	case 414:
		return "the request's target is too long\n";
	case 431:
		return "the request's headers are too large\n";
	case 505:
		return "only HTTP/1.0 and HTTP/1.1 are spoken here\n";
	default:
		return "the request is malformed\n";
	}
}

void pl_http_request_parse(struct pl_http_conn *c, const char *p, size_t n)
{
	size_t used = http_parser_execute(&c->parser, &callbacks, p, n);
	if (c->complete) {
		pl_buf_add(&c->ahead, p + used, n - used);
		hand_over(c);
	} else if (c->fail_status != 0) {
		pl_http_conn_fail(c, c->fail_status, words_of(c->fail_status));
	} else if (HTTP_PARSER_ERRNO(&c->parser) == HPE_HEADER_OVERFLOW) {
		pl_http_conn_fail(c, 431, words_of(431));
	} else if (HTTP_PARSER_ERRNO(&c->parser) != HPE_OK) {
		pl_http_conn_fail(c, 400, words_of(400));
	}
}

struct pl_str pl_http_method(const struct pl_http_exchange *x)
{
	return pl_str_of(http_method_str(x->method));
}

struct pl_str pl_http_path(const struct pl_http_exchange *x)
{
	return pl_buf_str(&x->path);
}

struct pl_str pl_http_query(const struct pl_http_exchange *x)
{
	return x->query;
}

struct pl_str pl_http_body(const struct pl_http_exchange *x)
{
	return pl_buf_str(&x->body);
}

struct pl_str pl_http_header(const struct pl_http_exchange *x, const char *name_lower_case)
{
	for (size_t i = 0; i < x->n_headers; i++)
		if (pl_str_is(view(x, x->headers[i].name), name_lower_case))
			return pl_str_trim(view(x, x->headers[i].value));
	return (struct pl_str){NULL, 0};
}

struct pl_str pl_http_peer(const struct pl_http_exchange *x)
{
	return pl_str_of(x->peer);
}
