/* Hands one mail to an SMTP server (RFC 5321; STARTTLS of RFC 3207, AUTH of RFC 4954), by libcurl.
 *
 * It runs on a thread of its own for as long as it takes: libcurl waits for a server's answer to QUIT without giving the loop
 * back, and a mail is rare. */
#ifndef PL_NET_MAIL_H
#define PL_NET_MAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/transfer.h"

enum { PL_MAIL_MOST_RECIPIENTS = 64 };

enum pl_mail_security {
	PL_MAIL_STARTTLS,     /* or not at all */
	PL_MAIL_WHEN_OFFERED, /* STARTTLS if the server offers it: anybody on the way can take the offer away */
	PL_MAIL_PLAIN,
	PL_MAIL_TLS /* from the first byte (smtps, RFC 8314) */
};

/* All borrowed until on_done. */
struct pl_mail_request {
	const char *host; /* name or address, IPv6 in brackets */
	unsigned port;
	enum pl_mail_security security;
	const char *hello;                       /* what this host calls itself; NULL: its name */
	const struct pl_transfer_client *client; /* of it: username, password, and what says tls or server_name */
	const char *from;                        /* bare addresses */
	const char *const *to;                   /* 1 to PL_MAIL_MOST_RECIPIENTS */
	size_t n_to;
	struct pl_str message; /* lines with CRLF */
	int64_t timeout_ns;    /* of all of it; and as long again, at most, for the farewell */
};

enum pl_mail_stage {                     /* how far it came */
		     PL_MAIL_CONNECTING, /* until the server has greeted */
		     PL_MAIL_SECURING,
		     PL_MAIL_AUTHENTICATING,
		     PL_MAIL_SENDER,
		     PL_MAIL_RECIPIENTS,
		     PL_MAIL_MESSAGE
};

struct pl_mail_result {
	enum pl_err err; /* PL_OK: the server took it for at least one recipient. PL_ECANCELED. Else see the rest. */
	enum pl_mail_stage stage;
	long status;             /* the server's code that made it fail, 0: none */
	uint64_t taken, refused; /* a bit for each recipient; refused: with a code from 500 up. Neither: not now */
	char reason[256]; /* in words, printable; empty when all recipients were taken. With PL_OK about those that were not */
};

/* Caller-owned, zero-initialised; one mail at a time. */
struct pl_mail {
	void (*on_done)(struct pl_mail *m,
			const struct pl_mail_result *result); /* set by the caller; called once, from the loop */
	void *data;                                           /* the caller's */
	bool running;
	/* The rest is the mail's. */
	struct pl_mail_request request;
	struct pl_mail_result result; /* the thread's until it has ended */
	uv_thread_t thread;
	uv_async_t ended;
	atomic_bool cancelled;
};

void pl_mail_start(struct pl_mail *m, struct pl_loop *loop, const struct pl_mail_request *request);

/* If under way: ends it soon; on_done follows with PL_ECANCELED, unless it had ended. */
void pl_mail_cancel(struct pl_mail *m);

#endif
