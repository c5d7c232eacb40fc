/* A host name becomes addresses without anybody waiting: getaddrinfo has no other way than a thread. */
#ifndef PL_RELAY_LOOKUP_H
#define PL_RELAY_LOOKUP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct addrinfo;
struct pl_relay_lookup;

/* A thread that no signal of the host's ever interrupts. False: none to be had. */
bool pl_relay_thread_start(pthread_t *thread, void *(*run)(void *data), void *data);

/* NULL with a reason when there is no memory or no thread. Numeric addresses are done at once. */
struct pl_relay_lookup *pl_relay_lookup_start(const char *host, const char *port, char *error, size_t size);

/* Readable from when the lookup is done. */
int pl_relay_lookup_fd(const struct pl_relay_lookup *l);

/* Once the descriptor is readable: the addresses, owned by the lookup, or NULL with a reason. */
struct addrinfo *pl_relay_lookup_result(struct pl_relay_lookup *l, char *error, size_t size);

/* At any time; one under way ends in the background and frees itself. NULL is fine. */
void pl_relay_lookup_drop(struct pl_relay_lookup *l);

#endif
