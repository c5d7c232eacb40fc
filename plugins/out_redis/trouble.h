/* What can go wrong with a Redis server, by kind. */
#ifndef PL_OUT_REDIS_TROUBLE_H
#define PL_OUT_REDIS_TROUBLE_H

#include "base/str.h"

#define PL_REDIS_TROUBLE_MAP(X)                                                                                                  \
	X(PL_REDIS_REFUSED, "connect")       /* no connection: refused, unreachable */                                           \
	X(PL_REDIS_RESOLVE, "resolve")       /* the name has no address */                                                       \
	X(PL_REDIS_TIMEOUT, "timeout")       /* no connection or no answer in time */                                            \
	X(PL_REDIS_TLS, "tls")               /* handshake, certificate */                                                        \
	X(PL_REDIS_CLOSED, "closed")         /* the server closed the connection */                                              \
	X(PL_REDIS_PROTOCOL, "protocol")     /* no Redis */                                                                      \
	X(PL_REDIS_SENTINEL, "sentinel")     /* names no master, or one that is none */                                          \
	X(PL_REDIS_AUTH, "auth")             /* NOAUTH, WRONGPASS, a password that cannot be read */                             \
	X(PL_REDIS_NOPERM, "noperm")         /* the ACL forbids it */                                                            \
	X(PL_REDIS_OOM, "oom")               /* maxmemory */                                                                     \
	X(PL_REDIS_LOADING, "loading")       /* reads its data in */                                                             \
	X(PL_REDIS_READONLY, "readonly")     /* a replica */                                                                     \
	X(PL_REDIS_MASTERDOWN, "masterdown") /* a replica without its master */                                                  \
	X(PL_REDIS_OTHER, "other")

enum pl_redis_trouble {
#define X(name, label) name,
	PL_REDIS_TROUBLE_MAP(X)
#undef X
	    PL_REDIS_TROUBLE_COUNT
};

const char *pl_redis_trouble_label(enum pl_redis_trouble t);

/* By the first word of an error. */
enum pl_redis_trouble pl_redis_trouble_of(struct pl_str error);

#endif
