/* libpulseline-relay: makes a program a relay of a pulse server, Pulseline's or the original one. The server asks, at its own
 * pace, for the values that the program has named; the library calls the program back for them and answers.
 *
 * It looks after itself: it connects when it can, connects again when a connection is lost (at once, then every 5 s or so), tells
 * the server its collectors anew each time, keeps up the heartbeat, and comes back when the server lost it out of sight because
 * another relay used the same id for a while.
 *
 * What it never does: end the process, print, set a signal handler, let SIGPIPE happen, change the locale, or grow without bound.
 *
 * Threads: by default a relay has a thread of its own, on which it calls back. With `own_loop` there is none: the caller waits
 * until pl_relay_fd() is readable or pl_relay_wait_ms() have passed, and then calls pl_relay_step(), which calls back. add,
 * remove and info may be called from any thread at any time, from callbacks too. open and close once each, close not from a
 * callback; step by one thread at a time and not during close.
 *
 * Names of collectors and of the values in a set are what the server's database will show; a server drops the set's own name, so
 * the names in all sets of a host should differ. They are letters, digits and '_', not beginning with a digit, at most 128 bytes,
 * and not "cpu", which a pulse server does not aggregate, nor "_connected". */
#ifndef PL_RELAY_PULSELINE_RELAY_H
#define PL_RELAY_PULSELINE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PL_RELAY_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

enum {
	PL_RELAY_MAX_NAME = 128,        /* bytes of a name */
	PL_RELAY_MAX_ID = 255,          /* bytes of an id */
	PL_RELAY_MAX_TAGS = 4096,       /* bytes of all tags of a collector with the commas between */
	PL_RELAY_MAX_COLLECTORS = 1024, /* of a relay */
	PL_RELAY_MAX_ERROR = 512,       /* bytes that an error text needs at most */
	PL_RELAY_MAX_GOT = 1024 * 1024, /* bytes of the answer to one question; values beyond are left out */
	PL_RELAY_MAX_UNSENT = 2097152,  /* bytes that wait for a slow server; answers beyond are left out */
};

struct pl_relay;
struct pl_relay_set; /* while a set is collected */

enum pl_relay_event {
	PL_RELAY_CONNECTED, /* text: the server's address. All collectors have been told to it */
	PL_RELAY_FAILED,    /* an attempt to connect failed. text: why. The next follows by itself */
	PL_RELAY_LOST,      /* a connection that stood ended. text: why. The next follows by itself */
};

/* Start from PL_RELAY_OPTIONS: `struct pl_relay_options options = PL_RELAY_OPTIONS;`. All is copied, but `data`. */
struct pl_relay_options {
	size_t size;         /* of this struct; set by PL_RELAY_OPTIONS */
	const char *address; /* needed: "host:port" or "[IPv6]:port" of the server */
	const char *id; /* needed: the host's name as the server shall know it; no control characters, no trailing backslash */
	const char
	    *token; /* NULL: none; else sent as `auth TOKEN`, which Pulseline understands and the original server refuses */
	bool tls;   /* TLS 1.2 or later; the certificate is verified unless `tls_insecure` */
	bool tls_insecure;                /* take any certificate: then nobody knows who listens */
	const char *ca_file;              /* PEM; NULL: the system's authorities */
	const char *cert_file, *key_file; /* PEM; both or none: this relay's own certificate */
	const char *server_name;          /* that the certificate must carry; NULL: the host in `address` */
	bool own_loop;                    /* no thread; see above */
	uint32_t connect_ms;              /* to look up, connect, and shake hands, each; 0: 10,000 */
	uint32_t retry_ms;                /* between attempts, +-25 % by chance; 0: 5,000 */
	void (*on_event)(enum pl_relay_event event, const char *text, void *data); /* may be NULL; called where collectors are */
	void *data;
};

#define PL_RELAY_OPTIONS                                                                                                         \
	{                                                                                                                        \
		.size = sizeof(struct pl_relay_options)                                                                          \
	}

/* Below, a failed call leaves a sentence in `error` (of `error_size` bytes; it may be NULL) that says what is wrong and what
 * would be right; a call that succeeds leaves it alone. */

/* Checks the options and begins; does not wait for the server, which may be away. NULL when an option is wrong, a certificate
 * cannot be read, or there is no memory. The caller owns the relay, until pl_relay_close. */
PL_RELAY_API struct pl_relay *pl_relay_open(const struct pl_relay_options *options, char *error, size_t error_size);

/* Adds a collector of one value. `collect` returns it in whatever unit the name promises; NaN and infinities are left out. The
 * server gets four decimals, so choose the unit accordingly. `tags`: strings, NULL at the end, or NULL; by custom "key:value"; no
 * comma, no control characters, no trailing backslash. name and tags are copied; `data` must live until the collector is removed.
 * False: a bad name or tag, a name already there, too many collectors, no memory. */
PL_RELAY_API bool pl_relay_add_point(struct pl_relay *relay, const char *name, const char *const *tags,
				     double (*collect)(void *data), void *data, char *error, size_t error_size);

/* Adds a collector of any number of named values: `collect` calls pl_relay_set_put for each. */
PL_RELAY_API bool pl_relay_add_set(struct pl_relay *relay, const char *name, const char *const *tags,
				   void (*collect)(struct pl_relay_set *set, void *data), void *data, char *error,
				   size_t error_size);

/* Inside `collect` only. The name is not kept. False: left out and counted, because the name is not usable, the value is NaN or
 * infinite, or the answer is full. */
PL_RELAY_API bool pl_relay_set_put(struct pl_relay_set *set, const char *name, double value);

/* Forgets a collector. When it returns, `collect` is not running and will not be called again, unless it was called from that
 * very `collect`. So the caller must not hold a lock that `collect` takes. False: there was none of that name. */
PL_RELAY_API bool pl_relay_remove(struct pl_relay *relay, const char *name);

/* Says goodbye to the server (waits up to 2 s for that), ends the thread and frees all. NULL is fine. */
PL_RELAY_API void pl_relay_close(struct pl_relay *relay);

/* With `own_loop`: a descriptor to wait on for reading; the same for the relay's whole life. Not to be read or closed. */
PL_RELAY_API int pl_relay_fd(const struct pl_relay *relay);

/* With `own_loop`: milliseconds until the next step is due even if the descriptor stays quiet; 0: now. */
PL_RELAY_API int pl_relay_wait_ms(struct pl_relay *relay);

/* With `own_loop`: does what is due and returns. Never waits for the network. */
PL_RELAY_API void pl_relay_step(struct pl_relay *relay);

struct pl_relay_info {
	size_t size;                         /* of this struct; set by the caller */
	bool connected;                      /* the server said ok and was told all collectors */
	uint32_t beat_s;                     /* how often the server wants a sign of life */
	uint64_t connects;                   /* handshakes that succeeded */
	uint64_t failures;                   /* attempts that failed and connections lost */
	uint64_t questions;                  /* `get` lines */
	uint64_t values;                     /* sent, or waiting to be */
	uint64_t left_out;                   /* values: NaN, infinite, badly named, or beyond a bound */
	char last_error[PL_RELAY_MAX_ERROR]; /* of the last failure; empty: none yet */
};

PL_RELAY_API void pl_relay_info(struct pl_relay *relay, struct pl_relay_info *info);

/* "1.2.3", of the library that is running. */
PL_RELAY_API const char *pl_relay_version(void);

#ifdef __cplusplus
}
#endif

#endif
