/* The connection to the server: looked up, connected, TLS if wanted, and then bytes. Nothing in it waits; what it waits for is
 * armed in the caller's epoll. */
#ifndef PL_RELAY_LINK_H
#define PL_RELAY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/tls.h"

struct addrinfo;
struct pl_relay_lookup;

struct pl_relay_link {
	/* given */
	int epoll;
	const char *host, *port;  /* borrowed */
	struct pl_relay_tls *tls; /* borrowed; NULL: plain */

	/* its own; zero-initialise, with fd -1 */
	enum {
		PL_RELAY_LINK_DOWN,
		PL_RELAY_LINK_LOOKING_UP,
		PL_RELAY_LINK_CONNECTING,
		PL_RELAY_LINK_SECURING,
		PL_RELAY_LINK_UP
	} state;
	int fd;
	uint32_t armed;
	struct pl_relay_lookup *lookup;
	struct addrinfo *next; /* the address to try when this one fails */
	struct pl_relay_tls_conn *conn;
	int64_t deadline_ns; /* of the present state, 0 when up or down */
	int64_t patience_ns; /* for each state */
};

/* Each returns false when it is over, with a reason; then pl_relay_link_down is due. */
bool pl_relay_link_begin(struct pl_relay_link *l, int64_t now_ns, char *error, size_t size);
bool pl_relay_link_go_on(struct pl_relay_link *l, int64_t now_ns, char *error,
			 size_t size); /* towards UP, as far as it goes now */

/* While UP. `*n` 0: nothing for the moment. */
bool pl_relay_link_read(struct pl_relay_link *l, void *p, size_t room, size_t *n, char *error, size_t size);
bool pl_relay_link_write(struct pl_relay_link *l, const void *p, size_t count, size_t *n, char *error, size_t size);

/* While UP: whether there is more to write than the server takes at the moment. */
void pl_relay_link_want_write(struct pl_relay_link *l, bool want);

void pl_relay_link_down(struct pl_relay_link *l);

/* After the last byte: waits until the server has closed or `until_ns`, then goes down. */
void pl_relay_link_farewell(struct pl_relay_link *l, int64_t until_ns);

#endif
