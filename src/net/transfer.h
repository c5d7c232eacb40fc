/* HTTP(S) requests on a libuv loop, by libcurl.
 *
 * A pool belongs to one loop and its thread. It keeps connections alive between requests and lends its easy handles out, so that
 * an idle client costs a connection and no buffer. Names are resolved through net/resolver, bounded and cached.
 *
 * Everything a request points at must live until on_done; on_done is called exactly once for every transfer that was started,
 * never from within pl_transfer_start, and is the last call. */
#ifndef PL_NET_TRANSFER_H
#define PL_NET_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

struct pl_transfer_pool;

struct pl_transfer_pool_options {
	unsigned max_per_multi;   /* affinities that share one curl multi; 0: 128 */
	unsigned max_connections; /* kept open per affinity when idle; 0: 1 (an output wants more) */
	unsigned max_idle_s;      /* an idle connection older than this is not used again; 0: 118 */
	const char *user_agent;   /* borrowed for the pool's life; NULL: "Pulseline/VERSION" */
};

PL_MUST_CHECK enum pl_err pl_transfer_pool_create(struct pl_transfer_pool **out, struct pl_loop *loop,
						  const struct pl_transfer_pool_options *options);

/* Cancels what runs (each on_done sees PL_ECANCELED), closes connections and handles, then calls on_closed. */
void pl_transfer_pool_close(struct pl_transfer_pool *pool, void (*on_closed)(void *data), void *data);

enum pl_tls_version {
	PL_TLS_DEFAULT,
	PL_TLS_1_0,
	PL_TLS_1_1,
	PL_TLS_1_2,
	PL_TLS_1_3
}; /* default: 1.2 up to the library's best */

/* How to talk to a server; shared by many requests, borrowed. Zero is a sensible default: TLS verified with the system's CAs,
 * no authentication, no redirects, no compression. */
struct pl_transfer_client {
	const char *username, *password; /* Basic; NULL: none */
	const char *bearer_token;        /* NULL: none */
	const char *const *headers;      /* "Name: value" strings, NULL-terminated; or NULL */
	const char *ca_file, *cert_file, *key_file, *server_name;
	const char *proxy_url; /* http, https, socks5 or socks5h; NULL: none (the environment's proxies are not used) */
	const char *no_proxy;  /* hosts that are asked without it, see net/no_proxy.h; NULL: none */
	enum pl_tls_version tls_min, tls_max;
	bool insecure_skip_verify;
	bool follow_redirects;    /* at most max_redirects, http and https only; credentials stay with the first host */
	unsigned max_redirects;   /* 0: 10 */
	bool redirects_keep_post; /* a POST that is answered with 301 or 302 is one at the other place, too, and not a GET */
	bool accept_gzip;
};

struct pl_transfer_request {
	const char *url;                         /* http or https */
	const char *method;                      /* NULL: GET, or POST when there is a body */
	const struct pl_transfer_client *client; /* borrowed; NULL: defaults */
	const struct pl_str *body;               /* pieces of the request body, sent in order without copying */
	size_t n_body;
	const char *content_type, *content_encoding, *accept; /* NULL: none */
	const char *const *headers;                           /* more "Name: value" of this request; NULL-terminated; or NULL */
	uint32_t affinity;                                    /* requests with the same number share connections */
	int64_t timeout_ns;                                   /* whole request; > 0 */
	int64_t connect_timeout_ns;                           /* 0: timeout_ns */
	uint64_t max_body_bytes;                              /* of the answer, after decoding; 0: no bound */
	size_t max_header_bytes;                              /* 0: 64 KiB */
};

struct pl_transfer_phases { /* nanoseconds since the start of the request; 0 where it did not come so far */
	int64_t resolved, connected, tls, sent, first_byte, done;
};

struct pl_transfer_result {
	enum pl_err err;  /* PL_OK: a complete answer came, whatever its status. PL_ELIMIT: too large. PL_ECANCELED. PL_ETIMEOUT.
			     PL_ENET. PL_EINVAL: bad URL.  What on_data returned, when it ended the transfer. */
	long status;      /* HTTP status, 0 when none came */
	char reason[256]; /* in words, without secrets, printable; empty on success */
	struct pl_transfer_phases phases;
	uint64_t body_bytes;    /* decoded */
	uint64_t wire_bytes;    /* as received, body only */
	bool reused;            /* came over a kept connection */
	int64_t retry_after_ns; /* from Retry-After; 0: none */
};

struct pl_transfer;

/* Before the first on_data (or on_done) of an answer that will be delivered; not for redirects. Views valid during the call. */
struct pl_transfer_head {
	long status;
	struct pl_str content_type;
	struct pl_str etag; /* as it came, quotes included; empty: none, or a very long one */
};

struct pl_transfer_events {
	enum pl_err (*on_head)(struct pl_transfer *t,
			       const struct pl_transfer_head *head); /* may be NULL; not PL_OK ends the transfer with it */
	enum pl_err (*on_data)(struct pl_transfer *t, const char *p, size_t n); /* may be NULL: the body is thrown away */
	bool (*may_go_on)(struct pl_transfer *t); /* asked every other millisecond while paused; NULL where nothing pauses */
	void (*on_done)(struct pl_transfer *t,
			const struct pl_transfer_result *result); /* the transfer may be started again from here */
};

/* Caller-owned, zero-initialised; one request at a time. */
struct pl_transfer {
	const struct pl_transfer_events *events; /* set by the caller */
	void *data;                              /* the caller's */
	struct pl_transfer_flight *flight;       /* the pool's while under way, else NULL */
};

/* Never fails at once: what is wrong comes by on_done. */
void pl_transfer_start(struct pl_transfer_pool *pool, struct pl_transfer *t, const struct pl_transfer_request *request);

/* Only from on_data: no more of the body is read until may_go_on says so, but for what has come already. The request's timeout
 * goes on running. */
void pl_transfer_pause(struct pl_transfer *t);

/* If under way: ends it; on_done follows from the loop with PL_ECANCELED. */
void pl_transfer_cancel(struct pl_transfer *t);

struct pl_transfer_pool_stats {
	uint64_t started, reused, connected, failed; /* since creation */
	unsigned in_flight;
};
struct pl_transfer_pool_stats pl_transfer_pool_stats(const struct pl_transfer_pool *pool); /* on the pool's thread */

#endif
