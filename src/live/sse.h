/* Live values for browsers: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) over the HTTP
 * server. On the control thread.
 *
 * A client first gets the last value of everything that it wants, then each value as it comes:
 *
 *	event: snapshot, data: {}                 last values follow, without ids
 *	data: {"command":"publish","tags":[...],"data":"..."}
 *	id: E-N, event: live, data: {"values":V}  those were V values; from here on as it happens, E-N is where to resume
 *	id: E-N, data: {...}                      a value
 *	event: lagged, data: {"missed":M,"exact":true}   so many had to be left out as the client reads too slowly; not exact:
 *some of them it may not have wanted event: too_old, data: {}                  what Last-Event-ID asks for is not there any more;
 *a snapshot follows : keep-alive */
#ifndef PL_LIVE_SSE_H
#define PL_LIVE_SSE_H

#include "live/hub.h"
#include "live/last_values.h"
#include "live/wish.h"
#include "net/http_server.h"

struct pl_live_sse;

struct pl_live_sse_options {
	struct pl_loop *loop;    /* the HTTP server's */
	struct pl_live_hub *hub; /* borrowed */
	unsigned max_clients;
	size_t client_bytes; /* what one client may be behind, in bytes, before values are left out */
	uint64_t keep_alive_ms;
	struct pl_last_values_options last_values; /* max_values 0: none are kept */
};

struct pl_live_sse *pl_live_sse_create(const struct pl_live_sse_options *options);

/* Answers the request with a stream. Takes the wish. `resume` is the client's Last-Event-ID, or empty. False: there are too many
 * clients already; nothing was answered. */
bool pl_live_sse_begin(struct pl_live_sse *s, struct pl_http_exchange *x, struct pl_live_wish *wish, struct pl_str resume);

struct pl_live_sse_stats {
	unsigned clients;
	uint64_t connected, refused; /* clients */
	uint64_t events;             /* values handed to clients */
	uint64_t lagged;             /* values left out for clients that read too slowly */
	uint64_t resumed, too_old;   /* clients that came back with an id */
	struct pl_last_values_stats last;
};
struct pl_live_sse_stats pl_live_sse_stats(const struct pl_live_sse *s);

/* After the HTTP server was closed, which ends all streams. Frees; then `closed`. */
void pl_live_sse_close(struct pl_live_sse *s, void (*closed)(void *data), void *data);

#endif
