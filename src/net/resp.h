/* Redis' protocol, RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/), without I/O: commands to bytes, bytes
 * to replies. hiredis' reader parses; nothing is allocated by what a reply announces. */
#ifndef PL_NET_RESP_H
#define PL_NET_RESP_H

#include <stdbool.h>

#include "base/buf.h"

enum pl_resp_type { PL_RESP_STATUS, PL_RESP_ERROR, PL_RESP_INTEGER, PL_RESP_STRING, PL_RESP_NIL, PL_RESP_ARRAY, PL_RESP_OTHER };

enum {
	PL_RESP_MAX_TEXT = 256,         /* what a reply keeps of a text */
	PL_RESP_MAX_ITEMS = 4,          /* and of an array */
	PL_RESP_MAX_REPLY = 256 * 1024, /* bytes of one reply; a longer one is malformed */
};

struct pl_resp_text {
	size_t n;
	char p[PL_RESP_MAX_TEXT];
};

struct pl_resp_reply {
	enum pl_resp_type type;
	int64_t integer;
	struct pl_resp_text text;                     /* status, error, string */
	size_t n_items;                               /* of an array, those that are kept */
	struct pl_resp_text items[PL_RESP_MAX_ITEMS]; /* texts; "" for what is none */
};

struct pl_resp;

struct pl_resp *pl_resp_create(void);
void pl_resp_destroy(struct pl_resp *r);

/* False: what came so far can be no reply, for which *reason (static) says why; the reader is of no use any more. */
bool pl_resp_feed(struct pl_resp *r, const char *p, size_t n, const char **reason);

/* 1: a reply, valid until the next call. 0: needs more bytes. -1: malformed, as above. */
int pl_resp_next(struct pl_resp *r, const struct pl_resp_reply **reply, const char **reason);

/* Appends a command. */
void pl_resp_add_command(struct pl_buf *out, const struct pl_str *argv, size_t n);

static inline struct pl_str pl_resp_str(const struct pl_resp_text *t)
{
	return (struct pl_str){t->p, t->n};
}

#endif
