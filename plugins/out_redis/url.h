/* redis://[user[:password]@]host[:port][/database] and rediss:// (TLS), as Redis' own clients write them. */
#ifndef PL_OUT_REDIS_URL_H
#define PL_OUT_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { PL_REDIS_MAX_HOST = 253, PL_REDIS_MAX_CREDENTIAL = 1024 };

struct pl_redis_url {
	bool tls;
	char host[PL_REDIS_MAX_HOST + 1];                                              /* without brackets */
	uint16_t port;                                                                 /* 6379 unless given */
	unsigned database;                                                             /* 0 unless given */
	char user[PL_REDIS_MAX_CREDENTIAL + 1], password[PL_REDIS_MAX_CREDENTIAL + 1]; /* percent-decoded; "": none */
};

/* On failure `reason` says what is wrong, without showing what may be a password. */
PL_MUST_CHECK enum pl_err pl_redis_url_parse(struct pl_str text, struct pl_redis_url *out, char *reason, size_t reason_size);

/* host[:port] alone; `port` is left as it is when none is given. */
PL_MUST_CHECK enum pl_err pl_redis_host_parse(struct pl_str text, char host[PL_REDIS_MAX_HOST + 1], uint16_t *port, char *reason,
					      size_t reason_size);

#endif
