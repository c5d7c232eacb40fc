#include "relay/lookup.h"

#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/names.h"

enum { STACK_BYTES = 256 * 1024 };

struct pl_relay_lookup {
	atomic_int holders; /* the relay and the thread; the last frees */
	atomic_bool done;
	int fd;
	int result;
	struct addrinfo *found;
	char host[256], port[8];
};

bool pl_relay_thread_start(pthread_t *thread, void *(*run)(void *data), void *data)
{
	sigset_t all, before;
	pthread_attr_t attr;
	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(thread, &attr, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return failed == 0;
}

void pl_relay_lookup_drop(struct pl_relay_lookup *l)
{
	if (l == NULL || atomic_fetch_sub(&l->holders, 1) != 1)
		return;
	if (l->found != NULL)
		freeaddrinfo(l->found);
	close(l->fd);
	free(l);
}

static void look(struct pl_relay_lookup *l, int flags)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
	l->result = getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void tell(struct pl_relay_lookup *l)
{
	uint64_t one = 1;
	atomic_store(&l->done, true);
	ssize_t n = write(l->fd, &one, sizeof one);
	(void)n; /* an eventfd of value 0 takes it */
}

static void *run(void *data)
{
	struct pl_relay_lookup *l = data;
	look(l, AI_ADDRCONFIG);
	tell(l);
	pl_relay_lookup_drop(l);
	return NULL;
}

struct pl_relay_lookup *pl_relay_lookup_start(const char *host, const char *port, char *error, size_t size)
{
	pthread_t thread;
	struct pl_relay_lookup *l = calloc(1, sizeof *l);
	if (l == NULL) {
		pl_relay_refuse(error, size, "no memory to look up %s", host);
		return NULL;
	}
	l->holders = 1;
	memcpy(l->host, host, strnlen(host, sizeof l->host - 1));
	memcpy(l->port, port, strnlen(port, sizeof l->port - 1));
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->fd < 0)
		goto no_thread;
	look(l, AI_NUMERICHOST);
	if (l->result == 0) {
		tell(l);
		return l;
	}
	l->holders = 2;
	if (pl_relay_thread_start(&thread, run, l)) {
		pthread_detach(thread);
		return l;
	}
	close(l->fd);
no_thread:
	free(l);
	pl_relay_refuse(error, size, "no thread or descriptor left to look up %s", host);
	return NULL;
}

int pl_relay_lookup_fd(const struct pl_relay_lookup *l)
{
	return l->fd;
}

struct addrinfo *pl_relay_lookup_result(struct pl_relay_lookup *l, char *error, size_t size)
{
	if (!atomic_load(&l->done) || l->result != 0 || l->found == NULL) {
		pl_relay_refuse(error, size, "cannot look up %s: %s", l->host,
				l->result != 0 ? gai_strerror(l->result) : "no address");
		return NULL;
	}
	return l->found;
}
