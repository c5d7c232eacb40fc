/* A relay from the inside.
 *
 * relay.c has the public functions and the thread, session.c what is said over a connection (bytes in, bytes out, no I/O),
 * collect.c the collectors and how they are called, link.c the connection itself.
 *
 * `lock` guards everything but what is marked "stepper only", which belongs to the one thread that steps. It is released while
 * the host is called back. */
#ifndef PL_RELAY_PRIVATE_H
#define PL_RELAY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "relay/bytes.h"
#include "relay/link.h"
#include "relay/pulseline_relay.h"

enum {
	PL_RELAY_MAX_LINE = 256 * 1024, /* of what a server says: all names of all collectors, with room to spare */
	PL_RELAY_GOT_LINE = 8 * 1024,   /* a longer answer goes in several lines */
	PL_RELAY_MAX_ASKED = 4096,      /* names answered of one question; a server may name one twice, but not for ever */
	PL_RELAY_FIRST_BEAT_S = 30,     /* until the server says */
};

struct pl_relay_collector {
	struct pl_relay_collector *next;
	char *name, *tags; /* tags: joined by commas, never NULL */
	double (*point)(void *data);
	void (*set)(struct pl_relay_set *set, void *data);
	void *data;
	bool removed;        /* while in a call; freed after it */
	int64_t interval_ns; /* of an override; 0: none */
	int64_t due_ns, override_end_ns;
};

struct pl_relay {
	pthread_mutex_t lock;
	pthread_cond_t call_ended;
	pthread_t thread;
	bool own_loop, stopping;
	int epoll, wake; /* wake: an eventfd */

	/* never changes */
	char *address, *id, *token;
	char host[256];
	const char *port; /* in address */
	int64_t patience_ns, retry_ns;
	void (*on_event)(enum pl_relay_event event, const char *text, void *data);
	void *data;
	struct pl_relay_tls *tls;

	/* the collectors, in the order of their arrival */
	struct pl_relay_collector *first, *in_call;
	size_t count;
	pthread_t caller; /* while in_call is set */
	uint64_t calls;

	/* the connection */
	struct pl_relay_link link; /* stepper only */
	int64_t retry_at_ns;       /* while the link is down */
	bool registered;
	bool more_to_read; /* stepper only: the reader had its share before the bytes ended */
	int64_t registered_at_ns;
	int64_t identify_by_ns;         /* while up and not registered */
	int64_t ping_at_ns, pong_by_ns; /* while registered; pong_by 0: no answer is awaited */
	uint32_t beat_s;
	bool ended;                /* something went wrong; `error` says what */
	struct pl_relay_bytes in;  /* stepper only: of lines not complete */
	struct pl_relay_bytes got; /* stepper only: the answer in the making */
	size_t got_line;           /* stepper only: where its last line begins */
	uint64_t got_values;       /* stepper only: in it */
	struct pl_relay_bytes out;
	char error[PL_RELAY_MAX_ERROR - 128]; /* stepper only */

	struct pl_relay_info info; /* `connected`, `beat_s` are filled in when asked for */
};

/* ---- collect.c; with the lock held ---- */

struct pl_relay_collector *pl_relay_find(struct pl_relay *r, struct pl_str name);
void pl_relay_collectors_free(struct pl_relay *r);

/* The answer: begin, collect for each, and end, which puts the `got` lines into r->out. Collecting releases the lock; whoever
 * walks the list takes the next one only afterwards, by name or place, as `c` may be gone. */
void pl_relay_got_begin(struct pl_relay *r);
void pl_relay_got_collect(struct pl_relay *r, struct pl_relay_collector *c);
void pl_relay_got_end(struct pl_relay *r);

/* ---- session.c; with the lock held, by the stepper ---- */

void pl_relay_session_begin(struct pl_relay *r, int64_t now_ns); /* the connection stands */
void pl_relay_session_take(struct pl_relay *r, struct pl_str bytes,
			   int64_t now_ns);                     /* from the server; r->ended may be true then */
void pl_relay_session_tick(struct pl_relay *r, int64_t now_ns); /* what is due */
int64_t pl_relay_session_due(const struct pl_relay *r);         /* when that is next; INT64_MAX: never */
void pl_relay_session_end(struct pl_relay *r);                  /* forgets what belongs to the connection */
void pl_relay_session_say_add(struct pl_relay *r, const struct pl_relay_collector *c);
void pl_relay_session_say_remove(struct pl_relay *r, const char *name);
void pl_relay_session_say_goodbye(struct pl_relay *r);

/* ---- relay.c; with the lock held ---- */

void pl_relay_wake(struct pl_relay *r); /* there is something to write */
void pl_relay_emit(struct pl_relay *r, enum pl_relay_event event,
		   const char *text); /* stepper only; releases the lock meanwhile */

/* ---- session.c: the connection is over, for this reason ---- */

void pl_relay_fail(struct pl_relay *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
