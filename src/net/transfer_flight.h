/* One request under way. Flights are re-used with their easy handles; a waiting client owns none. */
#ifndef PL_NET_TRANSFER_FLIGHT_H
#define PL_NET_TRANSFER_FLIGHT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "net/resolver.h"
#include "net/transfer.h"

enum { PL_TRANSFER_MAX_HEADERS = 64, PL_TRANSFER_MAX_ETAG = 255 };

enum pl_transfer_state {
	PL_TRANSFER_RESOLVING,
	PL_TRANSFER_READY, /* to be given to curl as soon as that is not at work */
	PL_TRANSFER_RUNNING,
	PL_TRANSFER_ENDED, /* without curl, to be told from the loop */
};

/* Where the connection goes, as this side sees it: the proxy when there is one. */
struct pl_transfer_peer {
	const char *host; /* brackets around an IPv6 address */
	unsigned port;
	const char *addresses; /* from the resolver; NULL: the host is numeric */
	bool tls;              /* with the server, be it through a proxy */
	bool proxy;
	const char *proxy_url; /* as curl is to take it; NULL: none */
};

struct pl_transfer_flight {
	LIST_ENTRY(pl_transfer_flight) of_pool; /* flights or spare */
	TAILQ_ENTRY(pl_transfer_flight) of_deferred;
	LIST_ENTRY(pl_transfer_flight) of_paused;
	bool deferred, paused;
	struct pl_transfer_pool *pool;
	CURL *easy;
	CURLU *url;

	/* Of the request: reset between two. */
	struct pl_transfer *t;
	struct pl_transfer_request request; /* a copy; what it points at is the caller's */
	const struct pl_transfer_client *client;
	enum pl_transfer_state state;
	bool cancelled;
	struct pl_transfer_affinity *affinity; /* while RUNNING */
	struct pl_resolver_lookup lookup;
	struct pl_transfer_peer peer;
	struct pl_arena arena; /* texts of the request */
	struct curl_slist headers[PL_TRANSFER_MAX_HEADERS], resolve, connect_to;
	size_t n_headers;

	uint64_t body_size, body_sent; /* bytes of the request's body */
	size_t piece, piece_at;        /* where in the pieces the next byte stands */
	int64_t start_ns, launch_ns, sent_ns;
	size_t header_bytes;                 /* of the present answer */
	bool header_done, head_given, typed; /* typed: the present answer has a Content-Type */
	char etag[PL_TRANSFER_MAX_ETAG + 1]; /* of the present answer */
	int open_errno;                      /* why the last socket could not be made */
	struct pl_transfer_result result;
	char error[CURL_ERROR_SIZE];
};

void pl_transfer_flight_cancel(struct pl_transfer_flight *f);
void pl_transfer_flight_destroy(struct pl_transfer_flight *f); /* a spare one */

void pl_transfer_flight_go_on(struct pl_transfer_flight *f);                   /* it was deferred */
void pl_transfer_flight_complete(struct pl_transfer_flight *f, CURLcode code); /* curl is done with it */

#endif
