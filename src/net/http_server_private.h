/* What the files of the HTTP server share among themselves; nobody else includes this.
 *
 * http_server.c           the listener, the list of connections, the sweep that ends idle ones
 * http_server_conn.c      one connection: its bytes in and out, its end
 * http_server_request.c   bytes -> request, by http-parser (HTTP/1.0 and 1.1, RFC 9112)
 * http_server_reply.c     reply -> bytes
 * http_server_tls.c       TLS between the two
 * http_server_query.c     percent-decoding */
#ifndef PL_NET_HTTP_SERVER_PRIVATE_H
#define PL_NET_HTTP_SERVER_PRIVATE_H

#include <http_parser.h>

#include "base/incident.h"
#include "net/address.h"
#include "net/http_server.h"
#include "net/self_signed.h"

enum {
	PL_HTTP_READ_BYTES = 16 * 1024,   /* one read; also how much may be read ahead of the reply under way */
	PL_HTTP_MAX_TARGET = 8 * 1024,    /* else 414 */
	PL_HTTP_MAX_HEAD = 16 * 1024,     /* target, names and values together; else 431 */
	PL_HTTP_MAX_HEADERS = 100,        /* else 431 */
	PL_HTTP_LINGER_MS = 2000,         /* how long the rest of a refused request is read and thrown away, so that */
	PL_HTTP_LINGER_BYTES = 64 << 20,  /* its sender gets to read the refusal instead of a reset */
	PL_HTTP_CIPHER_BYTES = 32 * 1024, /* encrypted at once; the rest of a reply waits in the clear */
	PL_HTTP_SWEEP_MS = 1000,
};

struct pl_http_tls;

struct pl_http_server {
	struct pl_loop *loop;
	struct pl_log *log;
	pl_http_handler handler;
	void *data;
	size_t max_body_bytes;
	unsigned max_connections;
	uint64_t idle_timeout_ms;
	char address[PL_ADDRESS_TEXT_BYTES];
	uv_tcp_t listener;
	uv_timer_t sweep, grace;
	unsigned handles; /* of these three, not yet closed */
	struct pl_http_conn *conns;
	unsigned exchanges;     /* with the handler or going out */
	struct ssl_ctx_st *tls; /* NULL: plain */
	struct pl_http_server_stats stats;
	struct pl_incident full;
	bool closing, finishing;
	void (*on_closed)(void *data);
	void *on_closed_data;
	char read_buf[PL_HTTP_READ_BYTES]; /* shared by all connections: an idle one owns no buffer */
};

void pl_http_server_forget(struct pl_http_server *s); /* a connection or an exchange of a closing server has ended */

/* ---- connection ---- */

enum pl_http_conn_state {
	PL_HTTP_READING,   /* waits for a request or is amid one */
	PL_HTTP_ANSWERING, /* a request is with the handler or its reply is going out */
	PL_HTTP_LINGERING, /* the last reply was queued; what comes in is thrown away */
	PL_HTTP_CLOSED,
};

struct pl_http_out { /* bytes on their way out */
	struct pl_http_out *next;
	struct pl_buf bytes;
	size_t sent; /* of these, encrypted so far (TLS only) */
};

struct pl_http_conn {
	struct pl_http_server *server;
	struct pl_http_conn *prev, *next;
	uv_tcp_t tcp;
	uv_write_t write;
	uv_shutdown_t shutdown;
	enum pl_http_conn_state state;
	struct pl_http_tls *tls; /* NULL: plain */
	http_parser parser;
	bool head_complete, complete, in_value; /* the parser's progress within the request */
	unsigned fail_status;                   /* what a parser callback refused the request with */
	struct pl_http_exchange *x;
	struct pl_buf ahead; /* came while a reply was under way */
	bool paused;         /* reading is stopped */
	bool eof;            /* the peer sends no more */
	bool broken;         /* cannot be written to; the next sweep closes it */
	bool writing, shut, tls_ended;
	unsigned writing_chunks;
	struct pl_http_out *out, *out_last;
	size_t backlog; /* bytes in `out` */
	struct pl_buf cipher;
	uint64_t since_ms;  /* when the present state or the last progress in it began */
	size_t last_unsent; /* at the last sweep */
	size_t lingered;
};

void pl_http_conn_accept(struct pl_http_server *s);
void pl_http_conn_close(struct pl_http_conn *c);
void pl_http_conn_sweep(struct pl_http_conn *c, uint64_t now_ms);
void pl_http_conn_send(struct pl_http_conn *c, struct pl_buf *bytes); /* takes the bytes */
void pl_http_conn_ended(struct pl_http_conn *c);                      /* the reply is complete in the queue */
/* Refuses what is being read, and the connection with it. */
void pl_http_conn_fail(struct pl_http_conn *c, unsigned status, const char *text);

/* ---- request ---- */

struct pl_http_span {
	uint32_t at, n; /* within the exchange's text */
};

struct pl_http_header {
	struct pl_http_span name, value;
};

struct pl_http_exchange {
	struct pl_http_server *server;
	struct pl_http_conn *conn; /* NULL: the peer is gone */
	enum http_method method;
	struct pl_buf text; /* the target, then names (in lower case) and values */
	struct pl_http_span target;
	struct pl_http_header *headers;
	size_t n_headers;
	struct pl_buf path;
	struct pl_str query;
	struct pl_buf body;
	char peer[PL_ADDRESS_TEXT_BYTES];
	bool http_1_0, keep_alive;
	bool counted; /* in the server's `exchanges` */
	/* the reply */
	enum { PL_HTTP_ASKED, PL_HTTP_STREAMING, PL_HTTP_ENDED } stage;
	bool chunked, no_body;
	struct pl_buf extra; /* header lines */
	struct pl_http_stream_events events;
	void *events_data;
	uv_timer_t *gone; /* tells on_gone of a stream that began without a peer */
};

void pl_http_request_init(struct pl_http_conn *c);                           /* ready for the next request */
void pl_http_request_parse(struct pl_http_conn *c, const char *p, size_t n); /* in PL_HTTP_READING */
void pl_http_exchange_free(struct pl_http_exchange *x);
void pl_http_exchange_peer_left(struct pl_http_exchange *x); /* may free it */
void pl_http_reply_drained(struct pl_http_exchange *x);      /* everything queued went out; may free it */

/* ---- TLS ---- */

/* Without files: with a certificate of our own making, whose fingerprint comes out. */
PL_MUST_CHECK enum pl_err pl_http_tls_context(struct ssl_ctx_st **out, const char *cert_file, const char *key_file,
					      char fingerprint[PL_FINGERPRINT_BYTES], char *reason, size_t reason_size);
void pl_http_tls_context_free(struct ssl_ctx_st *ctx);
struct pl_http_tls *pl_http_tls_create(struct ssl_ctx_st *ctx);
void pl_http_tls_destroy(struct pl_http_tls *t);
bool pl_http_tls_feed(struct pl_http_tls *t, struct pl_str cipher); /* false: nothing of TLS, or too much */
/* Decrypts the next bytes into out. 0: needs more, < 0: the connection is broken or was ended in order. */
int pl_http_tls_read(struct pl_http_tls *t, char *out, int size);
size_t pl_http_tls_write(struct pl_http_tls *t, struct pl_str plain); /* how much it took; 0: not now */
void pl_http_tls_end(struct pl_http_tls *t);
void pl_http_tls_take(struct pl_http_tls *t, struct pl_buf *out); /* appends what has to go out */
bool pl_http_tls_fresh(const struct pl_http_tls *t);              /* nothing was received so far */

/* ---- decoding ---- */

/* Appends `in` with %XX replaced. False when a `%` has no two hexadecimal digits behind it. */
bool pl_http_decode_path(struct pl_str in, struct pl_buf *out);

#endif
