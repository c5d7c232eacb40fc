/* The connection to the Redis server of the configuration: finds it (by Sentinel, if asked to), says who we are, watches that it
 * answers, and begins anew with a growing pause when it does not. */
#ifndef PL_OUT_REDIS_LINK_H
#define PL_OUT_REDIS_LINK_H

#include "base/log.h"
#include "net/loop.h"
#include "net/resp.h"
#include "out_redis/config.h"
#include "out_redis/trouble.h"

struct pl_redis_link;

struct pl_redis_link_events {
	void (*up)(void *data);   /* commands may be sent */
	void (*down)(void *data); /* what was sent and not answered will not be; nothing may be sent until `up` */
	void (*reply)(void *data, const struct pl_resp_reply *reply); /* to what was sent, in order */
	void (*idle)(void *data);                                  /* after some replies, and when everything written went out */
	void (*failed)(void *data, enum pl_redis_trouble trouble); /* to be counted */
};

struct pl_redis_link *pl_redis_link_create(struct pl_loop *loop, struct pl_log *log, const char *name,
					   const struct pl_redis_config *config, const struct pl_redis_link_events *events,
					   void *data);

/* Takes the bytes of commands that get so many replies. Returns how many bytes have not gone out. */
size_t pl_redis_link_send(struct pl_redis_link *l, struct pl_buf *commands, unsigned replies);

/* The server will not do what it must: begins anew. May be called from `reply`; `down` comes from within. */
void pl_redis_link_fail(struct pl_redis_link *l, enum pl_redis_trouble trouble, const char *reason);

/* No event comes after it; frees. */
void pl_redis_link_close(struct pl_redis_link *l, void (*closed)(void *data), void *data);

#endif
