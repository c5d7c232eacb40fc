/* From the feed of live values to Redis: for each value a PUBLISH, and the last value in a hash with a time to live. */
#ifndef PL_OUT_REDIS_PUBLISHER_H
#define PL_OUT_REDIS_PUBLISHER_H

#include "out_redis/config.h"
#include "out_redis/trouble.h"
#include "pipeline/plugin.h"

/* env->counters[i]. values_in = published + refused + lost + pending, whenever nothing is being written. */
enum pl_redis_counter {
	PL_REDIS_VALUES_IN,      /* taken from the feed */
	PL_REDIS_PUBLISHED,      /* PUBLISH was answered */
	PL_REDIS_VALUES_REFUSED, /* with an error */
	PL_REDIS_LOST,           /* not answered when the connection broke: nobody knows */
	PL_REDIS_PENDING,        /* now: sent, not answered yet */
	PL_REDIS_DROPPED,        /* never taken: the feed's ring had no room for them any more */
	PL_REDIS_RECEIVERS,      /* subscribers that got a value, as Redis says */
	PL_REDIS_STORED,         /* last values written */
	PL_REDIS_CONNECTIONS,
	PL_REDIS_UP,     /* now */
	PL_REDIS_ERRORS, /* the first kind of trouble; the others follow */
	PL_REDIS_COUNTER_COUNT = PL_REDIS_ERRORS + PL_REDIS_TROUBLE_COUNT,
};

const char *pl_redis_counter_label(size_t i);

struct pl_redis_publisher;

struct pl_redis_publisher *pl_redis_publisher_create(const struct pl_output_env *env, const struct pl_redis_config *config);

/* Sends what is left and waits a second for the answers, if the server is there; frees. */
void pl_redis_publisher_close(struct pl_redis_publisher *p, void (*closed)(void *data), void *data);

#endif
