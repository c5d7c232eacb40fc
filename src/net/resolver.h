/* Names to addresses, on a libuv loop: getaddrinfo on libuv's threads, at most so many at once, with a cache.
 *
 * A cached answer is used while it is fresh; for some time after that it is still used, while a new look-up runs behind it, so
 * that a slow name server delays nobody whose name is known. Several who ask for one name share one look-up. */
#ifndef PL_NET_RESOLVER_H
#define PL_NET_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "net/loop.h"

struct pl_resolver;

struct pl_resolver_options {
	int64_t fresh_ns;     /* how long an answer is used as it is; 0: 30 s */
	int64_t stale_ns;     /* how long after that while it is renewed; 0: 300 s; < 0: not at all */
	int64_t negative_ns;  /* how long "no such name" is believed; 0: 5 s */
	unsigned max_running; /* look-ups at once; 0: 8 */
	unsigned max_entries; /* names remembered: beyond it the one unused for longest is forgotten; 0: 16384 */
};

enum { PL_RESOLVER_MAX_ADDRESSES = 8, PL_RESOLVER_MAX_NAME = 253 };

/* Views valid until the next call to the resolver or the end of the callback. */
struct pl_resolver_answer {
	enum pl_err err; /* PL_OK; PL_EINVAL: cannot be a name; PL_ENET: no address; PL_ETIMEOUT; PL_EFULL: too many names */
	const char *addresses; /* numeric, separated by commas, IPv6 in brackets: "10.0.0.1,[fd00::1]"; NULL: none */
	const char *reason;    /* in words, "" when there is an address */
};

/* Caller-owned, zero-initialised. */
struct pl_resolver_lookup {
	void (*on_done)(struct pl_resolver_lookup *lookup, const struct pl_resolver_answer *answer);
	/* The resolver's. */
	struct pl_resolver_entry *entry; /* NULL: not waiting */
	int64_t deadline_ns;
	TAILQ_ENTRY(pl_resolver_lookup) of_entry, of_all;
};

struct pl_resolver *pl_resolver_create(struct pl_loop *loop, const struct pl_resolver_options *options); /* NULL: defaults */

/* Nobody waits any more. on_closed comes once the look-ups that run have ended. */
void pl_resolver_close(struct pl_resolver *r, void (*on_closed)(void *data), void *data);

/* True when curl needs no look-up for it: a numeric address, with or without brackets, or localhost. */
bool pl_resolver_needless(const char *host);

/* True: answered at once, in *answer. False: on_done will be called once from the loop, after at most timeout_ns, unless the
 * look-up is cancelled. */
bool pl_resolver_start(struct pl_resolver *r, struct pl_resolver_lookup *lookup, const char *host, int64_t timeout_ns,
		       struct pl_resolver_answer *answer);
void pl_resolver_cancel(struct pl_resolver *r, struct pl_resolver_lookup *lookup); /* no on_done; harmless when not waiting */

/* The addresses of `host` did not work: the next one who asks waits for new ones, unless these are younger than negative_ns. */
void pl_resolver_doubt(struct pl_resolver *r, const char *host);

struct pl_resolver_stats {
	uint64_t lookups, failed;        /* getaddrinfo runs begun, and those that found no address */
	uint64_t hits, stale, shared;    /* answered from fresh entries, from older ones, by a look-up begun for another */
	uint64_t evicted, refused;       /* names forgotten for room; not remembered as all were in use */
	unsigned entries, running, peak; /* now; the most look-ups that ever ran at once */
};
struct pl_resolver_stats pl_resolver_stats(const struct pl_resolver *r);

#endif
