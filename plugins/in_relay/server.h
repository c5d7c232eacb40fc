/* The relay server: who listens, who is connected, who is asked when, and how much of it all is borne. On a worker's thread. */
#ifndef PL_IN_RELAY_SERVER_H
#define PL_IN_RELAY_SERVER_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#define HASH_NONFATAL_OOM 0
#include <uthash.h>

#include "base/incident.h"
#include "config/config.h"
#include "in_relay/collectors.h"
#include "in_relay/count.h"
#include "in_relay/wheel.h"
#include "net/address.h"
#include "net/server_stream.h"

/* A configuration and all of taking it on that can fail, made on the control thread. */
struct pl_in_relay_prepared {
	struct pl_config *config;            /* shares */
	const struct pl_relay_config *relay; /* of it */
	int fd;                              /* listens; -1: the socket that is there stays */
	char address[PL_ADDRESS_TEXT_BYTES];
	struct pl_tls_context *tls; /* NULL: plain */
};

void pl_in_relay_prepared_free(struct pl_in_relay_prepared *p);

enum {
	PL_IN_RELAY_READ_BYTES = 64 * 1024,
	PL_IN_RELAY_RELAY_MEMORY = 1 << 20, /* of one relay's collectors */
	PL_IN_RELAY_ALL_MEMORY = 256 << 20, /* of all collectors and begun lines */
	PL_IN_RELAY_LEAST_IDLE_MS = 45000,  /* relays ping after 30 s at first, whatever they are told */
	PL_IN_RELAY_OVERRIDE_S = 86400,     /* how long an override lasts; it is sent again after half of that */
	PL_IN_RELAY_LINGER_MS = 2000,       /* how long a refused peer may take to read why */
	PL_IN_RELAY_SWEEP_MS = 1000,
};

enum pl_in_relay_state {
	PL_IN_RELAY_HANDSHAKE,
	PL_IN_RELAY_MEMBER, /* it has said who it is */
	PL_IN_RELAY_ENDING, /* it was told why, and is to leave */
	PL_IN_RELAY_CLOSED, /* only its memory is left */
};

struct pl_in_relay_conn;
TAILQ_HEAD(pl_in_relay_conns, pl_in_relay_conn);

struct pl_in_relay_listener; /* a socket; outlives its time with the server until it is closed */

struct pl_in_relay_server {
	const struct pl_listener_env *env;
	struct pl_in_relay_prepared *now; /* what is in force; NULL: nobody is let in */
	struct pl_in_relay_listener *listener;
	struct pl_route *route;
	struct pl_in_relay_tagging tagging;
	struct pl_in_relay_conns handshakes, members, ending; /* handshakes, ending: the oldest first */
	size_t n_handshakes, n_members, n_ending, n_streams;
	struct pl_in_relay_conn *by_id; /* uthash */
	struct pl_in_relay_wheel wheel;
	uv_timer_t poll, sweep;
	size_t handles; /* these two and listeners, not yet closed */
	size_t memory;
	struct {
		struct pl_incident incident;
		uint64_t last_ms;
	} troubles[PL_IN_RELAY_COUNTS];
	struct pl_incident token;    /* its file cannot be read */
	struct pl_buf line, scratch; /* for what is being put together */
	struct pl_buf points;        /* lines of the `got` that is being read */
	struct pl_live_value *live;  /* values of it; owned, as are the tags */
	struct pl_str *live_tags;
	size_t live_tags_cap;
	bool closing;
	uint64_t closing_since_ms;
	void (*closed)(void *data);
	void *closed_data;
	char read_buf[PL_IN_RELAY_READ_BYTES]; /* shared by all connections: an idle one owns no buffer */
};

struct pl_in_relay_server *pl_in_relay_server_create(const struct pl_listener_env *env);     /* borrows env */
void pl_in_relay_server_adopt(struct pl_in_relay_server *s, struct pl_in_relay_prepared *p); /* takes; NULL: listen no more */
void pl_in_relay_server_status(struct pl_in_relay_server *s, struct pl_buf *json);
void pl_in_relay_server_close(struct pl_in_relay_server *s, void (*closed)(void *data), void *data);

/* ---- for its connections ---- */

static inline uint64_t pl_in_relay_now_ms(const struct pl_in_relay_server *s)
{
	return uv_now(&s->env->loop->uv);
}

static inline void pl_in_relay_add(struct pl_in_relay_server *s, enum pl_in_relay_count what, uint64_t n)
{
	atomic_fetch_add_explicit(&s->env->counters[what], n, memory_order_relaxed);
}

static inline void pl_in_relay_set(struct pl_in_relay_server *s, enum pl_in_relay_count what, uint64_t n)
{
	atomic_store_explicit(&s->env->counters[what], n, memory_order_relaxed);
}

static inline const struct pl_relay_config *pl_in_relay_config(const struct pl_in_relay_server *s)
{
	return s->now->relay;
}

/* Counts what went wrong and logs the first of its kind; c NULL: no connection of note. */
void pl_in_relay_trouble(struct pl_in_relay_server *s, enum pl_in_relay_count what, const struct pl_in_relay_conn *c);

bool pl_in_relay_memory_grow(struct pl_in_relay_server *s, size_t from, size_t to); /* false: there is no room */
void pl_in_relay_server_stream_freed(struct pl_in_relay_server *s);
void pl_in_relay_arm(struct pl_in_relay_server *s); /* the timers, by what there is to do */

#endif
